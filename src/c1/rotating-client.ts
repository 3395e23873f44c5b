import type { C1Client, PollResult } from "../baton/c1-client.ts";
import type { C1Credentials } from "../baton/c1-credentials.ts";
import type { Clock } from "../baton/clock.ts";
import { untilAborted } from "../baton/shared-reading.ts";
import { StatusError } from "../baton/status-error.ts";

export interface RotatingClientOptions {
  /** Makes a client for one pair of credentials. */
  readonly open: (credentials: C1Credentials) => C1Client;
  readonly clock: Clock;
  /** How long a call that C1 rejects waits for new credentials, in milliseconds; 0 where none can come. */
  readonly waitForNewMs: number;
  /** Told when C1 rejects the credentials of a call. */
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
}

/** Reports that never succeed would keep sessions for ever; nobody has so many tasks under way. */
const maxTasks = 10_000;

/**
 * Makes a client without credentials yet. A task keeps the credentials under which it was handed out, since nobody says that
 * C1 takes reports under others; only when C1 rejects those do its calls go over to newer ones, waiting for them a while,
 * because a mounted Secret comes up to a minute and a half after the rotation.
 */
export function createRotatingClient(options: RotatingClientOptions): RotatingC1Client {
  return new SessionSwitch(options);
}

class SessionSwitch implements RotatingC1Client {
  readonly #options: RotatingClientOptions;
  readonly #sessionOf = new Map<string, Session>();
  #current: Session | undefined;
  #arrival = Promise.withResolvers<void>();

  constructor(options: RotatingClientOptions) {
    this.#options = options;
  }

  adopt(credentials: C1Credentials): void {
    const before = this.#current;
    this.#current = { client: this.#options.open(credentials), tasks: new Set() };
    if (before !== undefined) closeIfIdle(before);
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers();
  }

  async hello(...[taskId, metadata, signal]: Parameters<C1Client["hello"]>): Promise<void> {
    if (taskId === "") return this.#guarded((client) => client.hello("", metadata, signal));
    await this.#ofTask(taskId, signal, (client) => client.hello(taskId, metadata, signal));
    this.#settled(taskId);
  }

  getTask(signal: AbortSignal): Promise<PollResult> {
    return this.#poll((client) => client.getTask(signal));
  }

  getTasks(...[request, signal]: Parameters<C1Client["getTasks"]>): Promise<PollResult> {
    return this.#poll((client) => client.getTasks(request, signal));
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

  close(): void {
    for (const session of new Set([...this.#sessionOf.values(), ...(this.#current ? [this.#current] : [])])) {
      session.client.close();
    }
    this.#sessionOf.clear();
  }

  /** Under the credentials in use, whatever comes. */
  async #guarded<T>(call: (client: C1Client) => Promise<T>): Promise<T> {
    if (this.#current === undefined) throw new StatusError("unavailable", "there are no credentials for C1 yet");
    try {
      return await call(this.#current.client);
    } catch (reason) {
      this.#notice(reason);
      throw reason;
    }
  }

  async #poll(call: (client: C1Client) => Promise<PollResult>): Promise<PollResult> {
    const session = this.#current;
    const result = await this.#guarded(call);
    if (session === undefined) return result;
    for (const { id } of result.tasks) {
      if (this.#sessionOf.size >= maxTasks) this.#settled([...this.#sessionOf.keys()][0] ?? "");
      session.tasks.add(id);
      this.#sessionOf.set(id, session);
    }
    return result;
  }

  async #ofTask<T>(taskId: string, signal: AbortSignal, call: (client: C1Client) => Promise<T>): Promise<T> {
    for (;;) {
      const session = this.#sessionOf.get(taskId) ?? this.#current;
      if (session === undefined) throw new StatusError("unavailable", "there are no credentials for C1 yet");
      try {
        return await call(session.client);
      } catch (reason) {
        this.#notice(reason);
        const newer = isRejection(reason) ? await this.#newerThan(session, signal) : undefined;
        if (newer === undefined) throw reason;
        this.#move(taskId, session, newer);
      }
    }
  }

  #notice(reason: unknown): void {
    if (isRejection(reason)) this.#options.onRejected?.(StatusError.from(reason));
  }

  /** The credentials in use if they are others; else those that come within the time allowed. */
  async #newerThan(session: Session, signal: AbortSignal): Promise<Session | undefined> {
    if (this.#current !== session) return this.#current;
    const { clock, waitForNewMs } = this.#options;
    if (waitForNewMs === 0) return undefined;
    const waited = new AbortController();
    const limit = clock.sleep(waitForNewMs, AbortSignal.any([signal, waited.signal])).catch(() => undefined);
    try {
      await untilAborted(Promise.race([this.#arrival.promise, limit]), signal);
    } finally {
      waited.abort(new StatusError("cancelled", "new credentials came"));
    }
    return this.#current === session ? undefined : this.#current;
  }

  #move(taskId: string, from: Session, to: Session): void {
    from.tasks.delete(taskId);
    to.tasks.add(taskId);
    this.#sessionOf.set(taskId, to);
    if (from !== this.#current) closeIfIdle(from);
  }

  #settled(taskId: string): void {
    const session = this.#sessionOf.get(taskId);
    this.#sessionOf.delete(taskId);
    session?.tasks.delete(taskId);
    if (session !== undefined && session !== this.#current) closeIfIdle(session);
  }
}

function closeIfIdle({ client, tasks }: Session): void {
  if (tasks.size === 0) client.close();
}

function isRejection(reason: unknown): boolean {
  return reason instanceof StatusError && reason.code === "unauthenticated";
}
