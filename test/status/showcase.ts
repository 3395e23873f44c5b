import type { Clock } from "../../src/baton/clock.ts";
import { systemClock } from "../../src/baton/clock.ts";
import { StatusError } from "../../src/baton/status-error.ts";
import { type StatusServer, startStatusServer } from "../../src/status/server.ts";
import { StatusModel, type StatusSources } from "../../src/status/status-model.ts";
import { type SyncPhase, syncPhases } from "../../src/status/view.ts";
import { sampleMembers, sampleSync } from "../helpers/sample-sync.ts";

const hourMs = 3_600_000;

/** A status page with two days behind it, a sync at work and things that went wrong. */
export async function startShowcase(): Promise<StatusServer> {
  const past = { ms: 50 * hourMs };
  const clock: Clock = {
    nowMs: () => Date.now() - past.ms,
    monotonicMs: () => performance.now() - past.ms,
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
  };
  const about = { version: "1.4.0", revision: "4f2a91c7d0", hostId: "baton-cursor-6c9f7d5b8-x2x7k", showsPeople: true };
  const model = new StatusModel({ clock, about, clean: (text) => text });
  for (const name of ["c1", "cursor_api", "cursor_scim"] as const) model.credentialHooks.onActive(name);
  for (let hour = 0; hour < 50; hour += 1) {
    past.ms = (50 - hour) * hourMs;
    replaySync(model, hour);
  }
  past.ms = 3 * hourMs;
  model.credentialHooks.onActive("c1");
  model.credentialHooks.onReload("c1", "activated", "");
  past.ms = 9 * 60_000;
  model.credentialHooks.onPending("cursor_scim", true);
  const note = "the SCIM server rejected BATON_CURSOR_SCIM_TOKEN: copy it again from the directory's SCIM settings";
  model.credentialHooks.onReload("cursor_scim", "rejected", note);
  for (let times = 0; times < 4; times += 1) warn(model, note);
  past.ms = 0;
  model.onTokenExpiry(clock.nowMs() + 47 * 60_000);
  model.addBudget("Cursor Admin API", () => ({ requestsPerMinute: 15, used: 4, waiting: 0, pauseLeftMs: 0 }));
  model.addBudget("SCIM directory", () => ({ requestsPerMinute: 60, used: 60, waiting: 7, pauseLeftMs: 42_000 }));
  model.attach(sources(clock));
  model.workerHooks.onTaskStart("sync_full", "running");
  for (const phase of syncPhases.slice(0, 2)) completePhase(model, phase);
  model.syncHooks.onPhaseStart("resources");
  model.syncHooks.onProgress("resources", { ...countsOf(1204), grants: 0, usersActive: 780 });
  return startStatusServer({ clock, model, host: "127.0.0.1", port: 0 });
}

function sources(clock: Clock): StatusSources {
  const startedMs = clock.nowMs();
  return {
    worker: () => ({
      state: "polling",
      lastPollSuccessMs: startedMs - 4_000,
      pollFailingSinceMs: undefined,
      nextPollMs: startedMs + 56_000,
      running: [
        { id: "running", type: "sync_full", startedMs: startedMs - 7_000 },
        { id: "other", type: "create_account", startedMs: startedMs - 2_000 },
      ],
      queued: 1,
    }),
    credentials: () =>
      (["c1", "cursor_api", "cursor_scim"] as const).map((name) => ({ name, inUse: true, problem: undefined })),
    c1Host: () => "acme.conductor.one",
    problem: () => undefined,
  };
}

function warn(model: StatusModel, error: string): void {
  model.log.warn("a new version of a credential does not work; trying again", {
    credential: "cursor_scim",
    code: "unauthenticated",
    error,
  });
}

function countsOf(users: number) {
  return { resourceTypes: 2, usersActive: users, usersDisabled: 31, roles: 3, entitlements: 3, grants: users };
}

function completePhase(model: StatusModel, phase: SyncPhase): void {
  model.syncHooks.onPhaseStart(phase);
  model.syncHooks.onPhase(phase, 600);
}

/** The team grows slowly; now and then a sync fails, or somebody gets another role. */
function replaySync(model: StatusModel, hour: number): void {
  const id = `sync-${hour}`;
  const users = 1150 + hour + (hour % 7) * 2 - (hour > 30 ? 12 : 0);
  const durationMs = 3_200 + ((hour * 7919) % 1700) + (hour === 22 ? 9_000 : 0);
  model.workerHooks.onTaskStart("sync_full", id);
  if (hour === 12 || hour === 37) {
    const message =
      hour === 12
        ? "Cursor's rate limit was reached: lower what other integrations of the team ask for"
        : "Cursor rejected BATON_CURSOR_API_KEY; it is wrong, revoked or expired: create a team key with scope admin:* and put it into the Secret";
    const code = hour === 12 ? "unavailable" : "unauthenticated";
    const error = new StatusError(code, message);
    model.log.child({ taskId: id, taskType: "sync_full" }).warn("task failed", { code, error: message });
    model.workerHooks.onTaskDone({ id, type: "sync_full", outcome: "failure", error, durationMs: 800 });
    return;
  }
  const members = sampleMembers(users).map((member, n) =>
    n % 97 === hour % 5 ? { ...member, role: "owner" as const } : member,
  );
  const rows = sampleSync(members);
  const snapshot = model.watch({
    resources: (type) => (type === "user" ? rows.users : rows.roles),
    entitlements: () => rows.entitlements,
    grants: () => rows.grants,
  });
  for (const type of ["role", "user"]) for (const _row of snapshot.resources(type));
  for (const _row of snapshot.grants());
  for (const phase of syncPhases) completePhase(model, phase);
  model.accepted(snapshot);
  const counts = { ...countsOf(users), roles: hour < 20 ? 3 : 4 };
  model.syncHooks.onAccepted({ counts, bytes: 61_000 + users * 55 + ((hour * 31) % 900) });
  model.workerHooks.onTaskDone({ id, type: "sync_full", outcome: "success", error: undefined, durationMs });
}
