import assert from "node:assert/strict";
import { makeTeam } from "../../fakes/cursor-server.ts";
import { type AccountStage, startAccountStage } from "../../integration/account-stage.ts";
import { syncTask } from "../../integration/scene.ts";
import { expectedSync, type TeamRow } from "./expected-sync.ts";
import type { Interruption } from "./interrupt.ts";
import { isPoll, type Point } from "./moments.ts";
import { finishMs } from "./scene.ts";
import { anything, type SweepScenario, type Told } from "./sweep-scenario.ts";
import { syncContents } from "./sync-contents.ts";
import { accepted, told } from "./verdict.ts";

const smallTeam: readonly TeamRow[] = [
  { id: "user_01ADA", name: "Ada Byron", email: "ada@example.com", role: "owner", isRemoved: false },
  { id: "user_01BAO", name: "Bảo Nguyễn", email: "bao@example.com", role: "free-owner", isRemoved: false },
  { id: "user_01CHI", name: "Chidi Okafor", email: "chidi@example.com", role: "member", isRemoved: false },
  { id: "user_01DOR", name: "Dóra Szűcs", email: "dora@example.com", role: "member", isRemoved: false },
];

/** Makes a file of several chunks. */
const largeTeam: readonly TeamRow[] = [...makeTeam({ active: 6_000 })];

const upload = ["UploadAsset metadata", "UploadAsset data", "UploadAsset eof"];

/** A sync gives the task back until its upload begins, and ends it from then on. */
function mayTell({ busy, name }: Point): readonly Told[] {
  // What a process asks while it starts goes on beside the task.
  if (busy === "starting") return name === "token" || name === "Hello" ? ["nothing"] : anything;
  if (busy === "idle") return ["nothing"];
  // A task on its way may reach a process that has just been asked to stop.
  if (isPoll(name)) return anything;
  return isUpload(name) || name === "FinishTask" ? ["done"] : ["given back"];
}

function isUpload(name: string): boolean {
  return name.startsWith("UploadAsset");
}

interface SyncScenario extends Pick<SweepScenario, "name" | "steps" | "poll" | "keepsCall"> {
  readonly keeps: (point: Point) => boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** C1 wants the log as well. */
  readonly debug?: true;
  /** Rows on each page of the roster. */
  readonly pageSize?: number;
}

/** Runs against stand-ins of which the directory is not used. */
function syncOf(team: readonly TeamRow[], scenario: SyncScenario): SweepScenario {
  const { keeps, env = {}, debug = false, pageSize, ...rest } = scenario;
  return {
    ...rest,
    narrow: (points) => points.filter(keeps),
    task: { ...syncTask, debug },
    stage: () => startAccountStage({ cursor: { members: team, ...(pageSize && { pageSize }) } }),
    env: () => env,
    mayTell,
    observe: (stage) => (interruption) => judgeSync(team, debug, stage, interruption),
  };
}

/** Once the first process has the roster's request out or an upload begun, this request waits for a second heartbeat. */
function slowedAt(wanted: string): Pick<SweepScenario, "during"> {
  return {
    async during({ c1 }, name, moment) {
      if (name !== wanted || moment !== "received") return;
      const beats = () => c1.calls("Heartbeat").filter(({ code }) => code === 0).length >= 2;
      // When the process is killed at that heartbeat nothing is left to wait for.
      await c1.until(beats, 5_000, "a second heartbeat").catch(() => undefined);
    },
  };
}

const roster = "Cursor GET /teams/members";
const secondBeat = ({ busy, name, count }: Point) => busy === "working" && name === "Heartbeat" && count === 2;

export const syncScenarios: readonly SweepScenario[] = [
  syncOf(smallTeam, {
    name: "sync",
    keepsCall: () => true,
    keeps: ({ name, count }) => name !== "Heartbeat" || count === 1,
    steps: ["Heartbeat", roster, ...upload, "FinishTask"],
  }),
  syncOf(largeTeam, {
    name: "sync of a large team",
    keeps: ({ busy, name }) => busy === "working" && isUpload(name),
    steps: [...upload.slice(0, 2), ...upload.slice(1)],
  }),
  syncOf(smallTeam, {
    name: "sync, the roster has pages",
    pageSize: 2,
    keeps: ({ busy, name, count }) => busy === "working" && name === roster && count > 1,
    steps: [roster],
  }),
  syncOf(smallTeam, {
    name: "sync, several tasks at a time",
    poll: "GetTasks",
    env: { BATON_GET_TASKS: "true" },
    keeps: ({ name }) => name === "GetTasks",
    steps: ["GetTasks"],
  }),
  syncOf(smallTeam, {
    name: "sync with its log",
    keepsCall: ({ file }) => ["", "lock", "debug.log"].includes(file),
    debug: true,
    keeps: ({ busy, name, count }) => busy === "working" && (name === "FinishTask" || (isUpload(name) && count > 1)),
    steps: [...upload, "FinishTask"],
  }),
  {
    ...syncOf(smallTeam, { name: "sync, Cursor is slow", keeps: secondBeat, steps: ["Heartbeat"] }),
    ...slowedAt(roster),
  },
  {
    ...syncOf(smallTeam, { name: "sync, the upload is slow", keeps: secondBeat, steps: ["Heartbeat"] }),
    ...slowedAt("UploadAsset data"),
    mayTell: () => ["done"],
  },
  {
    ...syncOf(smallTeam, {
      name: "sync, the token is revoked meanwhile",
      keeps: ({ busy, name }) => busy === "working" && name === "token",
      steps: ["token"],
    }),
    async during({ c1 }, name, moment) {
      if (name !== roster || moment !== "received") return;
      const { length } = c1.token.requests;
      c1.token.revokeAll();
      await c1.until(() => c1.token.requests.length > length, finishMs, "a request for a token");
    },
  },
];

/** A sync is right when every file that C1 took says what the manifest says, and the last report comes with one. */
function judgeSync(
  team: readonly TeamRow[],
  debug: boolean,
  stage: AccountStage,
  { before, after }: Interruption,
): void {
  const manifest = expectedSync(team);
  const early = accepted(before.uploads);
  assert.ok(early.length <= 1, `${early.length} uploads were taken from one process`);
  for (const { path } of accepted(stage.c1.uploads)) assert.deepEqual(syncContents(path ?? ""), manifest);
  if (before.end.signal === null && told(before) === "done") assert.equal(early.length, 1);
  assert.equal(after.finish.ok, true, after.finish.message);
  assert.equal(accepted(stage.c1.uploads).length, early.length + 1);
  const earlyLogs = accepted(before.uploads, "debug_log");
  assert.ok(earlyLogs.length <= (debug ? early.length : 0), `${earlyLogs.length} logs of one process`);
  assert.equal(accepted(stage.c1.uploads, "debug_log").length, earlyLogs.length + (debug ? 1 : 0));
}
