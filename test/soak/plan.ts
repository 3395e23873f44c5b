/** What a soak does, made of nothing but its seed: the tasks in their order, and what C1 must get for each. */
import type { TaskInit, TaskOptions } from "../fakes/c1-server.ts";
import { makeTeam } from "../fakes/cursor/team.ts";
import { type Load, makeLoad } from "../helpers/account-load.ts";
import { createTask, deleteTask } from "../integration/account-stage.ts";
import { syncTask } from "../integration/scene.ts";
import { type Draw, drawsOf, pick } from "./draw.ts";
import { fixedAnswers } from "./refusals.ts";

/** What has to come of a task. */
export type Expected =
  /** One result, with this code. `final`: C1 must not try again. `answer` is the arm of a creation, or what a deletion says. */
  | { readonly end: "result"; readonly code: number; readonly final: boolean; readonly answer?: string }
  /** One upload of a sync that is the team at some moment meanwhile, and one good result. */
  | { readonly end: "sync"; readonly large: boolean }
  /** One Hello with the task's id and no result. */
  | { readonly end: "hello" }
  /** C1 cancels it before it begins: no upload and no result. */
  | { readonly end: "nothing" };

export interface PlannedTask {
  readonly index: number;
  readonly id: string;
  /** In a few words, for people. */
  readonly kind: string;
  readonly init: TaskInit;
  readonly options: TaskOptions;
  readonly expected: Expected;
  /** Whom it brings into the directory, or takes out of it. */
  readonly brings?: string;
  readonly takes?: string;
  /** Whether who is brought joins the team at once. */
  readonly signsIn?: boolean;
}

/** Something that happens to the connector or its surroundings when so many tasks have ended. */
export interface PlannedEvent {
  readonly afterTasks: number;
  readonly what: "swap-c1" | "swap-cursor" | "swap-scim" | "step-clock" | "leap-clock";
  /** How far the wall clock is off from then on (`step-clock`) or for a moment (`leap-clock`), in milliseconds. */
  readonly aheadMs: number;
}

export interface SoakPlan {
  readonly tasks: readonly PlannedTask[];
  readonly events: readonly PlannedEvent[];
  readonly load: Load;
  readonly draw: Draw;
}

type Kind = "sync" | "cancelled-sync" | "large-sync" | "create" | "create-again" | "delete" | "delete-nobody" | "hello";

const weights: readonly { readonly weight: number; readonly what: Kind | "fixed" }[] = [
  { weight: 8, what: "sync" },
  { weight: 1, what: "cancelled-sync" },
  { weight: 20, what: "create" },
  { weight: 4, what: "create-again" },
  { weight: 20, what: "delete" },
  { weight: 4, what: "delete-nobody" },
  { weight: 5, what: "hello" },
  { weight: 38, what: "fixed" },
];

/** How many members the large team has, and every how many tasks it is synced. */
export const largeTeam = 50_000;
const largeEvery = 500;
const firstLarge = 100;
const eventEvery = 40;
/** An assertion is good for two minutes, so C1 refuses those of a clock that is further back. */
const longestStepMs = 100_000;
const leapsMs = [86_400_000, -86_400_000, 7 * 86_400_000, -3_600_000] as const;

/** The plan of one lane of `count` tasks. */
export function makePlan(seed: number, lane: string, count: number): SoakPlan {
  const draw = drawsOf(seed);
  const kinds = Array.from({ length: count }, (_, index): Kind | "fixed" =>
    index % largeEvery === firstLarge ? "large-sync" : pick(draw(lane, "kind", index), weights),
  );
  const people = Math.max(...["create", "delete"].map((kind) => kinds.filter((each) => each === kind).length));
  const load = makeLoad(people);
  const used = { create: 0, delete: 0, fixed: 0 };
  const tasks = kinds.map((kind, index): PlannedTask => {
    const id = taskId(draw, lane, index);
    return { index, id, kind, options: {}, ...makeTask(kind, { load, used, drawn: draw(lane, "task", index) }) };
  });
  return { draw, tasks, load, events: makeEvents(draw, lane, count) };
}

/** Syncs of a made-up team that nobody joins or leaves, and nothing else. */
export function makeSyncPlan(seed: number, lane: string, count: number, members: number): SoakPlan {
  const draw = drawsOf(seed);
  const tasks = Array.from({ length: count }, (_, index): PlannedTask => {
    const id = taskId(draw, lane, index);
    return { index, id, kind: "sync", init: syncTask, options: {}, expected: { end: "sync", large: false } };
  });
  const load = { members: [...makeTeam({ active: members })], newcomers: [], leavers: [], stayers: [], users: [] };
  return { draw, tasks, load, events: [] };
}

/** What the first tasks of a plan make of its people: nobody else joins or leaves. */
export function loadAfter({ load, tasks }: Pick<SoakPlan, "load" | "tasks">, count: number): Load {
  const done = tasks.slice(0, count);
  const left = new Set(done.map(({ takes }) => takes));
  const stayed = load.leavers.filter(({ email }) => !left.has(email)).map(({ email }) => email);
  return {
    ...load,
    newcomers: done.flatMap(({ brings }) => brings ?? []),
    leavers: load.leavers.filter(({ email }) => left.has(email)),
    stayers: [...load.stayers, ...stayed],
  };
}

type Made = Omit<PlannedTask, "index" | "id" | "kind" | "options"> & Partial<Pick<PlannedTask, "kind" | "options">>;

interface Making {
  readonly load: Load;
  /** How far the lists of people and of fixed answers are used up. */
  readonly used: { create: number; delete: number; fixed: number };
  readonly drawn: number;
}

function makeTask(kind: Kind | "fixed", { drawn, load, used }: Making): Made {
  const success = (answer: string): Expected => ({ end: "result", code: 0, final: false, answer });
  switch (kind) {
    case "sync":
    case "large-sync":
      return { init: syncTask, expected: { end: "sync", large: kind === "large-sync" } };
    case "cancelled-sync":
      return { init: syncTask, options: { cancelFromBeat: 1 }, expected: { end: "nothing" } };
    case "hello":
      return { init: { taskType: { case: "hello", value: {} } }, expected: { end: "hello" } };
    case "create": {
      const email = load.newcomers[used.create] ?? "";
      used.create += 1;
      return { init: createTask(email), expected: success("inProgress"), brings: email, signsIn: drawn < 0.5 };
    }
    case "create-again": {
      const email = load.stayers[Math.floor(drawn * load.stayers.length)] ?? "";
      return { init: createTask(email), expected: success("alreadyExists") };
    }
    case "delete": {
      const leaver = load.leavers[used.delete];
      used.delete += 1;
      return { init: deleteTask(leaver?.id ?? ""), expected: success("deleted"), takes: leaver?.email ?? "" };
    }
    case "delete-nobody":
      return {
        init: deleteTask(`user_never_${Math.floor(drawn * 1e9)}`),
        expected: success("nothing was there"),
      };
    case "fixed": {
      const fixed = fixedAnswers[used.fixed % fixedAnswers.length];
      if (fixed === undefined) throw new Error("there are no fixed answers");
      used.fixed += 1;
      const { again, code, init, name } = fixed;
      return { kind: name, init, expected: { end: "result", code, final: code !== 0 && again !== true } };
    }
  }
}

/** Swaps and clock jumps by turns, so that also a short run has one of each. */
function makeEvents(draw: Draw, lane: string, count: number): PlannedEvent[] {
  const turns = ["swap-cursor", "step-clock", "swap-scim", "leap-clock", "swap-c1"] as const;
  return Array.from({ length: Math.floor(count / eventEvery) }, (_, at): PlannedEvent => {
    const what = turns[at % turns.length] ?? "step-clock";
    const drawn = draw(lane, "event", at);
    const step = Math.round((drawn - 0.5) * 2 * longestStepMs);
    const leap = leapsMs[Math.floor(drawn * leapsMs.length)] ?? 0;
    return {
      afterTasks: (at + 1) * eventEvery,
      what,
      aheadMs: what === "step-clock" ? step : what === "leap-clock" ? leap : 0,
    };
  });
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function taskId(draw: Draw, lane: string, index: number): string {
  return Array.from(
    { length: 27 },
    (_, at) => alphabet[Math.floor(draw(lane, "id", index, at) * alphabet.length)],
  ).join("");
}
