/** The stand-ins of one lane. `stand-ins.ts` starts it and speaks to it over the channel of its parent; it ends with that. */
import { inspectC1z } from "../fakes/c1/c1z.ts";
import { grpcCodes, type UploadRecord } from "../fakes/c1-server.ts";
import { makeTeam } from "../fakes/cursor/team.ts";
import { problemsOf } from "../helpers/account-load.ts";
import { serveVerbs } from "../helpers/verbs-process.ts";
import { fileNames, rotationEnv, startRotationStage } from "../integration/rotation-scene.ts";
import { processEnv } from "../integration/scene.ts";
import { createCredentialDesk } from "./credential-desk.ts";
import { makeFaults } from "./faults.ts";
import { judgeTask, type SeenUpload } from "./judge-task.ts";
import { largeTeam, loadAfter, makePlan, makeSyncPlan, type PlannedTask } from "./plan.ts";
import type { StandInOptions, Verbs } from "./stand-ins.ts";
import { createTeamLedger, digestOfFile } from "./team-ledger.ts";

/** Slow enough to find a connector idle. */
const restingPollMs = 1_200;
/** Longer than any result takes that is repeated as it should be, and how long C1 waits where nobody has said a word. */
const [silenceMs, lostMs] = [200_000, 10_000];
const lookForSilenceEveryMs = 5_000;
const hourMs = 3_600_000;
/** As long as the tokens' life, so that there are many requests for them. */
const tokenSeconds = 60;

interface Progress {
  handedOutMs: number;
  heardMs: number;
  uploadStartedMs: number | undefined;
  endedMs: number | undefined;
  hellos: number;
  readonly uploads: UploadRecord[];
}

const { lane, pollMs, rates, ready, seed, syncsOf, tasks }: StandInOptions = JSON.parse(process.argv[2] ?? "{}");
const plan = syncsOf === undefined ? makePlan(seed, lane, tasks) : makeSyncPlan(seed, lane, tasks, syncsOf);
const faults = makeFaults(plan.draw, rates);
const stage = await startRotationStage({
  // Where time counts, files are looked into when all is over.
  c1: {
    c1zDepth: syncsOf === undefined ? "records" : "unread",
    nextPollMs: pollMs,
    nextHeartbeatMs: 1_000,
    improvise: faults.c1,
  },
  cursor: { members: plan.load.members, improvise: faults.cursor },
  scim: { users: plan.load.users, improvise: faults.scim },
});
const { c1, cursor, link, scim } = stage;
c1.token.expiresIn = tokenSeconds;
// The timer that waits for the end of repeated warnings is there from the beginning.
for (const method of ["GetTask", "GetTasks"] as const) c1.script(method, [{}, { error: grpcCodes.UNAVAILABLE }]);
const credentials = createCredentialDesk(stage);
const ledger = createTeamLedger();
const noteTeam = (): void => ledger.note(cursor.members);
noteTeam();
scim.onChange(noteTeam);

const byId = new Map(plan.tasks.map((task) => [task.id, task]));
const progress = new Map<string, Progress>();
const counts = { offered: 0, handedOut: 0, ended: 0, handedOutAgain: 0, upTo: 0 };

function offer(task: PlannedTask): void {
  const { id, init, options } = task;
  const [now, never] = [performance.now(), Number.NaN];
  progress.set(id, {
    ...{ handedOutMs: never, heardMs: now, uploadStartedMs: undefined },
    ...{ endedMs: undefined, hellos: 0, uploads: [] },
  });
  counts.offered += 1;
  c1.enqueue({ ...init, id }, options);
}

/** The team is large from the first heartbeat of a sync that is to see it so until its end. */
function setLarge(large: boolean): void {
  const own = cursor.members.filter(({ email }) => email?.endsWith("@large.example.com") !== true);
  cursor.setMembers(large ? [...own, ...crowd()] : own);
  noteTeam();
}

function* crowd(): Generator<object> {
  for (const row of makeTeam({ active: largeTeam })) yield { ...row, email: row.email.replace("@", "@large.") };
}

function topUp(): void {
  while (counts.offered < Math.min(counts.upTo, tasks) && counts.offered - counts.handedOut < ready) {
    const task = plan.tasks[counts.offered];
    if (task !== undefined) offer(task);
  }
}

function end(task: PlannedTask | undefined, own: Progress | undefined): void {
  if (task === undefined || own?.endedMs !== undefined || own === undefined) return;
  own.endedMs = performance.now();
  counts.ended += 1;
  if (isLarge(task)) setLarge(false);
  if (task.signsIn !== true || task.brings === undefined || c1.task(task.id).finishes.at(-1)?.ok !== true) return;
  link.signIn(task.brings);
  noteTeam();
}

c1.onEvent((event) => {
  if (event.type === "poll") {
    for (const id of event.taskIds) {
      const own = progress.get(id);
      if (own === undefined) continue;
      own.heardMs = performance.now();
      if (!Number.isNaN(own.handedOutMs)) continue;
      own.handedOutMs = own.heardMs;
      counts.handedOut += 1;
    }
    topUp();
    return;
  }
  const id =
    event.type === "finish"
      ? event.finish.taskId
      : event.type === "upload-finished"
        ? event.upload.taskId
        : taskOf(event);
  const own = progress.get(id);
  if (own === undefined) return;
  own.heardMs = performance.now();
  if (event.type === "heartbeat" && event.beat === 1 && isLarge(byId.get(id))) setLarge(true);
  if (event.type === "hello") own.hellos += 1;
  if (event.type === "upload-started") own.uploadStartedMs ??= performance.now();
  if (event.type === "upload-finished" && event.upload.ok) own.uploads.push(event.upload);
  if (event.type === "finish" || event.type === "hello" || (event.type === "heartbeat" && event.cancelled)) {
    end(byId.get(id), own);
  }
});

function taskOf(event: object): string {
  return "taskId" in event ? String(event.taskId) : "";
}

/** What C1 does with a task of which it hears no more: who has it after all ignores it. */
setInterval(() => {
  const nowMs = performance.now();
  for (const [id, own] of progress) {
    if (own.endedMs !== undefined || Number.isNaN(own.handedOutMs)) continue;
    const { beats, finishAttempts } = c1.task(id);
    const heardOf = beats > 0 || finishAttempts > 0;
    if (nowMs - own.heardMs < (heardOf ? silenceMs : lostMs)) continue;
    own.heardMs = nowMs;
    counts.handedOutAgain += 1;
    c1.requeue(id);
  }
}, lookForSilenceEveryMs).unref();

async function problems(): Promise<string[]> {
  const wrong: string[] = [];
  for (const task of plan.tasks.slice(0, counts.offered)) {
    const own = progress.get(task.id);
    const teams = ledger.between(own?.handedOutMs ?? 0, own?.uploadStartedMs ?? 0);
    const uploads = await Promise.all((own?.uploads ?? []).map(lookInto));
    wrong.push(judgeTask(task, { view: c1.task(task.id), hellos: own?.hellos ?? 0, uploads, teams }));
  }
  const { others } = violations();
  return [...wrong.filter((each) => each !== ""), ...problemsOf(scim, loadAfter(plan, counts.offered)), ...others];
}

async function lookInto(upload: UploadRecord): Promise<SeenUpload> {
  const { contents, path = "", sha256hex } = upload;
  return { sha256hex, contents: contents ?? (await inspectC1z(path, "records")), team: digestOfFile(path) };
}

/** What C1 had to refuse: requests for tokens from a clock that was put days off, and what nobody planned. */
function violations(): { readonly clocks: number; readonly others: readonly string[] } {
  const texts = c1.violations.map(({ message, where }) => `${where}: ${message}`);
  const others = texts.filter((text) => !/^token: (exp|iat|nbf) is -?\d{4,} s from now/.test(text));
  return { clocks: texts.length - others.length, others };
}

const verbs: Verbs = {
  env() {
    const env = processEnv(stage, rotationEnv(stage, { BATON_LOG_LEVEL: "info", BATON_LOG_FORMAT: "json" }));
    return Object.fromEntries(Object.entries(env).filter(([name]) => !fileNames.some((secret) => secret === name)));
  },
  feed(upTo) {
    counts.upTo = Math.max(counts.offered, upTo);
    topUp();
  },
  async waitForEnded(count) {
    await c1.until(() => counts.ended >= count, 3 * hourMs, `the end of ${count} tasks`);
  },
  progress: () => ({ ended: counts.ended, offered: counts.offered }),
  span(start, end) {
    const own = plan.tasks.slice(start, end).map(({ id }) => progress.get(id));
    const begun = Math.min(...own.map((each) => each?.handedOutMs ?? Number.NaN));
    return (Math.max(...own.map((each) => each?.endedMs ?? Number.NaN)) - begun) / 1000;
  },
  rest(resting) {
    faults.setOn(!resting);
    c1.defaults.nextPollMs = resting ? restingPollMs : pollMs;
  },
  async waitForPoll() {
    const polls = (): number => c1.calls("GetTask").length + c1.calls("GetTasks").length;
    const before = polls();
    await c1.until(() => polls() > before, 60_000, "a poll");
  },
  swap: credentials.swap,
  retire: credentials.retire,
  outcome: async () => ({
    offered: counts.offered,
    ended: counts.ended,
    problems: await problems(),
    faults: faults.count,
    kinds: countKinds(),
    handedOutAgain: counts.handedOutAgain,
    refusedClocks: violations().clocks,
    largeSyncs: plan.tasks.filter((task) => isLarge(task) && hasEnded(task)).length,
    mostAtOnce: c1.inFlight.max,
  }),
};

function isLarge(task: PlannedTask | undefined): boolean {
  return task?.expected.end === "sync" && task.expected.large;
}

function hasEnded({ id }: PlannedTask): boolean {
  return progress.get(id)?.endedMs !== undefined;
}

function countKinds(): Record<string, number> {
  const kinds: Record<string, number> = {};
  for (const { kind } of plan.tasks.filter(hasEnded)) kinds[kind] = (kinds[kind] ?? 0) + 1;
  return kinds;
}

serveVerbs<Verbs>(verbs);
