import assert from "node:assert/strict";
import type { C1Server } from "../../fakes/c1-server.ts";
import type { CursorServer } from "../../fakes/cursor-server.ts";
import type { ScimRequest } from "../../fakes/scim-server.ts";
import {
  type AccountStage,
  accountEnv,
  createTask,
  saysNothingWasThere,
  startAccountStage,
} from "../../integration/account-stage.ts";
import {
  type AccountScenario,
  type Aftermath,
  creation,
  deletion,
  isOther,
  judgeCreation,
  judgeDeletion,
  otherMembers,
  people,
  person,
  reactivation,
  reading,
  scans,
} from "./account-scenario.ts";
import type { Interruption } from "./interrupt.ts";
import { isPoll, type Point } from "./moments.ts";
import { oddDirectories } from "./odd-directories.ts";
import { anything, type SweepScenario, type Told } from "./sweep-scenario.ts";

const wellBehaved: readonly AccountScenario[] = [
  {
    name: "create",
    stage: creation,
    task: createTask(person),
    steps: [...reading, "POST /Users", "FinishTask"],
    effects: ["created"],
    records: [{ active: true }],
    judge: judgeCreation,
  },
  {
    name: "create, by reading the whole directory",
    stage: { ...creation, scim: { ...people(), quirks: { filtersRefused: true } } },
    task: createTask(person),
    from: 'GET /Users emails[value eq ""]',
    steps: ["GetTask", ...scans, "POST /Users", "FinishTask"],
    effects: ["created"],
    records: [{ active: true }],
    judge: judgeCreation,
  },
  {
    name: "reactivate",
    stage: reactivation,
    task: createTask(person),
    steps: ["GetTask", "Cursor GET /teams/members", 'GET /Users userName eq ""', "PATCH /Users/{id}", "FinishTask"],
    effects: ["patched"],
    records: [{ active: true }],
    judge: judgeCreation,
  },
  {
    name: "delete",
    stage: { cursor: deletion.cursor, scim: deletion.scim },
    task: deletion.task,
    steps: [...reading, "DELETE /Users/{id}", "GET /Users/{id}", "FinishTask"],
    effects: ["deleted"],
    records: [],
    judge: judgeDeletion,
  },
  {
    name: "delete, by reading the whole directory",
    stage: { cursor: deletion.cursor, scim: { ...deletion.scim, quirks: { filtersRefused: true } } },
    task: deletion.task,
    from: 'GET /Users emails[value eq ""]',
    steps: ["GetTask", ...scans, "GET /Users/{id}", "DELETE /Users/{id}", "GET /Users/{id}", "FinishTask"],
    effects: ["deleted"],
    records: [],
    judge: judgeDeletion,
  },
  {
    name: "delete, Cursor follows late",
    stage: { cursor: deletion.cursor, scim: deletion.scim, delay: "manual" },
    from: "DELETE /Users/{id}",
    task: deletion.task,
    steps: [...reading, "DELETE /Users/{id}", "GET /Users/{id}", "FinishTask"],
    effects: ["deleted"],
    records: [],
    judge: judgeLateDeletion,
  },
  {
    name: "remove a member whom the directory does not know",
    stage: { cursor: deletion.cursor, scim: people() },
    env: { BATON_CURSOR_REMOVE_UNMANAGED: "true" },
    task: deletion.task,
    from: "Cursor POST /teams/remove-member",
    steps: [...reading, "Cursor POST /teams/remove-member", "FinishTask"],
    effects: [],
    records: [],
    judge: judgeRemoval,
  },
  {
    name: "remove such a member, the roster shows it late",
    stage: { cursor: { ...deletion.cursor, removals: "manual" }, scim: people() },
    env: { BATON_CURSOR_REMOVE_UNMANAGED: "true" },
    task: deletion.task,
    from: "Cursor POST /teams/remove-member",
    steps: [...reading, "Cursor POST /teams/remove-member", "FinishTask"],
    effects: [],
    records: [],
    judge: judgeLateRemoval,
  },
];

/**
 * Nothing outlasts the process, so that the second one sees a member without a record and cannot tell whose work that is.
 * It refuses; as soon as Cursor has followed the directory, the same task succeeds.
 */
async function judgeLateDeletion({ c1, link }: AccountStage, aftermath: Aftermath): Promise<void> {
  const { changedBefore, finish } = aftermath;
  if (!changedBefore) {
    assert.equal(finish.ok, true, finish.message);
    return;
  }
  assert.deepEqual([finish.code, finish.nonRetryable], [9, true], finish.message);
  assert.match(finish.message, /not managed through SCIM/);
  link.apply();
  await succeedsNow(c1, aftermath);
}

/** What is removed through the Admin API cannot come back: it must not be asked for twice. */
function judgeRemoval({ cursor }: AccountStage, { finish, changedBefore }: Aftermath): void {
  assert.equal(finish.ok, true, finish.message);
  assert.equal(saysNothingWasThere(finish), changedBefore);
  // A poll that stands among the points may come before the first process has asked at all.
  const asked = removals(cursor);
  const expected = changedBefore || asked.length === 1 ? asked.slice(0, 1) : [undefined, 200];
  assert.deepEqual(asked, expected);
  if (!changedBefore) assert.equal(asked.at(-1), 200);
}

/** Asked again because the roster still shows the member, Cursor says that there is none, which is told as it is. */
async function judgeLateRemoval({ c1, cursor }: AccountStage, aftermath: Aftermath): Promise<void> {
  const { finish } = aftermath;
  const last = removals(cursor).at(-1);
  if (last === 200) {
    assert.equal(finish.ok, true, finish.message);
    return;
  }
  assert.deepEqual([last, finish.code, finish.nonRetryable], [404, 9, true], finish.message);
  assert.match(finish.message, /is no member of the team, but lists it as one/);
  cursor.applyRemovals();
  await succeedsNow(c1, aftermath);
}

/** Statuses of the requests to remove a member; `undefined` where no answer was sent. */
function removals(cursor: CursorServer): readonly (number | undefined)[] {
  return cursor.requests.filter(({ method }) => method === "POST").map(({ status }) => status);
}

async function succeedsNow(c1: C1Server, { taskId }: Aftermath): Promise<void> {
  const { leases } = c1.task(taskId);
  c1.requeue(taskId);
  await c1.until(() => c1.task(taskId).leases > leases, undefined, "another hand-out");
  const finish = await c1.awaitFinish(taskId);
  assert.deepEqual([finish.ok, saysNothingWasThere(finish)], [true, true], finish.message);
}

/** A change of an account is ended by whoever has begun it. */
function mayTell({ busy, name }: Point): readonly Told[] {
  if (busy === "starting") return name === "token" || name === "Hello" ? ["nothing"] : anything;
  if (busy === "idle") return ["nothing"];
  return isPoll(name) ? anything : ["done"];
}

/** The task is done once, nobody else is touched, and who has found it done changes nothing. */
async function judgeAccounts(
  scenario: AccountScenario,
  stage: AccountStage,
  { before, after }: Interruption,
  untouched: readonly unknown[],
): Promise<void> {
  const { cursor, scim } = stage;
  await scenario.judge(stage, { ...after, changedBefore: before.changed });
  const own = scim.records.filter((record) => !isOther(record));
  assert.deepEqual(
    own.map(({ active, userName }) => ({ active, userName })),
    scenario.records.map((each) => ({ ...each, userName: person })),
  );
  assert.deepEqual(scim.records.filter(isOther), untouched);
  const effects = scim.effects.map(({ kind, userName }) => `${kind} ${userName}`);
  assert.deepEqual(
    scenario.mayRepeat ? [...new Set(effects)] : effects,
    scenario.effects.map((kind) => `${kind} ${person}`),
  );
  assert.deepEqual(cursor.members.slice(0, otherMembers.length), otherMembers);
  assert.deepEqual(scim.violations, []);
  // What the directory refuses is only a question whether it does that.
  const later = scim.requests.slice(before.scimRequests).filter((request) => isWrite(request) && !isRefused(request));
  if (before.changed && !scenario.mayRepeat) assert.deepEqual(later, [], "the second process wrote as well");
}

function isWrite({ method }: ScimRequest): boolean {
  return method !== "GET";
}

function isRefused({ status = 0 }: ScimRequest): boolean {
  return status === 405 || status === 501;
}

/** Tasks about accounts, to be interrupted at every step. What comes before the task is swept with the first one. */
export const accountScenarios: readonly SweepScenario[] = wellBehaved.map((scenario, at) => swept(scenario, at === 0));

/** The same tasks with directories that do not do at once what they are asked for. */
export const oddScenarios: readonly SweepScenario[] = oddDirectories.map((scenario) => swept(scenario, false));

function swept(scenario: AccountScenario, fromStart: boolean): SweepScenario {
  return {
    name: scenario.name,
    task: scenario.task,
    steps: scenario.steps,
    async stage() {
      const stage = await startAccountStage(scenario.stage);
      stage.scim.script(...(scenario.script ?? []));
      return stage;
    },
    env: (stage) => ({ ...accountEnv(stage), ...scenario.env }),
    mayTell,
    ...(scenario.during && { during: scenario.during }),
    proves({ scim }) {
      const answered = scim.requests.filter(isWrite).map(({ method, status }) => `${method} ${status ?? "-"}`);
      if (scenario.writes !== undefined) assert.deepEqual(answered, scenario.writes);
    },
    narrow(points) {
      const working = points.filter(({ busy }) => busy === "working");
      const from = working.findIndex(({ name }) => name === scenario.from);
      assert.ok(from >= 0 || scenario.from === undefined, `no ${scenario.from}`);
      return fromStart ? points : working.slice(Math.max(from, 0));
    },
    observe(stage) {
      const untouched = stage.scim.records.filter(isOther).map((record) => ({ ...record }));
      return (interruption) => judgeAccounts(scenario, stage, interruption, untouched);
    },
  };
}
