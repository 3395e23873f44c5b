import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { holdElection } from "../../test/helpers/election.ts";
import { StatusError } from "../baton/status-error.ts";

const year = 365 * 24 * 3_600_000;
const hour = 3_600_000;

suite("one instance", () => {
  test("takes an empty Lease at once and says so in the record", async () => {
    await using election = holdElection();
    const a = election.stand("a");
    await a.elector.untilLeading(new AbortController().signal);
    assert.equal(election.clock.monotonicMs(), 0);
    const { holder, durationMs, acquireTime, renewTime, transitions } = election.store.record;
    assert.deepEqual(
      { holder, durationMs, acquireTime, renewTime, transitions },
      {
        holder: "a",
        durationMs: 15_000,
        acquireTime: "2025-06-15T15:06:40.000000Z",
        renewTime: "2025-06-15T15:06:40.000000Z",
        transitions: 1,
      },
    );
  });

  test("renews every 1.6 to 2 s with one call, and keeps the time of taking", async () => {
    await using election = holdElection();
    const { store } = election;
    election.stand("a", { random: () => 0 });
    await election.pass(hour);
    const times = store.calls.map(({ atMs }) => atMs);
    const gaps = new Set(times.slice(2).map((at, index) => Math.round(at - (times[index + 1] ?? 0))));
    assert.deepEqual([...gaps], [1_600]);
    assert.deepEqual(new Set(store.calls.slice(1).map(({ verb }) => verb)), new Set(["update"]));
    assert.equal(store.record.acquireTime, "2025-06-15T15:06:40.000000Z");
    assert.equal(store.record.transitions, 1);
  });

  test("gives the Lease back when it stops: nobody, for one second", async () => {
    await using election = holdElection();
    const a = election.stand("a");
    await election.pass(10_000);
    a.stop();
    await a.ended;
    const { holder, durationMs } = election.store.record;
    assert.deepEqual({ holder, durationMs }, { holder: "", durationMs: 1_000 });
    assert.deepEqual(
      a.changes.map(({ leading }) => leading),
      [true, false],
    );
  });

  test("does not lead any more when the Lease is given away", async () => {
    await using election = holdElection();
    const a = election.stand("a");
    await election.pass(10_000);
    const ledWhenGivenAway: boolean[] = [];
    election.store.faults = () => {
      ledWhenGivenAway.push(a.elector.leads());
      return {};
    };
    a.stop();
    await a.ended;
    assert.deepEqual(ledWhenGivenAway, [false]);
  });

  test("gives back a Lease that has changed under it", async () => {
    await using election = holdElection();
    const a = election.stand("a");
    await election.pass(10_000);
    election.store.put({});
    a.stop();
    await a.ended;
    assert.equal(election.store.record.holder, "");
  });

  test("leaves another's Lease alone when it stops", async () => {
    await using election = holdElection();
    election.store.put({ holder: "other" });
    const a = election.stand("a");
    await election.pass(5_000);
    const before = election.store.history.length;
    a.stop();
    await a.ended;
    assert.equal(election.store.history.length, before);
  });

  test("ends within 3 s although the API hangs", async () => {
    await using election = holdElection();
    const a = election.stand("a");
    await election.pass(10_000);
    election.store.faults = () => ({ beforeMs: year });
    await election.pass(2_500);
    const stoppedAtMs = election.clock.monotonicMs();
    a.stop();
    await a.ended;
    assert.ok(election.clock.monotonicMs() - stoppedAtMs <= 3_000);
    assert.ok(a.log.lines.some(({ message }) => message.includes("could not be given back")));
  });

  test("starts over at once when somebody else was faster", async () => {
    await using election = holdElection();
    election.store.faults = () => ({});
    const a = election.stand("a");
    await election.pass(5_000);
    const before = election.store.calls.length;
    // A label was changed: the version is another, the holder is not.
    election.store.put({});
    await election.pass(2_000);
    assert.deepEqual(
      election.store.calls.slice(before, before + 3).map(({ verb }) => verb),
      ["update", "get", "update"],
    );
    assert.equal(a.changes.length, 1);
  });

  test("goes on with a Lease that somebody has emptied", async () => {
    await using election = holdElection();
    const a = election.stand("a");
    await election.pass(5_000);
    election.store.put({ holder: "", durationMs: 0, renewTime: "", acquireTime: "" });
    await election.pass(3_000);
    assert.equal(election.store.record.holder, "a");
    assert.equal(a.changes.length, 1);
  });

  for (const code of ["permission_denied", "not_found", "unauthenticated"] as const) {
    test(`says why it can never lead: ${code}`, async () => {
      await using election = holdElection();
      let refused = true;
      election.store.faults = () => {
        if (refused) throw new StatusError(code, "no such luck");
        return {};
      };
      const a = election.stand("a");
      await election.pass(10_000);
      assert.equal(a.elector.problem(), "no such luck");
      assert.equal(a.elector.leads(), false);
      refused = false;
      await election.pass(3_000);
      assert.equal(a.elector.problem(), undefined);
      assert.equal(a.elector.leads(), true);
    });
  }

  for (const code of ["permission_denied", "unauthenticated"] as const) {
    test(`says why it can never lead although it may read: ${code} at every update, without a pause`, async () => {
      await using election = holdElection();
      let refused = true;
      // The read takes its time: meanwhile it must not look as if all were well.
      election.store.faults = ({ verb }) => {
        if (refused && verb === "update") throw new StatusError(code, "no such luck");
        return { afterMs: 150 };
      };
      const a = election.stand("a");
      const seen = new Set<string | undefined>();
      await election.pass(200);
      for (let look = 0; look < 100; look += 1) {
        await election.pass(97);
        seen.add(a.elector.problem());
      }
      assert.deepEqual([...seen], ["no such luck"]);
      assert.equal(a.elector.leads(), false);
      refused = false;
      await election.pass(3_000);
      assert.deepEqual([a.elector.problem(), a.elector.leads()], [undefined, true]);
    });
  }

  test("who leads and is refused a renewal has no problem before it has lost the lead", async () => {
    await using election = holdElection();
    let refused = false;
    election.store.faults = () => {
      if (refused) throw new StatusError("permission_denied", "no such luck");
      return {};
    };
    const open = election.stand("open");
    await election.pass(5_000);
    refused = true;
    await election.pass(60_000);
    assert.deepEqual([open.elector.leads(), open.elector.problem()], [true, undefined]);
    refused = false;
    open.stop();
    await open.ended;
    const strict = election.stand("strict", { strict: true });
    await election.pass(5_000);
    refused = true;
    await election.pass(5_000);
    assert.deepEqual([strict.elector.leads(), strict.elector.problem()], [true, undefined]);
    await election.pass(20_000);
    assert.deepEqual([strict.elector.leads(), strict.elector.problem()], [false, "no such luck"]);
  });

  test("an outage is no problem of that kind, and takes one line a minute", async () => {
    await using election = holdElection();
    election.cutOff("a");
    const a = election.stand("a");
    await election.pass(600_000);
    assert.equal(a.elector.problem(), undefined);
    const warnings = a.log.lines.filter(({ level }) => level === "warn").length;
    assert.ok(warnings >= 9 && warnings <= 13, `${warnings} lines`);
    election.cutOff("a", false);
    await election.pass(3_000);
    assert.ok(a.log.lines.some(({ message }) => message === "the Kubernetes API answers again"));
  });
});

suite("two instances", () => {
  test("who may only read stands by without a problem, until it would have to take the Lease", async () => {
    await using election = holdElection();
    election.stand("a");
    await election.pass(100);
    let cut = false;
    election.store.faults = ({ caller, verb }) => {
      if (caller === "b" && verb === "update") throw new StatusError("permission_denied", "no such luck");
      return cut && caller === "a" ? { outcome: "refused" } : {};
    };
    const b = election.stand("b");
    await election.pass(60_000);
    assert.equal(b.elector.problem(), undefined);
    cut = true;
    await election.pass(20_000);
    assert.equal(b.elector.problem(), "no such luck");
    cut = false;
    await election.pass(5_000);
    assert.equal(b.elector.problem(), undefined);
  });

  test("one leads, the other reads every 1.6 to 2 s", async () => {
    await using election = holdElection();
    election.stand("a");
    await election.pass(100);
    election.stand("b");
    await election.pass(hour);
    assert.deepEqual(election.leaders(), ["a"]);
    const bs = election.store.calls.filter(({ caller }) => caller === "b");
    assert.ok(bs.every(({ verb }) => verb === "get"));
    assert.ok(bs.length >= 1_800 && bs.length <= 2_250, `${bs.length} calls`);
  });

  test("who stands by is refused a look: no problem before the Lease that it has seen would have expired", async () => {
    await using election = holdElection();
    election.stand("a");
    await election.pass(100);
    let refused = false;
    election.store.faults = ({ caller }) => {
      if (refused && caller === "b") throw new StatusError("permission_denied", "no such luck");
      return {};
    };
    const b = election.stand("b");
    await election.pass(20_000);
    refused = true;
    await election.pass(10_000);
    assert.equal(b.elector.problem(), undefined);
    await election.pass(10_000);
    assert.equal(b.elector.problem(), "no such luck");
    refused = false;
    await election.pass(3_000);
    assert.deepEqual([b.elector.problem(), election.leaders()], [undefined, ["a"]]);
  });

  test("of two that start together one leads", async () => {
    await using election = holdElection();
    election.stand("a");
    election.stand("b");
    await election.pass(1);
    assert.equal(election.leaders().length, 1);
    await election.pass(hour);
    assert.equal(election.leaders().length, 1);
  });

  test("a clean stop hands over within 2 s", async () => {
    await using election = holdElection();
    const a = election.stand("a");
    await election.pass(5_000);
    election.stand("b", { random: () => 0.999 });
    await election.pass(60_500);
    a.stop();
    await election.pass(2_000);
    assert.deepEqual(election.leaders(), ["b"]);
    assert.equal(election.store.record.transitions, 2);
  });

  for (const skewMs of [0, year, -year]) {
    test(`a leader that is gone is followed 15 to 17 s later, its clock ${skewMs / year} years ahead`, async () => {
      await using election = holdElection();
      election.stand("a", { skewMs });
      await election.pass(100);
      const b = election.stand("b", { random: () => 0.999 });
      await election.pass(60_000);
      // As good as dead: the store no longer hears of it.
      election.cutOff("a");
      const lastRenewalMs = election.store.calls.filter(({ caller }) => caller === "a").at(-1)?.atMs ?? 0;
      const goneAtMs = election.clock.monotonicMs();
      await election.pass(20_000);
      const [taken] = b.changes;
      assert.ok(taken !== undefined && taken.atMs - lastRenewalMs >= 15_000);
      assert.ok(taken.atMs - goneAtMs <= 17_000, `${taken.atMs - goneAtMs} ms`);
    });
  }

  test("a newcomer waits a whole term for a holder that may be alive", async () => {
    await using election = holdElection();
    election.store.put({ holder: "gone", durationMs: 15_000, renewTime: "2001-01-01T00:00:00.000000Z" });
    const a = election.stand("a");
    await election.pass(14_900);
    assert.equal(a.elector.leads(), false);
    await election.pass(200);
    assert.equal(a.elector.leads(), true);
  });

  test("a holder that asks for longer is given longer, one that asks for less is not", async () => {
    for (const [durationMs, waitMs] of [
      [40_000, 40_000],
      [1_000, 15_000],
    ] as const) {
      await using election = holdElection();
      election.store.put({ holder: "gone", durationMs, renewTime: "2001-01-01T00:00:00.000000Z" });
      const a = election.stand("a");
      await election.pass(waitMs + 2_000);
      assert.equal(a.changes[0]?.atMs, waitMs);
    }
  });
});

suite("failing open", () => {
  test("an outage of the API changes nothing: who leads goes on, who stands by stands by", async () => {
    await using election = holdElection();
    const a = election.stand("a");
    await election.pass(5_000);
    const b = election.stand("b");
    await election.pass(5_000);
    election.cutOff("a");
    election.cutOff("b");
    await election.pass(hour);
    assert.deepEqual(election.leaders(), ["a"]);
    election.cutOff("a", false);
    election.cutOff("b", false);
    await election.pass(60_000);
    assert.deepEqual(election.leaders(), ["a"]);
    assert.deepEqual([a.changes.length, b.changes.length], [1, 0]);
  });

  test("a leader that is cut off alone goes on until it sees that the other has renewed", async () => {
    await using election = holdElection();
    const a = election.stand("a");
    await election.pass(5_000);
    const b = election.stand("b");
    await election.pass(30_000);
    election.cutOff("a");
    await election.pass(20_000);
    assert.deepEqual(election.leaders(), ["a", "b"]);
    election.cutOff("a", false);
    await election.pass(6_000);
    assert.deepEqual(election.leaders(), ["b"]);
    assert.ok(a.log.lines.some(({ fields }) => fields["why"] === "b holds the Lease"));
    assert.equal(b.changes.length, 1);
  });

  test("a successor that does not know it yet is not relied upon", async () => {
    await using election = holdElection();
    const a = election.stand("a");
    await election.pass(5_000);
    // Somebody took it, and never learned or died.
    election.store.put({ holder: "b", durationMs: 15_000, renewTime: "2025-06-15T15:06:41.000000Z" });
    await election.pass(14_000);
    assert.deepEqual(election.leaders(), ["a"]);
    await election.pass(5_000);
    assert.equal(election.store.record.holder, "a");
    assert.equal(a.changes.length, 1);
  });

  test("two successors that have each written once are not relied upon either", async () => {
    await using election = holdElection();
    const a = election.stand("a");
    await election.pass(5_000);
    election.store.put({ holder: "b", durationMs: 15_000, renewTime: "2025-06-15T15:06:41.000000Z" });
    await election.pass(4_000);
    election.store.put({ holder: "c", renewTime: "2025-06-15T15:06:45.000000Z" });
    await election.pass(4_000);
    assert.deepEqual(election.leaders(), ["a"]);
    election.store.put({ renewTime: "2025-06-15T15:06:49.000000Z" });
    await election.pass(2_000);
    assert.equal(a.elector.leads(), false);
  });

  test("an update whose answer was lost is found at the next look, and then it leads", async () => {
    await using election = holdElection();
    election.store.faults = ({ verb, atMs }) => (verb === "update" && atMs < 100 ? { outcome: "lost" } : {});
    const a = election.stand("a");
    await election.pass(100);
    assert.equal(election.store.record.holder, "a");
    assert.equal(a.elector.leads(), false);
    await election.pass(2_000);
    assert.equal(a.elector.leads(), true);
  });

  test("no work is given up when leading ends", async () => {
    await using election = holdElection();
    const a = election.stand("a");
    await election.pass(5_000);
    assert.equal(a.elector.lost(), undefined);
  });
});

suite("strict", () => {
  test("a leader without the API stops 10 s after the last renewal it knows of, and goes on when it is back", async () => {
    await using election = holdElection();
    const a = election.stand("a", { strict: true });
    await election.pass(30_100);
    const lastRenewalMs = election.store.calls.at(-1)?.atMs ?? 0;
    const lost = a.elector.lost();
    election.cutOff("a");
    await election.pass(60_000);
    assert.deepEqual(a.changes.slice(1), [{ atMs: lastRenewalMs + 10_000, leading: false }]);
    assert.equal(lost?.aborted, true);
    election.cutOff("a", false);
    await election.pass(2_000);
    assert.deepEqual(election.leaders(), ["a"]);
    assert.equal(a.elector.lost()?.aborted, false);
  });

  test("the deadline counts even when no timer has told of it", async () => {
    await using election = holdElection();
    const a = election.stand("a", { strict: true });
    await election.pass(5_000);
    election.clock.advance(11_000);
    assert.equal(a.elector.leads(), false);
  });

  test("an answer that comes after the deadline of its own renewal is of no use", async () => {
    await using election = holdElection();
    const a = election.stand("a", { strict: true });
    await election.pass(5_000);
    election.clock.advance(11_000);
    await election.pass(3_000);
    assert.equal(a.elector.leads(), true);
    // Calls end after 5 s, so that a clock which jumps is the only way to such an answer.
    let jumped = false;
    election.store.faults = () => {
      if (!jumped) election.clock.advance(11_000);
      jumped = true;
      return {};
    };
    await election.pass(1);
    while (!jumped) await election.pass(100);
    assert.equal(a.elector.leads(), false);
  });

  test("the first taking of the Lease, too, does not count when its answer comes too late", async () => {
    await using election = holdElection();
    let jumped = false;
    election.store.faults = ({ verb }) => {
      if (verb === "update" && !jumped) {
        election.clock.advance(11_000);
        jumped = true;
      }
      return {};
    };
    const a = election.stand("a", { strict: true });
    await election.pass(100);
    assert.equal(election.store.record.holder, "a");
    assert.deepEqual(a.changes, []);
  });

  test("another's name in the Lease ends it at the first sight", async () => {
    await using election = holdElection();
    const a = election.stand("a", { strict: true });
    await election.pass(5_000);
    election.store.put({ holder: "b", durationMs: 15_000, renewTime: "2025-06-15T15:06:41.000000Z" });
    await election.pass(2_000);
    assert.equal(a.elector.leads(), false);
  });

  test("an update whose answer was lost does not count; the next one does", async () => {
    await using election = holdElection();
    election.store.faults = ({ verb, atMs }) => (verb === "update" && atMs < 3_000 ? { outcome: "lost" } : {});
    const a = election.stand("a", { strict: true });
    await election.pass(3_000);
    assert.equal(election.store.record.holder, "a");
    assert.equal(a.elector.leads(), false);
    await election.pass(2_000);
    assert.equal(a.elector.leads(), true);
  });

  test("a wait for leading ends with its signal", async () => {
    await using election = holdElection();
    election.cutOff("a");
    const a = election.stand("a", { strict: true });
    const waiting = new AbortController();
    const waited = a.elector.untilLeading(waiting.signal);
    waiting.abort(new StatusError("cancelled", "enough"));
    await assert.rejects(waited, { message: "enough" });
  });
});
