import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { createEventStream, type EventSink } from "./events.ts";
import type { StatusView } from "./view.ts";

const view: StatusView = {
  about: { version: "1", revision: "", hostId: "h", startedMs: 1, showsPeople: false },
  connection: {
    state: "polling",
    host: "c1",
    lastPollMs: 1,
    nextPollMs: 2,
    failingSinceMs: undefined,
    problem: undefined,
  },
  tasks: { running: [], more: 0, queued: 0 },
  syncs: [],
  changes: { kind: "none", reason: "" },
  budgets: [],
  credentials: [],
  problems: [],
};

class Page implements EventSink {
  readonly texts: string[] = [];
  writableLength = 0;
  destroyed = false;
  readonly #listeners: (() => void)[] = [];

  write(text: string): void {
    this.texts.push(text);
  }
  destroy(): void {
    this.destroyed = true;
  }
  on(_event: string, listener: () => void): void {
    this.#listeners.push(listener);
  }
  close(): void {
    for (const listener of this.#listeners) listener();
  }
  /** The sections of each message, comments left out. */
  get messages(): string[][] {
    return this.texts
      .filter((text) => text.startsWith("data: "))
      .map((text) => Object.keys(JSON.parse(text.slice(6))).filter((key) => key !== "nowMs"));
  }
}

function setUp({ maxClients = 8 } = {}) {
  const clock = createVirtualClock();
  const current = { view };
  let looks = 0;
  const stream = createEventStream({
    clock,
    maxClients,
    maxUnreadBytes: 1000,
    view() {
      looks += 1;
      return current.view;
    },
  });
  const after = (ms: number): Promise<void> => clock.sleep(ms, new AbortController().signal);
  return { clock, current, stream, after, looks: () => looks };
}

suite("event stream", () => {
  test("a page is told everything at first, and then only what has changed", async () => {
    const { after, current, stream } = setUp();
    await using _stream = stream;
    const page = new Page();
    assert.equal(stream.open(page), true);
    assert.deepEqual(page.messages, [Object.keys(view)]);
    current.view = { ...view, tasks: { running: [], more: 0, queued: 3 } };
    stream.changed();
    await after(260);
    assert.deepEqual(page.messages.slice(1), [["tasks"]]);
    assert.match(page.texts.at(-1) ?? "", /^data: \{"nowMs":\d+,"tasks":\{"running":\[\],"more":0,"queued":3\}\}\n\n$/);
  });

  test("many changes make at most four messages a second; no change makes none", async () => {
    const { after, current, stream } = setUp();
    await using _stream = stream;
    const page = new Page();
    stream.open(page);
    for (let at = 0; at < 100; at += 1) {
      current.view = { ...view, tasks: { running: [], more: 0, queued: at } };
      stream.changed();
      await after(20);
    }
    assert.ok(page.messages.length - 1 <= 8, `${page.messages.length}`);
    const before = page.messages.length;
    await after(5_000);
    assert.ok(page.messages.length - before <= 1);
  });

  test("what changes with time alone is seen within a second", async () => {
    const { after, current, stream } = setUp();
    await using _stream = stream;
    const page = new Page();
    stream.open(page);
    current.view = { ...view, budgets: [] };
    current.view = { ...view, about: { ...view.about, hostId: "other" } };
    await after(1_010);
    assert.deepEqual(page.messages.slice(1), [["about"]]);
  });

  test("a comment every 15 seconds", async () => {
    const { after, stream } = setUp();
    await using _stream = stream;
    const page = new Page();
    stream.open(page);
    await after(31_000);
    assert.equal(page.texts.filter((text) => text.startsWith(":")).length, 2);
  });

  test("a page too many is turned away, and has a place when another is gone", async () => {
    const { stream } = setUp({ maxClients: 2 });
    await using _stream = stream;
    const pages = [new Page(), new Page(), new Page()];
    assert.deepEqual(
      pages.map((page) => stream.open(page)),
      [true, true, false],
    );
    assert.deepEqual(pages[2]?.texts, []);
    pages[0]?.close();
    assert.equal(stream.open(pages[2]!), true);
  });

  test("a page that does not read is cut off, the others go on", async () => {
    const { after, current, stream } = setUp();
    await using _stream = stream;
    const slow = new Page();
    const quick = new Page();
    stream.open(slow);
    stream.open(quick);
    slow.writableLength = 1001;
    current.view = { ...view, tasks: { running: [], more: 0, queued: 3 } };
    stream.changed();
    await after(300);
    assert.deepEqual([slow.destroyed, quick.destroyed, stream.clients], [true, false, 1]);
    assert.equal(quick.messages.length, 2);
  });

  test("without pages it does nothing, and it ends with its last page", async () => {
    const { after, clock, looks, stream } = setUp();
    stream.changed();
    await after(5_000);
    assert.equal(looks(), 0);
    const page = new Page();
    stream.open(page);
    page.close();
    await after(2_000);
    const before = clock.sleeps.length;
    await after(5_000);
    assert.equal(clock.sleeps.length, before + 1);
    // And begins anew.
    stream.open(new Page());
    await after(300);
    assert.ok(clock.sleeps.length > before + 2);
    await stream[Symbol.asyncDispose]();
  });

  test("disposing cuts every page off and takes no more", async () => {
    const { stream } = setUp();
    const page = new Page();
    stream.open(page);
    await stream[Symbol.asyncDispose]();
    assert.equal(page.destroyed, true);
    assert.equal(stream.open(new Page()), false);
  });
});
