import type { Clock } from "../baton/clock.ts";
import type { StatusCode, StatusError } from "../baton/status-error.ts";
import type { SyncCounts } from "../baton/sync-writer.ts";
import type { CodeClass, SyncPhaseLabel } from "./metric-rows.ts";
import type { Metrics } from "./metrics.ts";

/** A task that ended, as the worker tells it. */
interface TaskEnd {
  readonly type: string;
  readonly outcome: "success" | "failure" | "cancelled";
  readonly error: StatusError | undefined;
  readonly durationMs: number;
}

/** One HTTP attempt, as the http room tells it. */
interface HttpEnd {
  readonly operation: string;
  readonly status: number | undefined;
  readonly durationMs: number;
}

/** Counts what the worker does. The result fits the worker's hooks. */
export function workerMetrics(metrics: Metrics, clock: Clock) {
  return {
    onState(state: string): void {
      metrics.gauge("shutdown_in_progress").set(state === "draining" ? 1 : 0);
    },
    onPoll(outcome: "task" | "empty" | "error"): void {
      metrics.counter("polls_total").inc({ outcome });
      if (outcome !== "error") metrics.gauge("last_poll_success_timestamp_seconds").set(clock.nowMs() / 1000);
    },
    onHeartbeat(outcome: "ok" | "cancelled" | "error"): void {
      metrics.counter("heartbeats_total").inc({ outcome });
    },
    onTaskStart(type: string): void {
      metrics.gauge("tasks_in_flight").inc({ task_type: metrics.taskTypeLabel(type) });
      if (type !== "sync_full") return;
      metrics.gauge("sync_in_progress").inc();
      metrics.gauge("sync_started_timestamp_seconds").set(clock.nowMs() / 1000);
    },
    onTaskDone(done: TaskEnd): void {
      const { outcome, error } = done;
      const task_type = metrics.taskTypeLabel(done.type);
      const seconds = done.durationMs / 1000;
      metrics.gauge("tasks_in_flight").dec({ task_type });
      metrics.counter("tasks_total").inc({ task_type, outcome });
      metrics.histogram("task_duration_seconds").observe({ task_type }, seconds);
      if (error !== undefined && outcome === "failure") {
        // Throttling is told to C1 as UNAVAILABLE with a detail.
        const code = error.rateLimit === undefined ? classOfStatusCode(error.code) : "rate_limited";
        metrics.counter("task_failures_total").inc({ task_type, code });
      }
      if (done.type !== "sync_full") return;
      metrics.gauge("sync_in_progress").dec();
      metrics.counter("sync_runs_total").inc({ outcome });
      metrics.histogram("sync_run_duration_seconds").observe({ outcome }, seconds);
      metrics.gauge("sync_last_attempt_timestamp_seconds").set(clock.nowMs() / 1000);
    },
  };
}

/** Counts what a sync does. The result fits the hooks of the sync task. */
export function syncMetrics(metrics: Metrics, clock: Clock) {
  return {
    onPhase(phase: SyncPhaseLabel, durationMs: number): void {
      metrics.histogram("sync_phase_duration_seconds").observe({ phase }, durationMs / 1000);
      if (phase === "upload") metrics.histogram("upload_duration_seconds").observe(durationMs / 1000);
    },
    onAccepted({ counts, bytes }: { readonly counts: SyncCounts; readonly bytes: number }, partial: boolean): void {
      metrics.gauge("sync_last_success_timestamp_seconds").set(clock.nowMs() / 1000);
      metrics.gauge("sync_artifact_bytes").set(bytes);
      // What was left out on request would look like a loss.
      if (partial) return;
      const objects = metrics.gauge("sync_objects");
      objects.set({ kind: "user_active" }, counts.usersActive);
      objects.set({ kind: "user_disabled" }, counts.usersDisabled);
      objects.set({ kind: "role" }, counts.roles);
      objects.set({ kind: "entitlement" }, counts.entitlements);
      objects.set({ kind: "grant" }, counts.grants);
    },
  };
}

/** Counts what becomes of credentials. The result fits the hooks of rotation. */
export function credentialMetrics(metrics: Metrics, clock: Clock) {
  return {
    onReload(credential: string, outcome: "activated" | "rejected" | "unreadable"): void {
      metrics.counter("credential_reloads_total").inc({ credential, outcome });
    },
    onPending(credential: string, pending: boolean): void {
      metrics.gauge("credential_pending").set({ credential }, pending ? 1 : 0);
    },
    onActive(credential: string): void {
      metrics.gauge("credential_active_since_timestamp_seconds").set({ credential }, clock.nowMs() / 1000);
    },
  };
}

/** Calls to a SCIM directory by what they do; one label per HTTP call would be a series too many. */
const scimOperations: Readonly<Record<string, string>> = {
  service_provider_config: "read",
  list_users: "read",
  get_user: "read",
  create_user: "create",
  patch_user: "update",
  replace_user: "update",
  delete_user: "delete",
};

/** Counts calls to Cursor's Admin API or to the SCIM directory. */
export function upstreamMetrics(metrics: Metrics, api: "cursor_admin" | "cursor_scim") {
  return {
    onResponse({ operation: name, status, durationMs }: HttpEnd): void {
      const operation = scimOperations[name] ?? name;
      metrics.counter("upstream_requests_total").inc({ api, operation, code: classOfHttpStatus(status) });
      metrics.histogram("upstream_request_duration_seconds").observe({ api }, durationMs / 1000);
    },
    onWait(waitedMs: number): void {
      metrics.counter("rate_limit_wait_seconds_total").inc({ api }, waitedMs / 1000);
    },
    onPause(): void {
      metrics.counter("rate_limited_total").inc({ api });
    },
  };
}

/** Counts calls to C1. */
export function c1Metrics(metrics: Metrics) {
  const api = "c1";
  return {
    onRpc({ method, code, durationMs }: { method: string; code: StatusCode; durationMs: number }): void {
      metrics.counter("upstream_requests_total").inc({ api, operation: method, code: classOfStatusCode(code) });
      metrics.histogram("upstream_request_duration_seconds").observe({ api }, durationMs / 1000);
      if (code === "resource_exhausted") metrics.counter("rate_limited_total").inc({ api });
    },
    onTokenExpiry: (expiryMs: number): void => metrics.gauge("c1_token_expiry_timestamp_seconds").set(expiryMs / 1000),
    onUploadRetry: (): void => metrics.counter("upload_retries_total").inc(),
    onUploadBytes: (bytes: number): void => metrics.counter("upload_bytes_total").inc(bytes),
  };
}

/** Folds an HTTP status into the closed set of the `code` label; no answer at all is a network error. */
export function classOfHttpStatus(status: number | undefined): CodeClass {
  if (status === undefined) return "network_error";
  if (status === 401 || status === 403) return "auth_error";
  if (status === 429) return "rate_limited";
  if (status >= 500) return "server_error";
  return status >= 400 ? "client_error" : "ok";
}

const classes: Partial<Record<StatusCode, CodeClass>> = {
  ok: "ok",
  unauthenticated: "auth_error",
  permission_denied: "auth_error",
  resource_exhausted: "rate_limited",
  unavailable: "network_error",
  deadline_exceeded: "network_error",
  internal: "server_error",
  unknown: "server_error",
  data_loss: "server_error",
  aborted: "server_error",
};

/** Folds a gRPC status into the closed set of the `code` label. */
export function classOfStatusCode(code: StatusCode): CodeClass {
  return classes[code] ?? "client_error";
}
