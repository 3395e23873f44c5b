/**
 * C1, Cursor, its directory and a gateway that throttles, in a process of their own: what they take must not count as the
 * connector's. `account-stand-ins.ts` starts it and speaks to it over the channel of its parent; it ends with that.
 */
import type { C1Server } from "../fakes/c1-server.ts";
import { startC1Server } from "../fakes/c1-server.ts";
import { makeLoad, problemsOf } from "../helpers/account-load.ts";
import { startThrottlingGateway } from "../helpers/throttling-gateway.ts";
import { serveVerbs } from "../helpers/verbs-process.ts";
import {
  createTask,
  creationArm,
  deleteTask,
  saysNothingWasThere,
  startAccountStage,
} from "../integration/account-stage.ts";
import type { AskedRequest, Kind, StandInOptions, Verbs, Who } from "./account-stand-ins.ts";

const { people, pauseEvery }: StandInOptions = JSON.parse(process.argv[2] ?? "{}");
const load = makeLoad(people);
const { c1, cursor, scim } = await startAccountStage({
  cursor: { members: load.members },
  scim: { users: load.users },
});
const bareC1 = await startC1Server({ requireHello: false });
const gateway = await startThrottlingGateway(scim.endpoint, (refusal) => (refusal % pauseEvery === 0 ? 1 : 0));

const servers: Readonly<Record<Who, C1Server>> = { connector: c1, bare: bareC1 };
const handedOutMs = new Map<string, number>();
const finishedMs = new Map<string, number>();
for (const server of Object.values(servers)) {
  server.onEvent((event) => {
    if (event.type === "poll") for (const id of event.taskIds) handedOutMs.set(id, performance.now());
    if (event.type === "finish") finishedMs.set(event.finish.taskId, performance.now());
  });
}
const queued: { readonly id: string; readonly kind: Kind }[] = [];
/** How far the logs of requests had come when a task was offered. */
const offeredAt = new Map<string, { readonly cursor: number; readonly scim: number }>();

const emailOf = (kind: Kind, index: number): string =>
  (kind === "create" ? load.newcomers[index] : load.leavers[index]?.email) ?? "";

function taskOf(kind: Kind, index: number): ReturnType<typeof createTask> {
  return kind === "create" ? createTask(emailOf(kind, index)) : deleteTask(load.leavers[index]?.id ?? "");
}

function requestsSince(at: { readonly cursor: number; readonly scim: number }): AskedRequest[] {
  const asked = [
    ...cursor.requests.slice(at.cursor).map((request) => ({ to: "cursor", ...request }) as const),
    ...scim.requests.slice(at.scim).map((request) => ({ to: "scim", ...request }) as const),
  ].sort((one, other) => one.atMs - other.atMs);
  return asked.map(({ to, method, path, query, body }) => ({ to, method, path, query, body }));
}

/** What is wrong with the result of a task; empty when nothing is. */
function faultOf(server: C1Server, id: string, kind: Kind): string {
  const finish = server.task(id).finishes.at(-1);
  if (finish === undefined) return `${kind} was not finished`;
  if (!finish.ok) return `${kind} failed with ${finish.code}: ${finish.message}`;
  const answer =
    kind === "create" ? creationArm(finish) : saysNothingWasThere(finish) ? "nothing was there" : "deleted";
  return answer === "inProgress" || answer === "deleted" ? "" : `${kind} was answered with: ${answer}`;
}

const verbs: Verbs = {
  addresses: () => ({
    ...{ connector: addressOf(c1), bare: addressOf(bareC1), cursor: { url: cursor.url, apiKey: cursor.apiKey } },
    ...{ scim: { endpoint: scim.endpoint, token: scim.token }, gateway: gateway.endpoint },
  }),
  queueEverything() {
    for (let index = 0; index < people; index += 1) {
      for (const kind of ["create", "delete"] as const) queued.push({ id: c1.enqueue(taskOf(kind, index)), kind });
    }
  },
  async waitForFinished(count) {
    await c1.until(() => finishedMs.size >= count, 20 * 60_000, `the end of ${count} tasks`);
  },
  outcome() {
    const began = queued.map(({ id }) => handedOutMs.get(id) ?? Number.NaN);
    const ended = queued.map(({ id }) => finishedMs.get(id) ?? Number.NaN);
    return {
      tasks: queued.length,
      seconds: (Math.max(...ended) - Math.min(...began)) / 1000,
      faults: queued.map(({ id, kind }) => faultOf(c1, id, kind)).filter((fault) => fault !== ""),
      problems: [...problemsOf(scim, load), ...c1.violations.map(({ where, message }) => `${where}: ${message}`)],
      calls: gateway.calls.map((call) => ({ ...call })),
      requests: scim.requests.length,
      mostAtOnce: c1.inFlight.max,
    };
  },
  offer(who, kind, index) {
    const email = emailOf(kind, index);
    const recordId = scim.records.find(({ userName }) => userName === email)?.id;
    const id = servers[who].enqueue(taskOf(kind, index));
    offeredAt.set(id, { cursor: cursor.requests.length, scim: scim.requests.length });
    return { id, email, recordId };
  },
  async result(who, kind, id) {
    await servers[who].awaitFinish(id, 30_000);
    return {
      ms: (finishedMs.get(id) ?? Number.NaN) - (handedOutMs.get(id) ?? Number.NaN),
      fault: faultOf(servers[who], id, kind),
      requests: requestsSince(offeredAt.get(id) ?? { cursor: 0, scim: 0 }),
    };
  },
};

function addressOf({ apiHost, caFile, caPem, clientId, clientSecret }: C1Server): ReturnType<Verbs["addresses"]>[Who] {
  return { apiHost, caFile, caPem, clientId, clientSecret };
}

serveVerbs<Verbs>(verbs);
