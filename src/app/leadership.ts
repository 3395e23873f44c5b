import { randomBytes } from "node:crypto";
import type { Loops } from "../baton/loops.ts";
import type { Elector } from "../kubernetes/elector.ts";
import type { EventRecorder, PodEvent } from "../kubernetes/events.ts";
import { kubeMetrics } from "../observability/kube-metrics.ts";
import type { Metrics } from "../observability/metrics.ts";
import { everyTurn, type PollTurn } from "../worker/turn.ts";
import type { AppDeps } from "./deps.ts";

/** This process as one of several, and as a pod. Without leader election and Events it does nothing and costs nothing. */
export interface Leadership {
  /** Whose turn it is to poll. */
  readonly turn: PollTurn;
  /** Why this replica can never lead as things are, in words; a rollout of such replicas must not end well. */
  problem(): string | undefined;
  /** Writes an Event on the pod, where Events are on; returns at once. */
  record(event: PodEvent): void;
  /**
   * Takes part while `work` goes on, which is until it ends: the Lease is given back as soon as `stop` aborts, while `work`
   * may still be finishing. Ends as `work` does.
   */
  during(stop: AbortSignal, work: () => Promise<void>): Promise<void>;
}

const alone: Leadership = {
  turn: everyTurn,
  problem: () => undefined,
  record: () => undefined,
  during: (_stop, work) => work(),
};

/** Prepares for the Kubernetes API where the configuration asks for it. Throws when there is no way to reach it. */
export async function createLeadership(deps: AppDeps, metrics: Metrics, loops: Loops): Promise<Leadership> {
  const { config } = deps;
  if (!config.leaderElection && !config.kubernetesEvents) return alone;
  const hooks = kubeMetrics(metrics);
  // The client is large, and most daemons never need it.
  const { openConnection } = await import("../kubernetes/connection.ts");
  const { createElector } = await import("../kubernetes/elector.ts");
  const { createEventRecorder } = await import("../kubernetes/events.ts");
  const { createLeaseApi } = await import("../kubernetes/lease-api.ts");
  const connection = openConnection({
    kubeconfig: config.kubeconfig,
    namespace: config.podNamespace,
    userAgent: `baton-cursor/${deps.build.version}`,
    onCall: hooks.onCall,
  });
  const { clock, log, random } = deps;
  const pod = config.podName ?? config.hostId;
  const events = config.kubernetesEvents
    ? createEventRecorder({ connection, pod: { name: pod, uid: config.podUid }, clock, log })
    : undefined;
  // A container that is started again in the same pod is somebody else.
  const identity = `${pod}_${randomBytes(4).toString("hex")}`;
  const elector = config.leaderElection
    ? createElector({
        lease: createLeaseApi(connection, config.leaseName ?? ""),
        identity,
        strict: config.leaderElectionStrict,
        clock,
        random,
        log,
        loops,
        onLeading(leading) {
          hooks.onLeading(leading);
          events?.record(leadingEvent(pod, leading));
        },
      })
    : undefined;
  if (elector !== undefined) hooks.onStanding();
  return takePart(elector, events, connection);
}

function takePart(elector: Elector | undefined, events: EventRecorder | undefined, connection: Disposable): Leadership {
  const ready = Promise.withResolvers<void>();
  return {
    turn: elector === undefined ? everyTurn : turnOf(elector, ready.resolve),
    problem: () => elector?.problem(),
    record: (event) => events?.record(event),
    async during(stop, work) {
      const ended = new AbortController();
      const over = AbortSignal.any([stop, ended.signal]);
      // Who has not said Hello to C1 must not keep others from polling.
      const election = elector === undefined ? undefined : whenReady(ready.promise, over, () => elector.run(over));
      // Events of the shutdown itself are written too.
      const told = events?.run(ended.signal);
      try {
        await work();
      } finally {
        ended.abort();
        await election;
        await told;
        connection[Symbol.dispose]();
      }
    },
  };
}

/** The worker asks for its turn for the first time when C1 has answered Hello. */
function turnOf(elector: Elector, onFirstWish: () => void): PollTurn {
  return {
    mine() {
      onFirstWish();
      return elector.leads();
    },
    wait: (signal) => elector.untilLeading(signal),
    over: () => elector.lost(),
  };
}

/** Runs `start` when `ready` resolves, unless `over` aborts first. */
async function whenReady(ready: Promise<void>, over: AbortSignal, start: () => Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  over.addEventListener("abort", () => resolve(), { once: true });
  if (over.aborted) resolve();
  await Promise.race([ready, promise]);
  if (!over.aborted) await start();
}

function leadingEvent(pod: string, leading: boolean): PodEvent {
  return leading
    ? { reason: "LeaderElected", note: `${pod} polls C1 for tasks`, type: "Normal" }
    : { reason: "LeaderLost", note: `${pod} no longer polls C1 and finishes what it has`, type: "Normal" };
}
