import type { C1zContents, Finish, TaskView } from "../fakes/c1-server.ts";
import { creationArm, saysNothingWasThere } from "../integration/account-stage.ts";
import type { PlannedTask } from "./plan.ts";
import type { TeamDigest } from "./team-ledger.ts";

/** One accepted upload. */
export interface SeenUpload {
  readonly sha256hex: string;
  readonly contents: C1zContents;
  readonly team: TeamDigest;
}

/** Everything that C1 saw of one task. */
export interface Seen {
  readonly view: TaskView | undefined;
  /** Accepted Hellos with its id. */
  readonly hellos: number;
  /** Accepted uploads. */
  readonly uploads: readonly SeenUpload[];
  /** What the team was from the task handed out to the first upload begun. */
  readonly teams: readonly TeamDigest[];
}

/** What is wrong with the end of a task; empty when nothing is. */
export function judgeTask(task: PlannedTask, seen: Seen): string {
  const wrong = faultOf(task, seen);
  return wrong === "" ? "" : `task ${task.index} (${task.kind}) ${wrong}`;
}

function faultOf({ expected }: PlannedTask, seen: Seen): string {
  const { hellos, uploads, view } = seen;
  if (view === undefined || view.leases === 0) return "was never handed out";
  const results = expected.end === "result" || expected.end === "sync" ? 1 : 0;
  if (view.finishes.length !== results) return `has ${view.finishes.length} results, not ${results}`;
  const greetings = expected.end === "hello" ? 1 : 0;
  if (hellos !== greetings) return `was answered by ${hellos} Hellos, not ${greetings}`;
  if (expected.end !== "sync" && uploads.length > 0) return `has ${uploads.length} uploads`;
  const [finish] = view.finishes;
  if (finish === undefined) return "";
  if (expected.end === "sync") return faultOfSync(finish, seen);
  if (expected.end === "result") return faultOfResult(finish, expected);
  return "";
}

function faultOfSync(finish: Finish, { teams, uploads }: Seen): string {
  if (!finish.ok) return `failed with ${finish.code}: ${finish.message}`;
  const [first] = uploads;
  if (first === undefined) return "uploaded nothing";
  // Sent again because the answer was lost, it is the same file.
  if (uploads.some(({ sha256hex }) => sha256hex !== first.sha256hex)) return "uploaded two files";
  const { problems, usersDisabled } = first.contents;
  if (problems.length > 0) return `uploaded a file with problems: ${problems.join("; ")}`;
  const { active, removed, sum } = first.team;
  if (usersDisabled !== removed) {
    return `uploaded ${usersDisabled} disabled users, but ${removed} without a role`;
  }
  if (teams.some((team) => team.sum === sum && team.active === active && team.removed === removed)) return "";
  const meant = teams.map((team) => `${team.active} + ${team.removed}`).join(", ");
  return `uploaded a team of ${active} + ${removed} (${sum}), which it never was: ${meant}`;
}

function faultOfResult(
  finish: Finish,
  expected: { readonly code: number; readonly final: boolean; readonly answer?: string },
): string {
  if (finish.code !== expected.code || finish.ok !== (expected.code === 0)) {
    return `ended with ${finish.code}, not ${expected.code}: ${finish.message}`;
  }
  if (finish.nonRetryable !== expected.final) return `is ${finish.nonRetryable ? "" : "not "}final`;
  if (expected.answer === undefined) return "";
  const answer = finish.response?.typeUrl.endsWith("CreateAccountResponse")
    ? creationArm(finish)
    : saysNothingWasThere(finish)
      ? "nothing was there"
      : "deleted";
  return answer === expected.answer ? "" : `was answered with "${answer}", not "${expected.answer}"`;
}
