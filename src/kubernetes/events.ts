import type { Clock } from "../baton/clock.ts";
import type { Logger } from "../baton/logger.ts";
import { StatusError } from "../baton/status-error.ts";
import { type KubeConnection, microTime } from "./call.ts";
import { endAfter, within } from "./within.ts";

/** Something that an operator should see beside the pod. */
export interface PodEvent {
  /** One word in capitals and small letters, e.g. `CredentialRejected`. */
  readonly reason: string;
  /** One sentence without secrets and people; cut at 1 kB. */
  readonly note: string;
  readonly type: "Normal" | "Warning";
}

export interface EventRecorder {
  /** Takes note and returns at once; what cannot be written is dropped. Never throws. */
  record(event: PodEvent): void;
  /** Writes what was recorded until `stop` aborts, then for one second at most what is left. Never rejects. */
  run(stop: AbortSignal): Promise<void>;
}

export interface EventRecorderDeps {
  readonly connection: KubeConnection;
  readonly pod: {
    readonly name: string;
    /** Without it `kubectl describe pod` does not show the events; `kubectl events` does. */
    readonly uid: string | undefined;
  };
  readonly clock: Clock;
  readonly log: Logger;
}

/** What was recorded of one kind: the first becomes an Event, the following its series. */
interface Series {
  readonly event: PodEvent;
  /** How often it happened. */
  count: number;
  /** How often the API knows of. */
  written: number;
  lastMs: number;
  /** Name of the Event; `undefined` until it is there. */
  name: string | undefined;
}

const callMs = 5_000;
const farewellMs = 1_000;
/** So many calls at once, and one more in every span. */
const burst = 10;
const refillMs = 30_000;
const maxKinds = 50;
/** After this long without another, the next one is a new Event. */
const seriesEndsMs = 6 * 60_000;
/** The API takes 1024 bytes of note and 128 of reporting instance. */
const maxNoteBytes = 1_024;
const maxInstance = 128;

/**
 * Events (events.k8s.io/v1) on the pod: at most ten calls at once and one every 30 s after that; what repeats is counted in
 * the series of its first Event. Needs create and patch on `events` of `events.k8s.io`.
 */
export function createEventRecorder(deps: EventRecorderDeps): EventRecorder {
  return new SeriesRecorder(deps);
}

class SeriesRecorder implements EventRecorder {
  readonly #deps: EventRecorderDeps;
  readonly #kinds = new Map<string, Series>();
  #tokens = burst;
  #refilledAtMs: number;
  #serial = 0;
  #wake = (): void => undefined;

  constructor(deps: EventRecorderDeps) {
    this.#deps = deps;
    this.#refilledAtMs = deps.clock.monotonicMs();
  }

  record(event: PodEvent): void {
    const nowMs = this.#deps.clock.nowMs();
    const key = JSON.stringify([event.type, event.reason, event.note]);
    const known = this.#kinds.get(key);
    if (known !== undefined && nowMs - known.lastMs < seriesEndsMs) {
      known.count += 1;
      known.lastMs = nowMs;
    } else {
      this.#forgetOld(nowMs);
      if (this.#kinds.size >= maxKinds) return;
      this.#kinds.set(key, { event, count: 1, written: 0, lastMs: nowMs, name: undefined });
    }
    this.#wake();
  }

  async run(stop: AbortSignal): Promise<void> {
    using end = endAfter(this.#deps.clock, farewellMs, stop);
    while (!end.signal.aborted) {
      const next = this.#next();
      if (next !== undefined && this.#take()) await this.#write(next, end.signal);
      else if (stop.aborted) return;
      else if (next === undefined) await this.#somethingNew(stop);
      else await this.#deps.clock.sleep(this.#untilRefillMs(), stop).catch(() => undefined);
    }
  }

  #next(): Series | undefined {
    return [...this.#kinds.values()].find(({ count, written }) => count > written);
  }

  /** One call to the API. Whatever becomes of it, these occurrences are done with. */
  async #write(series: Series, signal: AbortSignal): Promise<void> {
    const { clock, connection, log } = this.#deps;
    const { count } = series;
    try {
      await within(clock, callMs, signal, (limited) => this.#send(series, connection, limited));
    } catch (reason) {
      const { code, message } = StatusError.from(reason);
      // The API forgets events after an hour.
      if (code === "not_found") series.name = undefined;
      log.debug("an event could not be written", { reason: series.event.reason, code, error: message });
    }
    series.written = Math.max(series.written, count);
  }

  async #send(series: Series, connection: KubeConnection, signal: AbortSignal): Promise<void> {
    const { event, count, lastMs } = series;
    const path = `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(connection.namespace)}/events`;
    const what = `the Event ${event.reason}`;
    const repeated = { count, lastObservedTime: microTime(lastMs) };
    if (series.name !== undefined) {
      await connection.call(
        { verb: "patch", path: `${path}/${series.name}`, body: { series: repeated }, what },
        signal,
      );
      return;
    }
    const body = this.#object(event, lastMs);
    await connection.call(
      { verb: "create", path, body: count > 1 ? { ...body, series: repeated } : body, what },
      signal,
    );
    series.name = body.metadata.name;
  }

  #object({ reason, note, type }: PodEvent, atMs: number) {
    const { pod, connection } = this.#deps;
    const { namespace } = connection;
    this.#serial += 1;
    return {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name: `${pod.name}.${atMs.toString(16)}.${this.#serial}`, namespace },
      eventTime: microTime(atMs),
      reportingController: "baton-cursor",
      reportingInstance: pod.name.slice(0, maxInstance),
      action: reason,
      reason,
      regarding: {
        apiVersion: "v1",
        kind: "Pod",
        name: pod.name,
        namespace,
        ...(pod.uid === undefined ? {} : { uid: pod.uid }),
      },
      note: cut(note, maxNoteBytes),
      type,
    };
  }

  #take(): boolean {
    const nowMs = this.#deps.clock.monotonicMs();
    const earned = Math.floor((nowMs - this.#refilledAtMs) / refillMs);
    this.#tokens = Math.min(burst, this.#tokens + earned);
    this.#refilledAtMs += earned * refillMs;
    if (this.#tokens === 0) return false;
    this.#tokens -= 1;
    return true;
  }

  #untilRefillMs(): number {
    return Math.max(1, this.#refilledAtMs + refillMs - this.#deps.clock.monotonicMs());
  }

  #forgetOld(nowMs: number): void {
    for (const [key, { lastMs, count, written }] of this.#kinds) {
      if (nowMs - lastMs >= seriesEndsMs && count === written) this.#kinds.delete(key);
    }
  }

  #somethingNew(stop: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = () => {
      stop.removeEventListener("abort", this.#wake);
      resolve();
    };
    stop.addEventListener("abort", this.#wake, { once: true });
    return promise;
  }
}

/** The beginning of a text that takes at most `bytes` bytes, whole characters only. */
function cut(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  const room = bytes - Buffer.byteLength("…");
  let kept = "";
  for (const character of text) {
    if (Buffer.byteLength(kept) + Buffer.byteLength(character) > room) break;
    kept += character;
  }
  return `${kept}…`;
}
