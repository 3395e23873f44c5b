import type { Clock } from "../baton/clock.ts";
import { StatusError } from "../baton/status-error.ts";
import type { StatusSection, StatusView } from "./view.ts";

/** What the stream needs of a response: node:http's has it. */
export interface EventSink {
  write(text: string): unknown;
  /** Bytes that wait for the other side to read. */
  readonly writableLength: number;
  destroy(): void;
  on(event: "close" | "error", listener: () => void): unknown;
}

export interface EventStreamDeps {
  readonly clock: Clock;
  readonly view: () => StatusView;
  /** At most this many pages at once. */
  readonly maxClients: number;
  /** Who leaves more than this many bytes unread is cut off. */
  readonly maxUnreadBytes: number;
}

/** The pages that are open, and what they have been told. Disposing cuts them off. */
export interface EventStream extends AsyncDisposable {
  readonly clients: number;
  /** Tells `sink` everything, and then what changes. Returns false, and does nothing, when there are too many already. */
  open(sink: EventSink): boolean;
  /** Something may have changed; costs nothing. */
  changed(): void;
}

/** Between two looks at what has changed: four times a second. */
const lookEveryMs = 250;
/** Every so many looks also without being told: budgets and progress change with time alone. */
const looksUntold = 4;
/** Every so many looks a comment, so that both sides find out when the other is gone: 15 s. */
const looksPerHeartbeat = 60;

/** A stream to nobody, which costs nothing. */
export function createEventStream(deps: EventStreamDeps): EventStream {
  return new Stream(deps);
}

class Stream implements EventStream {
  readonly #deps: EventStreamDeps;
  readonly #clients = new Set<EventSink>();
  readonly #ended = new AbortController();
  /** Each section as the clients know it. */
  readonly #known = new Map<StatusSection, { readonly value: unknown; readonly text: string }>();
  #dirty = false;
  #running: Promise<void> | undefined;

  constructor(deps: EventStreamDeps) {
    this.#deps = deps;
  }

  get clients(): number {
    return this.#clients.size;
  }

  open(sink: EventSink): boolean {
    if (this.#clients.size >= this.#deps.maxClients || this.#ended.signal.aborted) return false;
    const drop = (): void => void this.#clients.delete(sink);
    sink.on("close", drop);
    sink.on("error", drop);
    // First the others, so that all know the same from now on.
    this.#tellChanges();
    this.#clients.add(sink);
    this.#write(sink, this.#message([...this.#known].map(([name, { text }]) => [name, text])));
    this.#running ??= this.#run();
    return true;
  }

  changed(): void {
    this.#dirty = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort(new StatusError("cancelled", "the status page is closed"));
    for (const sink of this.#clients) sink.destroy();
    this.#clients.clear();
    await this.#running;
  }

  /** Looks while there are clients. Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#ended;
    for (let looks = 1; this.#clients.size > 0 && !signal.aborted; looks += 1) {
      await this.#deps.clock.sleep(lookEveryMs, signal).catch(() => undefined);
      if (this.#dirty || looks % looksUntold === 0) this.#tellChanges();
      if (looks % looksPerHeartbeat === 0) this.#writeAll(": still here\n\n");
    }
    this.#running = undefined;
  }

  #tellChanges(): void {
    this.#dirty = false;
    const changed: [StatusSection, string][] = [];
    for (const [name, value] of Object.entries(this.#deps.view()) as [StatusSection, unknown][]) {
      const known = this.#known.get(name);
      // The long lists are new arrays only when they have changed.
      if (known !== undefined && known.value === value) continue;
      const text = JSON.stringify(value);
      this.#known.set(name, { value, text });
      if (known?.text !== text) changed.push([name, text]);
    }
    if (changed.length > 0) this.#writeAll(this.#message(changed));
  }

  #message(sections: readonly (readonly [StatusSection, string])[]): string {
    const parts = sections.map(([name, text]) => `,"${name}":${text}`);
    return `data: {"nowMs":${this.#deps.clock.nowMs()}${parts.join("")}}\n\n`;
  }

  #writeAll(text: string): void {
    for (const sink of this.#clients) this.#write(sink, text);
  }

  #write(sink: EventSink, text: string): void {
    sink.write(text);
    if (sink.writableLength <= this.#deps.maxUnreadBytes) return;
    this.#clients.delete(sink);
    sink.destroy();
  }
}
