/** A real Prometheus scrapes the built daemon through a scripted run, with the chart's rules and dashboard: `make monitoring-test`. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type KubeApi, startKubeApi } from "../fakes/kube-api.ts";
import { type DaemonProcess, spawnConnector } from "../helpers/daemon.ts";
import { createTask } from "../integration/account-stage.ts";
import { fileNames, type RotationStage, rotationEnv, startRotationStage } from "../integration/rotation-scene.ts";
import { printed, processEnv, syncTask } from "../integration/scene.ts";
import { queries, rules, rulesPath } from "./files.ts";
import { type Prometheus, startPrometheus } from "./prometheus.ts";
import { hasTool } from "./tool.ts";

const labels = { namespace: "c1", connector: "team" };
const scrapeMs = 1_000;

interface Run extends AsyncDisposable {
  readonly stage: RotationStage;
  readonly kube: KubeApi;
  readonly daemon: DaemonProcess;
  readonly prometheus: Prometheus;
  readonly metricsUrl: string;
}

/** The built program as one of several replicas, with a mounted Secret and a directory to create accounts in. */
async function start(): Promise<Run> {
  await using stack = new AsyncDisposableStack();
  const stage = stack.use(await startRotationStage({ c1: { nextPollMs: 200, nextHeartbeatMs: 1_000 } }));
  const kube = stack.use(await startKubeApi());
  const env = processEnv(
    stage,
    rotationEnv(stage, {
      BATON_METRICS_PORT: "0",
      BATON_LEADER_ELECTION: "true",
      BATON_LEASE_NAME: "baton-cursor",
      POD_NAME: "pod-a",
      POD_NAMESPACE: kube.namespace,
      KUBECONFIG: await kube.kubeconfig("pod-a"),
    }),
  );
  for (const name of fileNames) delete env[name];
  const daemon = stack.use(await spawnConnector([], env));
  await printed(daemon, '"metrics_port"');
  const target = `127.0.0.1:${/"metrics_port":(\d+)/.exec(daemon.stderr())?.[1]}`;
  const prometheus = stack.use(await startPrometheus({ targets: [target], labels, ruleFile: rulesPath }));
  const kept = stack.move();
  return {
    ...{ stage, kube, daemon, prometheus },
    metricsUrl: `http://${target}/metrics`,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Waits until a query has an answer that is as it should be. */
async function until(
  { prometheus }: Run,
  expr: string,
  wanted: (value: number) => boolean = () => true,
): Promise<void> {
  const giveUpAt = performance.now() + 30_000;
  for (;;) {
    const [first] = await prometheus.query(expr);
    if (first !== undefined && wanted(Number(first.value[1]))) return;
    if (performance.now() > giveUpAt) throw new Error(`waited in vain for ${expr}; last: ${first?.value[1]}`);
    await delay(scrapeMs / 4);
  }
}

/** Everything that the metrics know of: syncs good and bad, a rate limit, an account, a key that is wrong and one that is right. */
async function happen(run: Run): Promise<void> {
  const { c1, cursor, write } = run.stage;
  const runs = (outcome: string) => `baton_sync_runs_total{outcome="${outcome}"}`;
  // An increase is seen only after the zero before it.
  await until(run, runs("success"), (value) => value === 0);
  await until(run, "baton_leader", (value) => value === 1);
  const first = await c1.awaitFinish(c1.enqueue(syncTask), 30_000);
  assert.equal(first.ok, true, first.message);
  await until(run, runs("success"), (value) => value === 1);
  cursor.script({ status: 403, json: { error: "Forbidden" } });
  assert.equal((await c1.awaitFinish(c1.enqueue(syncTask), 30_000)).ok, false);
  cursor.script({ status: 429, headers: { "retry-after": "2" } });
  assert.equal((await c1.awaitFinish(c1.enqueue(syncTask), 30_000)).ok, true);
  const created = await c1.awaitFinish(c1.enqueue(createTask("new@example.com")), 30_000);
  assert.equal(created.ok, true, created.message);
  assert.equal((await c1.awaitFinish(c1.enqueue({ taskType: { case: "grant", value: {} } }), 30_000)).ok, false);
  await write({ BATON_CURSOR_API_KEY: `key_${"f".repeat(64)}` });
  await until(run, 'baton_credential_pending{credential="cursor_api"}', (value) => value === 1);
  await write();
  await until(run, 'baton_credential_pending{credential="cursor_api"}', (value) => value === 0);
  await until(run, runs("failure"), (value) => value === 1);
  await until(run, runs("success"), (value) => value === 2);
}

/** A query as Grafana sends it when everything is chosen. */
function everything(expr: string): string {
  return expr.replaceAll("$namespace", ".*").replaceAll("$connector", ".*").replaceAll("$__rate_interval", "1m");
}

if (hasTool("prometheus", "rules and dashboard against a running daemon") && hasTool("promtool", "/metrics")) {
  suite("a Prometheus that scrapes the daemon", { timeout: 180_000 }, () => {
    const kept: { run: Run | undefined } = { run: undefined };
    const run = (): Run => kept.run ?? assert.fail("the run did not start");

    before(async () => {
      kept.run = await start();
      await happen(run());
      await delay(3 * scrapeMs);
    });
    after(async () => kept.run?.[Symbol.asyncDispose]());

    for (const { title, expr } of queries) {
      test(`dashboard, ${title}: ${expr}`, async () => {
        const samples = await run().prometheus.query(everything(expr));
        assert.ok(samples.length > 0, "no sample");
        assert.ok(
          samples.some(({ value: [, value] }) => Number.isFinite(Number(value))),
          "no number",
        );
      });
    }

    test("the rules are evaluated without an error, and what is recorded has values", async () => {
      const states = await run().prometheus.rules();
      assert.deepEqual(
        states.map(({ name, health, lastError = "" }) => `${name} ${health} ${lastError}`).sort(),
        rules.map(({ alert, record }) => `${alert ?? record} ok `).sort(),
      );
      for (const { record } of rules) {
        if (record === undefined) continue;
        const samples = await run().prometheus.query(record);
        assert.ok(samples.length > 0, record);
        for (const { metric } of samples) assert.deepEqual({ ...metric, ...labels }, metric);
      }
    });

    test("nothing fires: one failed sync, one rate limit and one wrong key are no reason", async () => {
      const firing = (await run().prometheus.rules()).filter(({ state }) => state === "firing");
      assert.deepEqual(firing, []);
    });

    test("promtool finds nothing to complain about, and the page has less than 400 series", async () => {
      const input = await (await fetch(run().metricsUrl)).text();
      const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
      assert.equal(status, 0, stdout + stderr);
      const [scraped] = await run().prometheus.query("scrape_samples_scraped");
      assert.ok(Number(scraped?.value[1]) < 400, scraped?.value[1]);
      assert.ok(Number(scraped?.value[1]) > 250, scraped?.value[1]);
    });

    test("a daemon that has stopped is about to be missed", async () => {
      run().daemon.kill("SIGTERM");
      assert.equal((await run().daemon.ended).code, 0);
      await until(run(), 'ALERTS{alertname="BatonDown", alertstate="pending"}');
    });
  });
}
