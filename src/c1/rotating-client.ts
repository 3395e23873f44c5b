import type { C1Client, PollResult } from "../baton/c1-client.ts";
import type { C1Credentials } from "../baton/c1-credentials.ts";
import type { Clock } from "../baton/clock.ts";
import type { ConnectorMetadata } from "../baton/connector.ts";
import { untilAborted } from "../baton/shared-reading.ts";
import { StatusError } from "../baton/status-error.ts";
import { isRejection } from "./rejection.ts";

export interface RotatingClientOptions {
  /** Makes a client for one pair of credentials. */
  readonly open: (credentials: C1Credentials) => C1Client;
  readonly clock: Clock;
  /** How long a call about a task that C1 rejects waits for new credentials, in milliseconds; 0 where none can come. */
  readonly waitForNewMs: number;
  /** Told when C1 rejects the credentials in use; that it rejects older ones is no news. */
  readonly onRejected?: (error: StatusError) => void;
}

/** The control plane under credentials that change. */
export interface RotatingC1Client extends C1Client {
  /** Puts credentials in use: for Hello, for polls and for tasks that are handed out from now on. */
  adopt(credentials: C1Credentials): void;
}

interface Session {
  readonly client: C1Client;
  /** Tasks that were handed out under these credentials and are not reported yet. */
  readonly tasks: Set<string>;
  /** Calls under way. */
  calls: number;
  /** Whether C1 knows of us under these credentials. */
  greeted: boolean;
  /** When others took its place, on the clock that never jumps; `undefined` while in use. */
  retiredMs: number | undefined;
}

/** What one call has left of the time for which it waits. */
interface Patience {
  leftMs: number;
  pauseMs: number;
}

/**
 * A call that was rejected asks again after pauses that double from one to the other: the same credentials may be accepted once
 * more, e.g. when a clock is put right, and while every slot is taken by a waiting task nobody else would find that out.
 */
const [firstPauseMs, longestPauseMs] = [2_000, 30_000];
/** Reports that never succeed would keep sessions for ever; nobody has so many tasks under way. */
const maxTasks = 10_000;
/** The longest sync is over by then. */
const longestRetiredMs = 6 * 60 * 60_000;

/**
 * Makes a client without credentials yet. A task keeps the credentials under which it was handed out, since nobody says that
 * C1 takes reports under others; only when C1 rejects those do its calls go over to newer ones, waiting for them a while,
 * because a mounted Secret comes up to a minute and a half after the rotation, and asking again now and then. Before the first
 * poll under new credentials comes a Hello, as C1 knows it of a process that starts.
 */
export function createRotatingClient(options: RotatingClientOptions): RotatingC1Client {
  return new SessionSwitch(options);
}

class SessionSwitch implements RotatingC1Client {
  readonly #options: RotatingClientOptions;
  readonly #open = new Set<Session>();
  readonly #sessionOf = new Map<string, Session>();
  #current: Session | undefined;
  #arrival = Promise.withResolvers<void>();
  #introduction: ConnectorMetadata | undefined;
  #closed = false;

  constructor(options: RotatingClientOptions) {
    this.#options = options;
  }

  adopt(credentials: C1Credentials): void {
    if (this.#closed) return;
    const before = this.#current;
    const client = this.#options.open(credentials);
    this.#current = { client, tasks: new Set(), calls: 0, greeted: false, retiredMs: undefined };
    this.#open.add(this.#current);
    if (before !== undefined) {
      before.retiredMs = this.#options.clock.monotonicMs();
      this.#closeIfDone(before);
    }
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers();
  }

  async hello(...[taskId, metadata, signal]: Parameters<C1Client["hello"]>): Promise<void> {
    if (taskId !== "") {
      await this.#ofTask(taskId, signal, (client) => client.hello(taskId, metadata, signal));
      this.#settled(taskId);
      return;
    }
    this.#introduction = metadata;
    await this.#underCurrent((session) => this.#greet(session, metadata, signal));
  }

  getTask(signal: AbortSignal): Promise<PollResult> {
    return this.#poll(signal, (client) => client.getTask(signal));
  }

  getTasks(...[request, signal]: Parameters<C1Client["getTasks"]>): Promise<PollResult> {
    return this.#poll(signal, (client) => client.getTasks(request, signal));
  }

  heartbeat(...[taskId, signal]: Parameters<C1Client["heartbeat"]>): ReturnType<C1Client["heartbeat"]> {
    return this.#ofTask(taskId, signal, (client) => client.heartbeat(taskId, signal));
  }

  uploadAsset(...[taskId, upload, signal]: Parameters<C1Client["uploadAsset"]>): Promise<void> {
    return this.#ofTask(taskId, signal, (client) => client.uploadAsset(taskId, upload, signal));
  }

  async finishTask(...[report, signal]: Parameters<C1Client["finishTask"]>): Promise<void> {
    await this.#ofTask(report.task.id, signal, (client) => client.finishTask(report, signal));
    this.#settled(report.task.id);
  }

  forget(taskId: string): void {
    this.#settled(taskId);
  }

  close(): void {
    this.#closed = true;
    for (const { client } of this.#open) client.close();
    this.#open.clear();
    this.#sessionOf.clear();
  }

  async #greet(session: Session, metadata: ConnectorMetadata, signal: AbortSignal): Promise<void> {
    await session.client.hello("", metadata, signal);
    session.greeted = true;
  }

  #poll(signal: AbortSignal, call: (client: C1Client) => Promise<PollResult>): Promise<PollResult> {
    this.#endOldest();
    return this.#underCurrent(async (session) => {
      if (!session.greeted && this.#introduction !== undefined) await this.#greet(session, this.#introduction, signal);
      const result = await call(session.client);
      for (const { id } of result.tasks) this.#assign(id, session);
      return result;
    });
  }

  /** Under the credentials in use; rejected, and others in use meanwhile, the call is made under those. */
  async #underCurrent<T>(call: (session: Session) => Promise<T>): Promise<T> {
    for (;;) {
      const session = this.#inUse();
      try {
        return await this.#under(session, () => call(session));
      } catch (reason) {
        if (!isRejection(reason) || session === this.#current) throw reason;
      }
    }
  }

  async #ofTask<T>(taskId: string, signal: AbortSignal, call: (client: C1Client) => Promise<T>): Promise<T> {
    const patience = { leftMs: this.#options.waitForNewMs, pauseMs: firstPauseMs };
    for (;;) {
      const session = this.#sessionOf.get(taskId) ?? this.#inUse();
      try {
        return await this.#under(session, () => call(session.client));
      } catch (reason) {
        if (!isRejection(reason) || !(await this.#mayPass(session, patience, signal))) throw reason;
        const newer = this.#inUse();
        // Another call of the task may have gone over before.
        if (newer !== session && this.#sessionOf.get(taskId) === session) this.#assign(taskId, newer);
      }
    }
  }

  async #under<T>(session: Session, call: () => Promise<T>): Promise<T> {
    session.calls += 1;
    try {
      return await call();
    } catch (reason) {
      if (isRejection(reason) && session === this.#current) this.#options.onRejected?.(StatusError.from(reason));
      throw reason;
    } finally {
      session.calls -= 1;
      this.#closeIfDone(session);
    }
  }

  #inUse(): Session {
    if (this.#current === undefined) throw new StatusError("unavailable", "there are no credentials for C1 yet");
    return this.#current;
  }

  /**
   * Whether the call is worth making again: at once when other credentials are in use; else when others come, or after a pause
   * while there is patience.
   */
  async #mayPass(session: Session, patience: Patience, signal: AbortSignal): Promise<boolean> {
    if (this.#current !== session) return true;
    if (patience.leftMs <= 0) return false;
    const { clock } = this.#options;
    const sinceMs = clock.monotonicMs();
    const waited = new AbortController();
    const pauseMs = Math.min(patience.pauseMs, patience.leftMs);
    const pause = clock.sleep(pauseMs, AbortSignal.any([signal, waited.signal])).catch(() => undefined);
    try {
      await untilAborted(Promise.race([this.#arrival.promise, pause]), signal);
    } finally {
      waited.abort(new StatusError("cancelled", "new credentials came"));
      patience.leftMs -= clock.monotonicMs() - sinceMs;
      patience.pauseMs = Math.min(2 * patience.pauseMs, longestPauseMs);
    }
    return true;
  }

  #assign(taskId: string, session: Session): void {
    this.#settled(taskId);
    const [oldest] = this.#sessionOf.keys();
    if (oldest !== undefined && this.#sessionOf.size >= maxTasks) this.#settled(oldest);
    session.tasks.add(taskId);
    this.#sessionOf.set(taskId, session);
  }

  #settled(taskId: string): void {
    const session = this.#sessionOf.get(taskId);
    this.#sessionOf.delete(taskId);
    session?.tasks.delete(taskId);
    if (session !== undefined) this.#closeIfDone(session);
  }

  #endOldest(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const session of this.#open) {
      if (session.retiredMs === undefined || nowMs - session.retiredMs <= longestRetiredMs) continue;
      // Whatever still speaks of such a task does so under the credentials in use.
      for (const taskId of [...session.tasks]) this.#settled(taskId);
    }
  }

  #closeIfDone(session: Session): void {
    if (session === this.#current || session.tasks.size > 0 || session.calls > 0) return;
    if (this.#open.delete(session)) session.client.close();
  }
}
