import type { Injection, TaskKind } from "../injection.ts";
import {
  cutsOthersOff,
  finishVerdict,
  heartbeatVerdict,
  helloVerdict,
  type Judged,
  pollVerdict,
  startVerdict,
  tokenAtStart,
  tokenVerdict,
  uploadVerdict,
} from "./grpc.ts";
import { removalVerdict, rosterVerdict, scimVerdict } from "./http.ts";
import { type Code, grpc, type Manifest, type Outcome, type Verdict } from "./outcome.ts";
import { contentOf, digest, oddRows, type Row } from "./team.ts";

/**
 * What C1 must have received and what Cursor and the directory must hold in the end, from the injection and from the team as it
 * was when the task was handed out. Knows nothing of the product but what its documents promise.
 */
export function manifestOf(injection: Injection, rows: readonly Row[]): Manifest {
  const { call, effect, phase, target, task } = injection;
  const mayRepeat = cutsOthersOff(injection);
  if (task === "start") {
    const verdict = target === "token" ? tokenAtStart(injection) : startVerdict(injection);
    return { outcome: started(verdict), lost: false, mayRepeat };
  }
  const { lost, uploads, verdict } = judge(injection);
  const sent = target === "cursor" ? oddRows(effect, rows) : rows;
  // Accepted by the directory, without anything being done.
  const ignored = call === "DELETE /Users/{id}" && phase === "answer";
  const synced = content(task, sent, uploads ?? (verdict === "ok" ? 1 : 0));
  return { outcome: outcomeOf(task, verdict, ignored, synced), lost, mayRepeat };
}

/** What a task must come to that nothing happens to. */
export function plainOutcome(task: Exclude<TaskKind, "start">, rows: readonly Row[]): Outcome {
  return outcomeOf(task, "ok", false, content(task, rows, 1));
}

function judge(injection: Injection): Judged {
  const of = (verdict: Verdict): Judged => ({ verdict, lost: false });
  switch (injection.target) {
    case "token":
      return tokenVerdict(injection);
    case "hello":
      return helloVerdict(injection);
    case "get-task":
    case "get-tasks":
      return pollVerdict(injection);
    case "heartbeat":
      return heartbeatVerdict(injection);
    case "finish":
      return finishVerdict(injection);
    case "upload":
      return uploadVerdict(injection);
    case "cursor":
      return of(injection.task === "remove" ? removalVerdict(injection) : rosterVerdict(injection));
    case "scim":
      return of(scimVerdict(injection));
    case "machine":
      throw new Error("faults of the machine have a manifest of their own");
  }
}

function started(verdict: "started" | Code): Outcome {
  const ending = verdict === "started" ? "started" : `exit ${grpc[verdict]}`;
  return { ending, content: "-", directory: "-", team: "-", effects: "-" };
}

function content(task: TaskKind, rows: readonly Row[], uploads: number): string {
  if ((task !== "sync" && task !== "idle") || uploads === 0) return "-";
  const one = digest(contentOf(rows));
  return uploads === 1 ? one : `${uploads} × ${one}`;
}

/** Directory, team and effects before and after each kind of task; and what C1 is told. */
const tasks: Readonly<
  Record<
    Exclude<TaskKind, "start">,
    {
      readonly before: Pick<Outcome, "directory" | "team">;
      readonly after: Omit<Outcome, "content">;
    }
  >
> = {
  idle: bystander("ok"),
  sync: bystander("ok"),
  hello: bystander("hello"),
  create: {
    before: { directory: "-", team: "-" },
    after: { ending: "ok in_progress", directory: "active", team: "-", effects: "created" },
  },
  reactivate: {
    before: { directory: "inactive", team: "-" },
    after: { ending: "ok in_progress", directory: "active", team: "-", effects: "patched" },
  },
  delete: {
    before: { directory: "active", team: "active" },
    after: { ending: "ok", directory: "-", team: "removed", effects: "deleted" },
  },
  remove: {
    before: { directory: "-", team: "active" },
    after: { ending: "ok", directory: "-", team: "removed", effects: "-" },
  },
};

function bystander(ending: string) {
  const before = { directory: "-", team: "-" };
  return { before, after: { ...before, ending, effects: "-" } };
}

function outcomeOf(
  task: Exclude<TaskKind, "start">,
  verdict: Verdict | "nothing",
  ignored: boolean,
  content: string,
): Outcome {
  const { after, before } = tasks[task];
  if (verdict === "ok")
    return ignored ? { ...before, ending: after.ending, effects: "-", content } : { ...after, content };
  if (verdict === "nothing") return { ...before, ending: "nothing", effects: "-", content: "-" };
  // A sync is always worth another attempt; a change that was refused or half done is for a person to decide.
  const retry = task === "sync" || task === "idle" ? "retryable" : "final";
  const ending = `code ${grpc[verdict.code]} ${retry}`;
  return verdict.done === true ? { ...after, ending, content } : { ...before, ending, effects: "-", content };
}
