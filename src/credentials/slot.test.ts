import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { suite, test } from "node:test";
import { createRecordingLogger } from "../../test/fakes/recording-logger.ts";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { until } from "../../test/helpers/until.ts";
import { StatusError } from "../baton/status-error.ts";
import { type CredentialReading, createSlot, type SlotDeps } from "./slot.ts";

/** Stands for a credential: what it holds must never be seen. */
const canary = (text: string): string => `canary-${text}`;

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** A right version. */
const right = (text: string): CredentialReading<string> => ({
  digest: digestOf(text),
  value: canary(text),
  problem: undefined,
});

/** A version that is there but not right. */
const wrong = (text: string, problem = "KEY is not a key: copy it again"): CredentialReading<string> => ({
  digest: digestOf(text),
  value: undefined,
  problem,
});

const missing: CredentialReading<string> = { digest: "", value: undefined, problem: "KEY is missing" };
const absent: CredentialReading<string> = { digest: "", value: undefined, problem: undefined };
const rejected = new StatusError("unauthenticated", "the service rejected KEY");

/** A slot of its own, whose service accepts everything unless `failing` says otherwise. */
function setUp(
  first: CredentialReading<string>,
  options: Partial<Pick<SlotDeps<string>, "refuse" | "random" | "activate" | "verify">> = {},
) {
  const clock = createVirtualClock();
  const log = createRecordingLogger();
  const events: string[] = [];
  /** Failures by what a version holds; the service accepts it when there are none left. */
  const failing = new Map<string, StatusError[]>();
  const trials: { readonly text: string; readonly atMs: number; readonly signal: AbortSignal }[] = [];
  const slot = createSlot<string>(
    {
      name: "cursor_api",
      async verify(value, signal) {
        const text = value.replace("canary-", "");
        trials.push({ text, atMs: clock.monotonicMs(), signal });
        const failure = failing.get(text)?.shift();
        if (failure !== undefined) throw failure;
      },
      activate: (value) => void events.push(`use ${value.replace("canary-", "")}`),
      clock,
      random: () => 0.5,
      log,
      hooks: {
        onReload: (name, outcome, note) => void events.push(`${name} ${outcome}${note === "" ? "" : `: ${note}`}`),
        onPending: (_name, pending) => void events.push(pending ? "pending" : "not pending"),
        onActive: () => void events.push("active"),
      },
      ...options,
    },
    first,
  );
  return {
    slot,
    clock,
    log,
    events,
    trials,
    fail: (text: string, times: number, error = rejected) => failing.set(text, Array(times).fill(error)),
    inUse: (text: string) => until(() => slot.active() === canary(text), `${text} in use`),
    tried: (times: number) => until(() => trials.length >= times, `trial ${times}`),
    [Symbol.dispose]: () => {
      clock.freeze();
      slot.close();
      const seen = JSON.stringify([log.lines, events, slot.problem()]);
      assert.ok(!seen.includes("canary"), seen);
    },
  };
}

suite("the first version of a credential", () => {
  test("a right one is in use at once, without a trial", () => {
    using s = setUp(right("a"));
    assert.equal(s.slot.active(), canary("a"));
    assert.deepEqual([s.events, s.trials, s.slot.problem()], [["active"], [], undefined]);
  });

  test("one that is not right: nothing is in use, it is told why, and a right one heals it", async () => {
    using s = setUp(wrong("a"));
    assert.equal(s.slot.active(), undefined);
    assert.equal(s.slot.problem(), "KEY is not a key: copy it again");
    assert.deepEqual(s.events, ["pending", "cursor_api rejected: KEY is not a key: copy it again"]);
    assert.deepEqual([s.log.lines[0]?.level, s.log.lines.length], ["error", 1]);
    s.slot.offer(right("b"));
    assert.equal(s.slot.problem(), "a new version of the credential cursor_api is being tried out");
    await s.inUse("b");
    assert.equal(s.slot.problem(), undefined);
    assert.deepEqual(s.events.slice(2), ["pending", "use b", "not pending", "active", "cursor_api activated"]);
  });

  test("one that cannot be read is counted as such", () => {
    using s = setUp({ ...wrong("a", "the file KEY cannot be read"), unreadable: true });
    assert.deepEqual(s.events, ["pending", "cursor_api unreadable: the file KEY cannot be read"]);
  });

  test("none at all is nothing to speak of, and neither is one that was there for a while and never right", () => {
    using s = setUp(absent);
    s.slot.offer(absent);
    assert.deepEqual([s.slot.problem(), s.events], [undefined, ["not pending"]]);
    s.slot.offer(wrong("half"));
    assert.notEqual(s.slot.problem(), undefined);
    s.slot.offer(absent);
    assert.deepEqual([s.slot.problem(), s.events.at(-1)], [undefined, "not pending"]);
  });
});

suite("a new version of a credential", () => {
  test("the same as in use is no news", () => {
    using s = setUp(right("a"));
    s.slot.offer(right("a"));
    assert.deepEqual([s.events, s.log.lines, s.trials], [["active"], [], []]);
  });

  test("it is tried out first, then put in use, and told by eight digits of its digest", async () => {
    using s = setUp(right("a"));
    s.slot.offer(right("b"));
    assert.equal(s.slot.active(), canary("a"), "the old one stays in use meanwhile");
    await s.inUse("b");
    assert.deepEqual(s.events, ["active", "pending", "use b", "not pending", "active", "cursor_api activated"]);
    assert.deepEqual(s.log.lines, [
      {
        level: "info",
        message: "a new version of a credential is in use",
        fields: { credential: "cursor_api", digest: digestOf("b").slice(0, 8) },
      },
    ]);
  });

  test("one of the wrong shape is turned down once, however often it is read", () => {
    using s = setUp(right("a"));
    for (let n = 0; n < 3; n += 1) s.slot.offer(wrong("b"));
    assert.equal(s.slot.active(), canary("a"));
    assert.equal(s.slot.problem(), undefined, "what is in use works");
    assert.deepEqual(s.events, ["active", "pending", "cursor_api rejected: KEY is not a key: copy it again"]);
    assert.deepEqual(
      s.log.lines.map(({ message }) => message),
      ["a new version of a credential was rejected; the old one stays in use"],
    );
    assert.deepEqual(s.trials, []);
  });

  test("missing, the old one stays; there again, nothing is pending", () => {
    using s = setUp(right("a"));
    s.slot.offer(missing);
    assert.deepEqual([s.slot.active(), s.slot.problem()], [canary("a"), undefined]);
    s.slot.offer(right("a"));
    assert.deepEqual(s.events, ["active", "pending", "cursor_api rejected: KEY is missing", "not pending"]);
    assert.equal(s.log.lines.at(-1)?.message, "a credential is back to the version in use");
  });

  test("an optional one that goes is missed too", () => {
    using s = setUp(right("a"));
    s.slot.offer(absent);
    assert.deepEqual(s.events.slice(1), ["pending", "cursor_api rejected: the credential is missing"]);
    assert.equal(s.slot.active(), canary("a"));
  });

  test("one that cannot be put in use counts as one that does not work, and ends nothing", async () => {
    let broken = true;
    const used: string[] = [];
    using s = setUp(right("a"), {
      activate(value) {
        if (broken) throw new StatusError("invalid_argument", "the proxy cannot carry gRPC");
        used.push(value);
      },
    });
    s.slot.offer(right("b"));
    await s.tried(2);
    assert.deepEqual([s.slot.active(), used], [canary("a"), []]);
    assert.ok(s.events.includes("cursor_api rejected: the proxy cannot carry gRPC"));
    broken = false;
    await s.inUse("b");
    assert.deepEqual(used, [canary("b")]);
  });

  test("a trial that throws instead of rejecting is repeated like any other", async () => {
    let times = 0;
    using s = setUp(right("a"), {
      verify() {
        times += 1;
        if (times === 1) throw new Error("oops");
        return Promise.resolve();
      },
    });
    s.slot.offer(right("b"));
    await s.inUse("b");
    assert.equal(times, 2);
  });
});

suite("another tenant", () => {
  const refuse = (active: string, next: string) =>
    active.slice(0, 8) === next.slice(0, 8) ? undefined : "it is of another tenant";

  test("is refused, whatever it can do, once the version in use has worked", () => {
    using s = setUp(right("a1"), { refuse });
    s.slot.trusted();
    s.slot.offer(right("b1"));
    assert.deepEqual([s.slot.active(), s.trials], [canary("a1"), []]);
    assert.deepEqual(s.events, ["active", "pending", "cursor_api rejected: it is of another tenant"]);
  });

  test("the same tenant is not", async () => {
    using s = setUp(right("a1"), { refuse });
    s.slot.trusted();
    s.slot.offer(right("a2"));
    await s.inUse("a2");
  });

  test("is taken while the version in use has never worked: a slip at the start must be possible to mend", async () => {
    using s = setUp(right("a1"), { refuse });
    s.slot.suspect(rejected);
    s.slot.offer(right("b1"));
    await s.inUse("b1");
    s.slot.offer(right("c1"));
    assert.equal(s.slot.active(), canary("b1"), "what was tried out has worked");
    assert.ok(s.events.includes("cursor_api rejected: it is of another tenant"));
  });
});

suite("a version that does not work", () => {
  test("is tried again after 15 s, then twice as long each time, up to 5 minutes", async () => {
    using s = setUp(right("a"));
    s.fail("b", 8);
    s.slot.offer(right("b"));
    await s.inUse("b");
    assert.deepEqual(
      s.clock.sleeps.map((ms) => ms / 1000),
      [15, 30, 60, 120, 240, 300, 300, 300],
    );
    assert.deepEqual(
      s.trials.map(({ atMs }) => atMs / 1000),
      [0, 15, 45, 105, 225, 465, 765, 1065, 1365],
    );
    const counted = s.events.filter((event) => event.startsWith("cursor_api"));
    assert.deepEqual(counted, ["cursor_api rejected: the service rejected KEY", "cursor_api activated"]);
    assert.equal(s.events.at(-3), "not pending");
    const warnings = s.log.lines.filter(({ level }) => level === "warn");
    assert.equal(warnings.length, 8);
    assert.deepEqual(warnings[0]?.fields, {
      credential: "cursor_api",
      digest: digestOf("b").slice(0, 8),
      code: "unauthenticated",
      error: "the service rejected KEY",
      attempt: 1,
      waitMs: 15_000,
    });
  });

  for (const [random, firstMs] of [
    [0, 12_000],
    [1, 18_000],
  ] as const) {
    test(`the waits are spread by a fifth: ${firstMs} ms at the edge`, async () => {
      using s = setUp(right("a"), { random: () => random });
      s.fail("b", 1);
      s.slot.offer(right("b"));
      await s.inUse("b");
      assert.equal(Math.round(s.clock.sleeps[0] ?? 0), firstMs);
    });
  }

  test("is tried at once when the version in use is rejected", async () => {
    using s = setUp(right("a"));
    s.fail("b", 1);
    s.clock.freeze();
    s.slot.offer(right("b"));
    await until(() => s.clock.sleeps.length === 1, "the wait");
    s.slot.suspect(rejected);
    await s.inUse("b");
    assert.equal(s.trials.at(-1)?.atMs, 0, "no time has passed");
    assert.equal(s.slot.problem(), undefined);
  });

  test("with the version in use rejected too: both are told, and either may heal", async () => {
    using s = setUp(right("a"));
    s.fail("b", 2, new StatusError("unauthenticated", "the service rejected the newer KEY"));
    s.clock.freeze();
    s.slot.offer(right("b"));
    await until(() => s.clock.sleeps.length === 1, "the wait");
    s.slot.suspect(rejected);
    await until(() => s.clock.sleeps.length === 2, "the second wait");
    assert.equal(
      s.slot.problem(),
      "the service rejected KEY; a newer version waits: the service rejected the newer KEY",
    );
    assert.equal(s.slot.active(), canary("a"), "what was in use stays in use");
    s.slot.trusted();
    assert.equal(s.slot.problem(), undefined);
    s.slot.suspect(rejected);
    await s.inUse("b");
  });

  test("is forgotten when the Secret is rolled back to the version in use", async () => {
    using s = setUp(right("a"));
    s.fail("b", 100);
    s.slot.offer(right("b"));
    await s.tried(3);
    s.slot.offer(right("a"));
    const { length } = s.trials;
    assert.ok(s.trials[0]?.signal.aborted);
    assert.deepEqual([s.events.at(-1), s.slot.active()], ["not pending", canary("a")]);
    s.clock.advance(60 * 60_000);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(s.trials.length, length);
    s.slot.offer(right("b"));
    await s.tried(length + 1);
    assert.equal(s.events.filter((event) => event.startsWith("cursor_api rejected")).length, 2, "it is news again");
  });

  test("makes room for the next one, and a late success does not bring it back", async () => {
    const answers = new Map<string, () => void>();
    using s = setUp(right("a"), {
      verify: (value) => new Promise((resolve) => answers.set(value, resolve)),
    });
    s.slot.offer(right("b"));
    s.slot.offer(right("c"));
    answers.get(canary("b"))?.();
    answers.get(canary("c"))?.();
    await s.inUse("c");
    assert.deepEqual(
      s.events.filter((event) => event.startsWith("use")),
      ["use c"],
    );
  });

  test("is not tried any more after the end", async () => {
    using s = setUp(right("a"));
    s.fail("b", 100);
    s.slot.offer(right("b"));
    await s.tried(2);
    s.slot.close();
    const { length } = s.trials;
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(s.trials.length, length);
  });
});

suite("the version in use is rejected by its service", () => {
  test("where it is used all the same, that is remembered and no problem, until it works again", () => {
    using s = setUp(right("a"));
    s.slot.suspect(rejected, true);
    assert.deepEqual([s.slot.problem(), s.slot.rejection()], [undefined, "the service rejected KEY"]);
    s.slot.trusted();
    assert.equal(s.slot.rejection(), undefined);
    assert.deepEqual(s.log.lines, []);
  });

  test("a problem stays one when it is rejected again in use", () => {
    using s = setUp(right("a"));
    s.slot.suspect(rejected, true);
    s.slot.suspect(rejected);
    s.slot.suspect(rejected, true);
    assert.deepEqual([s.slot.problem(), s.slot.rejection()], ["the service rejected KEY", "the service rejected KEY"]);
    assert.equal(s.log.lines.length, 1);
  });

  test("the problem says so until it works again, with one line for each change", () => {
    using s = setUp(right("a"));
    s.slot.suspect(rejected);
    s.slot.suspect(rejected);
    assert.equal(s.slot.problem(), "the service rejected KEY");
    s.slot.trusted();
    s.slot.trusted();
    assert.equal(s.slot.problem(), undefined);
    assert.deepEqual(
      s.log.lines.map(({ level, message }) => [level, message]),
      [
        ["warn", "the credential in use was rejected"],
        ["info", "the credential in use is accepted again"],
      ],
    );
  });
});
