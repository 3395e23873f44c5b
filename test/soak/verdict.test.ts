import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { LaneResult, Moment } from "./lane.ts";
import { createTeamLedger } from "./team-ledger.ts";
import { judgeLane, surplus } from "./verdict.ts";

const mib = 1024 * 1024;

function moment(changes: Partial<Moment & Moment["holdings"]> = {}): Moment {
  const { descriptors = { socket: 3, file: 2 }, resources = { Timeout: 2 }, timers = { "1 s": 5 } } = changes;
  const { abortListeners = { listeners: 6 }, tempFiles = { files: 0 } } = changes;
  const { heapBytes = 20 * mib, rssBytes = 100 * mib, tasks = 500 } = changes;
  return { tasks, rssBytes, heapBytes, holdings: { descriptors, resources, timers, abortListeners, tempFiles } };
}

function lane(changes: Partial<LaneResult> = {}, outcome: Partial<LaneResult["outcome"]> = {}): LaneResult {
  const good = {
    offered: 900,
    ended: 900,
    problems: [],
    faults: { upload: { calls: 400, faults: 40 } },
    kinds: {},
    handedOutAgain: 0,
    refusedClocks: 0,
  };
  return {
    ...{
      name: "GetTask",
      warm: moment(),
      end: moment({ tasks: 900 }),
      seconds: 1,
      swaps: 1,
      clockJumps: 1,
      troubles: [],
    },
    outcome: { ...good, largeSyncs: 1, mostAtOnce: 20, ...outcome },
    ...changes,
  };
}

const failed = (result: LaneResult): string[] =>
  judgeLane(result).flatMap(({ verdict, what }) => (verdict === "FAIL" ? [what] : []));

suite("the verdict of a soak", () => {
  test("passes when everything is as it was", () => {
    assert.deepEqual(failed(lane()), []);
  });

  test("fails for a task that is lost, one that ended wrongly, and a trouble outside of tasks", () => {
    assert.deepEqual(failed(lane({}, { ended: 899 })), ["tasks lost"]);
    const wrong = ["tasks ended wrongly or twice, and other troubles"];
    assert.deepEqual(failed(lane({}, { problems: ["task 7 has 2 results, not 1"] })), wrong);
    assert.deepEqual(failed(lane({ troubles: ["the connector ended with 1"] })), wrong);
  });

  test("fails for one more of anything, and names it", () => {
    const more = {
      descriptors: { socket: 4, file: 2 },
      resources: { Timeout: 3 },
      timers: { "1 s": 5, "2 s": 1 },
      abortListeners: { listeners: 7 },
      tempFiles: { files: 1 },
    };
    for (const [name, figure] of Object.entries(more)) {
      const result = lane({ end: moment({ [name]: figure }) });
      assert.equal(failed(result).length, 1, name);
      assert.equal(surplus(result).length, 1, name);
    }
  });

  test("fails where nothing went wrong, and where neither credentials nor the clock changed in the time that they had", () => {
    const none = { calls: 400, faults: 0 };
    const silent = ["calls that went wrong"];
    assert.deepEqual(failed(lane({}, { faults: {} })), silent);
    assert.deepEqual(failed(lane({}, { faults: { upload: none } })), silent);
    assert.deepEqual(failed(lane({}, { faults: { upload: { calls: 400, faults: 40 }, finish: none } })), silent);
    assert.deepEqual(failed(lane({ swaps: 0 })), ["swaps of credentials"]);
    assert.deepEqual(failed(lane({ clockJumps: 0 })), ["jumps of the clock"]);
    assert.deepEqual(failed(lane({ swaps: 0, clockJumps: 0, end: moment({ tasks: 699 }) })), []);
  });

  test("fails for memory that grew by more than a tenth, and says nothing of a run that was too short", () => {
    const end = moment({ tasks: 900, rssBytes: 111 * mib });
    assert.equal(failed(lane({ end })).length, 1);
    const short = judgeLane(lane({ warm: moment({ tasks: 150 }), end }));
    assert.deepEqual(
      short.map(({ verdict }) => verdict).filter((verdict) => verdict !== "PASS"),
      ["SKIP"],
    );
  });
});

suite("the ledger of the team", () => {
  const [ada, bo] = [
    { id: "user_a", role: "owner", isRemoved: false },
    { id: "user_b", role: "member", isRemoved: false },
  ];

  test("tells teams apart by who is in them and what they are, not by their order", () => {
    const digest = (...members: Parameters<ReturnType<typeof createTeamLedger>["note"]>[0][number][]) => {
      const ledger = createTeamLedger();
      ledger.note(members);
      return JSON.stringify(ledger.between(0, Number.POSITIVE_INFINITY));
    };
    assert.equal(digest(ada, bo), digest(bo, ada));
    const others = [
      digest(ada),
      digest(ada, { ...bo, role: "owner" }),
      digest(ada, { ...bo, isRemoved: true }),
      digest(ada, { ...bo, email: "x@example.com" }),
    ];
    for (const other of others) assert.notEqual(other, digest(ada, bo));
  });

  test("knows what the team was, and when", async () => {
    const ledger = createTeamLedger();
    ledger.note([ada]);
    await new Promise((resolve) => setTimeout(resolve, 10));
    const betweenMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 10));
    ledger.note([ada, bo]);
    const active = (fromMs: number, toMs: number) => ledger.between(fromMs, toMs).map((each) => each.active);
    assert.deepEqual(active(betweenMs, betweenMs), [1]);
    assert.deepEqual(active(betweenMs, performance.now()), [1, 2]);
    assert.deepEqual(active(performance.now(), performance.now()), [2]);
  });
});
