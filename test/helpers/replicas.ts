import { setTimeout as delay } from "node:timers/promises";
import type { C1Server } from "../fakes/c1-server.ts";
import type { CursorServer } from "../fakes/cursor-server.ts";
import { type KubeApi, type Role, startKubeApi } from "../fakes/kube-api.ts";
import { processEnv, startStandIns } from "../integration/scene.ts";
import { type DaemonProcess, spawnConnector } from "./daemon.ts";

/** A poll as C1 saw it. */
export interface Poll {
  readonly atMs: number;
  /** The replica that asked. */
  readonly who: string;
  /** Who held the Lease at that moment, by the name of the replica; empty when nobody did. */
  readonly holder: string;
}

/** Several daemons in processes of their own, with one C1, one Cursor and one Kubernetes API. */
export interface Replicas extends AsyncDisposable {
  readonly kube: KubeApi;
  readonly c1: C1Server;
  readonly cursor: CursorServer;
  readonly polls: readonly Poll[];
  start(name: string, env?: Readonly<Record<string, string>>, role?: Role): Promise<DaemonProcess>;
  /** The next poll of this replica (of anybody, if no name is given), and how long it took to come. */
  nextPoll(timeoutMs: number, who?: string): Promise<{ readonly poll: Poll; readonly tookMs: number }>;
}

/** Starts the stand-ins. Disposing kills the daemons first. */
export async function setReplicas(): Promise<Replicas> {
  await using stack = new AsyncDisposableStack();
  const standIns = stack.use(await startStandIns());
  const kube = stack.use(await startKubeApi());
  const daemons = stack.use(new AsyncDisposableStack());
  const polls: Poll[] = [];
  const { c1, cursor } = standIns;
  c1.onEvent((event) => {
    if (event.type !== "poll") return;
    const holder = (kube.lease()?.spec?.holderIdentity ?? "").split("_", 1)[0] ?? "";
    polls.push({ atMs: performance.now(), who: event.hostId, holder });
  });
  const kept = stack.move();
  return {
    ...{ kube, c1, cursor, polls },
    async start(name, env = {}, role) {
      const kubeconfig = await kube.kubeconfig(name, role);
      const election = { BATON_LEADER_ELECTION: "true", BATON_LEASE_NAME: "baton-cursor" };
      const pod = { POD_NAME: name, POD_NAMESPACE: kube.namespace, KUBECONFIG: kubeconfig };
      return daemons.use(await spawnConnector([], processEnv(standIns, { ...election, ...pod, ...env })));
    },
    async nextPoll(timeoutMs, who) {
      const startMs = performance.now();
      const seen = polls.length;
      for (;;) {
        const poll = polls.slice(seen).find((candidate) => who === undefined || candidate.who === who);
        const tookMs = performance.now() - startMs;
        if (poll !== undefined) return { poll, tookMs };
        if (tookMs > timeoutMs)
          throw new Error(`no poll${who === undefined ? "" : ` of ${who}`} within ${timeoutMs} ms`);
        await delay(10);
      }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** What a daemon answers at /ready. */
export async function readiness(daemon: DaemonProcess): Promise<{ readonly status: number; readonly body: string }> {
  const response = await fetch(`http://127.0.0.1:${await healthPort(daemon)}/ready`);
  return { status: response.status, body: await response.text() };
}

/** A line of /metrics as a number. */
export async function metric(daemon: DaemonProcess, name: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${await healthPort(daemon)}/metrics`);
  const line = (await response.text()).split("\n").find((text) => text.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

async function healthPort(daemon: DaemonProcess): Promise<number> {
  for (let wait = 0; wait < 1_000; wait += 1) {
    const port = /"health_port":(\d+)/.exec(daemon.stderr())?.[1];
    if (port !== undefined) return Number(port);
    await delay(10);
  }
  throw new Error(`the daemon did not start:\n${daemon.stderr()}`);
}
