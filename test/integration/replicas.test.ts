import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { roleFor } from "../fakes/kube-api.ts";
import { metric, type Replicas, readiness, setReplicas } from "../helpers/replicas.ts";
import { until } from "../helpers/until.ts";
import { syncTask } from "./scene.ts";

const dist = new URL("../../dist/", import.meta.url).pathname;

const pollers = ({ polls }: Replicas, fromMs: number): string[] => [
  ...new Set(polls.filter(({ atMs }) => atMs >= fromMs).map(({ who }) => who)),
];

/** Two replicas, the first of which leads. */
async function startTwo(replicas: Replicas, env: Readonly<Record<string, string>> = {}) {
  const a = await replicas.start("pod-a", env);
  await replicas.nextPoll(30_000, "pod-a");
  const b = await replicas.start("pod-b", env);
  await until(() => b.stderr().includes('"state":"standby"'), "standby");
  return { a, b };
}

suite("two replicas and one Lease", { concurrency: 3 }, () => {
  test("one polls, both have said Hello and are ready, and the metrics tell who leads", async () => {
    await using replicas = await setReplicas();
    const { a, b } = await startTwo(replicas);
    await replicas.c1.until(() => replicas.c1.calls("Hello").length >= 2, 10_000, "two Hellos");
    await delay(3_000);
    assert.deepEqual(pollers(replicas, 0), ["pod-a"]);
    assert.match(replicas.kube.lease()?.spec?.holderIdentity ?? "", /^pod-a_[0-9a-f]{8}$/);
    assert.deepEqual([(await readiness(a)).status, (await readiness(b)).status], [200, 200]);
    assert.match((await readiness(b)).body, /"standby"/);
    assert.deepEqual([await metric(a, "baton_leader"), await metric(b, "baton_leader")], [1, 0]);
    assert.ok((await metric(a, 'baton_kube_requests_total{verb="update",code="ok"}')) >= 2);
    assert.ok((await metric(b, 'baton_kube_requests_total{verb="get",code="ok"}')) >= 2);
    assert.equal(await metric(a, "baton_lease_transitions_total"), 1);
    // What the alert on stalled polls counts on: who stands by shows no time of a poll, neither now nor 0.
    assert.ok((await metric(a, "baton_last_poll_success_timestamp_seconds")) > 1_700_000_000);
    for (const [name, expected] of [
      ["baton_last_poll_success_timestamp_seconds", Number.NaN],
      ['baton_polls_total{outcome="error"}', 0],
      ['baton_tasks_in_flight{task_type="sync_full"}', 0],
    ] as const) {
      assert.equal(await metric(b, name), expected, name);
    }
  });

  test("a leader that is killed is followed within 20 s", async (t) => {
    await using replicas = await setReplicas();
    const { a } = await startTwo(replicas);
    await delay(5_000);
    a.kill("SIGKILL");
    await a.ended;
    const { tookMs } = await replicas.nextPoll(20_000, "pod-b");
    t.diagnostic(`followed after ${Math.round(tookMs)} ms`);
    // Not sooner than the Lease allows: its last renewal is at most two seconds old.
    assert.ok(tookMs > 12_500, `${tookMs} ms`);
  });

  test("a leader that stops is followed within 3 s", async (t) => {
    await using replicas = await setReplicas();
    const { a, b } = await startTwo(replicas);
    a.kill("SIGTERM");
    const { tookMs } = await replicas.nextPoll(3_000, "pod-b");
    t.diagnostic(`followed after ${Math.round(tookMs)} ms`);
    assert.equal((await a.ended).code, 0);
    assert.deepEqual(
      [...new Set(replicas.kube.history.map(({ holder }) => holder.split("_")[0]))],
      ["pod-a", "", "pod-b"],
    );
    b.kill("SIGTERM");
    assert.equal((await b.ended).code, 0);
    assert.equal(replicas.kube.lease()?.spec?.holderIdentity, "");
  });

  test("while the API is down, who polls goes on and who stands by stands by", async () => {
    await using replicas = await setReplicas();
    const { a, b } = await startTwo(replicas);
    replicas.kube.setDown(true);
    const downMs = performance.now();
    await delay(22_000);
    assert.deepEqual(pollers(replicas, downMs), ["pod-a"]);
    assert.ok((await replicas.nextPoll(1_000, "pod-a")).tookMs < 1_000);
    assert.deepEqual([(await readiness(a)).status, (await readiness(b)).status], [200, 200]);
    replicas.kube.setDown(false);
    await delay(5_000);
    assert.deepEqual(pollers(replicas, downMs), ["pod-a"]);
    // An API that is away does not hold up the end.
    replicas.kube.setDown(true);
    const stoppedMs = performance.now();
    a.kill("SIGTERM");
    assert.equal((await a.ended).code, 0);
    assert.ok(performance.now() - stoppedMs < 5_000);
  });

  test("strict: without the API nobody polls, from 10 s on, and with it somebody does again", async () => {
    await using replicas = await setReplicas();
    await startTwo(replicas, { BATON_LEADER_ELECTION_STRICT: "true" });
    replicas.kube.setDown(true);
    await delay(10_500);
    const seen = replicas.polls.length;
    await delay(3_000);
    assert.equal(replicas.polls.length, seen);
    replicas.kube.setDown(false);
    await replicas.nextPoll(5_000);
  });

  test("who loses the Lease finishes the sync it has and asks for nothing more", async () => {
    await using replicas = await setReplicas();
    const { kube, c1, cursor } = replicas;
    const { a, b } = await startTwo(replicas);
    cursor.script({ delayMs: 26_000 });
    const id = c1.enqueue(syncTask);
    kube.cutOff("pod-a");
    await replicas.nextPoll(20_000, "pod-b");
    // Both poll now: the first goes on until it sees that the second has renewed.
    kube.cutOff("pod-a", false);
    await until(() => a.stderr().includes("no longer leads"), "the end of the first turn");
    const fromMs = performance.now();
    const { ok, attempts } = await c1.awaitFinish(id, 15_000);
    assert.deepEqual([ok, attempts], [true, 1]);
    assert.equal(c1.uploads.find(({ taskId }) => taskId === id)?.hostId, "pod-a");
    assert.deepEqual(pollers(replicas, fromMs + 100), ["pod-b"]);
    assert.deepEqual([await metric(a, "baton_leader"), await metric(b, "baton_leader")], [0, 1]);
  });

  test("a replica whose role allows nothing is not ready and says why", async () => {
    await using replicas = await setReplicas();
    const daemon = await replicas.start("pod-a", {}, roleFor("another"));
    await until(() => daemon.stderr().includes("could not be read or renewed"), "a log line");
    const { status, body } = await readiness(daemon);
    assert.equal(status, 503);
    assert.match(body, /403 to get the Lease connectors\/baton-cursor: allow the service account to get it, by a Role/);
    assert.equal(replicas.polls.length, 0);
  });

  test("a replica whose role lets it read the Lease but not take it is not ready and says why", async () => {
    await using replicas = await setReplicas();
    const readOnly = roleFor("baton-cursor").rules.map((rule) =>
      rule.resources.includes("leases") ? { ...rule, verbs: ["get"] } : rule,
    );
    const daemon = await replicas.start("pod-a", {}, { rules: readOnly });
    await until(() => daemon.stderr().includes("could not be read or renewed"), "a log line");
    // Over several rounds: each begins with a read that works.
    for (let look = 0; look < 25; look += 1) {
      const { status, body } = await readiness(daemon);
      assert.equal(status, 503);
      assert.match(body, /403 to update the Lease connectors\/baton-cursor/);
      await delay(200);
    }
    assert.equal(replicas.polls.length, 0);
  });

  test("with Events on, the pod shows who leads", async () => {
    await using replicas = await setReplicas();
    const daemon = await replicas.start("pod-a", { BATON_KUBERNETES_EVENTS: "true", POD_UID: "uid-1" });
    await until(() => replicas.kube.events.length === 1, "an event");
    assert.equal(replicas.kube.events[0]?.note, "pod-a polls C1 for tasks");
    daemon.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
    assert.deepEqual(
      replicas.kube.events.map(({ reason }) => reason),
      ["LeaderElected", "LeaderLost"],
    );
  });

  test("active-active: both poll, and together they keep to one budget of requests to Cursor", async () => {
    await using replicas = await setReplicas();
    const { c1, cursor } = replicas;
    const env = {
      BATON_LEADER_ELECTION: "false",
      BATON_ACTIVE_ACTIVE_REPLICAS: "2",
      BATON_CURSOR_REQUESTS_PER_MINUTE: "5",
      BATON_TASK_CONCURRENCY: "1",
    };
    for (const name of ["pod-a", "pod-b"]) await replicas.start(name, env);
    await replicas.nextPoll(30_000, "pod-a");
    await replicas.nextPoll(30_000, "pod-b");
    const firstMs = cursor.requests[0]?.atMs ?? performance.now();
    for (let task = 0; task < 8; task += 1) c1.enqueue(syncTask);
    await delay(10_000);
    const asked = cursor.requests.filter(({ atMs }) => atMs < firstMs + 60_000).length;
    assert.equal(asked, 4);
    assert.equal(replicas.kube.requests.length, 0);
  });

  test("the Kubernetes client is not in what a daemon without election loads", () => {
    const files = readdirSync(dist).filter((file) => file.endsWith(".mjs"));
    const client = files.filter((file) => readFileSync(dist + file, "utf8").includes("kubernetes-client-javascript"));
    assert.equal(client.length, 1);
    assert.match(client[0] ?? "", /^connection-/);
    assert.ok(!readFileSync(`${dist}main.mjs`, "utf8").includes(`from"./${client[0]}"`));
  });

  test("without a way to the API it does not start, and says what to set", async () => {
    await using replicas = await setReplicas();
    const daemon = await replicas.start("pod-a", { KUBECONFIG: "" });
    const { code, stderr } = await daemon.ended;
    assert.equal(code, 9);
    assert.match(stderr, /automountServiceAccountToken: true/);
  });
});
