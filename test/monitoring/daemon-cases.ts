import { type RuleCase, series } from "./rule-case.ts";

const lastPoll = (instance = "a") => series("baton_last_poll_success_timestamp_seconds", { instance });
const pollErrors = series("baton_polls_total", { outcome: "error" });
const inFlight = series("baton_tasks_in_flight", { task_type: "sync_full" });
const requests = (api: string, code: string) =>
  series("baton_upstream_requests_total", { api, code, operation: api === "c1" ? "GetTask" : "members" });
const failures = (task_type: string, code: string) => series("baton_task_failures_total", { task_type, code });
const leader = (instance: string) => series("baton_leader", { instance });

/** What a replica shows that has not polled since it started at 0; a test of two replicas looks at a real one. */
const standby = (instance: string) => ({
  [series("process_start_time_seconds", { instance })]: "0x60",
  [series("baton_build_info", { instance })]: "1x60",
  [series("baton_polls_total", { instance, outcome: "error" })]: "0x60",
  [series("baton_tasks_in_flight", { instance, task_type: "sync_full" })]: "0x60",
});

const polls: readonly RuleCase[] = [
  {
    alert: "BatonPollStalled",
    what: "polls fail",
    series: { [lastPoll()]: "60x30", [pollErrors]: "0+1x30", [inFlight]: "1x30" },
    at: 20,
    fires: [
      {
        labels: { severity: "critical" },
        description:
          "No poll of team in c1 has been answered for 19m 0s. Nothing is synced and no account is created or deleted.",
      },
    ],
  },
  {
    alert: "BatonPollStalled",
    what: "there are no polls, and no tasks either",
    series: { [lastPoll()]: "60x30", [pollErrors]: "0x30", [inFlight]: "0x30" },
    at: 20,
    fires: [
      {
        labels: { severity: "critical" },
        description:
          "No poll of team in c1 has been answered for 19m 0s. Nothing is synced and no account is created or deleted.",
      },
    ],
  },
  {
    alert: "BatonPollStalled",
    what: "C1 has never answered Hello",
    series: {
      [series("process_start_time_seconds")]: "0x30",
      [series("baton_build_info")]: "1x30",
      [pollErrors]: "0x30",
      [inFlight]: "0x30",
    },
    at: 20,
    fires: [
      {
        labels: { severity: "critical" },
        description:
          "No poll of team in c1 has been answered for 20m 0s. Nothing is synced and no account is created or deleted.",
      },
    ],
  },
  {
    alert: "BatonPollStalled",
    what: "every slot is taken by a long task",
    series: { [lastPoll()]: "60x120", [pollErrors]: "0x120", [inFlight]: "3x120" },
    at: 120,
  },
  {
    alert: "BatonPollStalled",
    what: "C1 wants to be asked every five minutes, and now and then does not answer",
    series: {
      [lastPoll()]: "0x4 300x4 600x4 900x4 1200x4 1500x4",
      [pollErrors]: "0x9 1x20",
      [inFlight]: "0x30",
    },
    at: 29,
  },
  {
    alert: "BatonPollStalled",
    what: "of two replicas one polls, the other stands by or has lost the Lease",
    series: { [lastPoll()]: "60x60", [lastPoll("b")]: "0+60x60", [pollErrors]: "0x60", [inFlight]: "0x60" },
    at: 60,
  },
  {
    alert: "BatonPollStalled",
    what: "of two replicas one polls, the other has stood by since it started",
    series: { [lastPoll()]: "0+60x60", ...standby("a"), ...standby("b") },
    at: 60,
  },
  ...[31, 40].map(
    (at): RuleCase => ({
      alert: "BatonPollStalled",
      what: `who polled is gone after 30 minutes, who stood by polls after 32, for the first time since its start; minute ${at}`,
      series: { [lastPoll()]: "0+60x29 stale", ...standby("b"), [lastPoll("b")]: "_x32 1920+60x30" },
      at,
    }),
  ),
  {
    alert: "BatonPollStalled",
    what: "who polled is gone, and nobody follows",
    series: { [lastPoll()]: "0+60x29 stale", ...standby("b") },
    at: 50,
    fires: [
      {
        labels: { severity: "critical" },
        description:
          "No poll of team in c1 has been answered for 50m 0s. Nothing is synced and no account is created or deleted.",
      },
    ],
  },
  {
    alert: "BatonPollStalled",
    what: "both replicas stand by, one of which has polled before",
    series: { [lastPoll()]: "60x60", ...standby("a"), ...standby("b") },
    at: 20,
    fires: [
      {
        labels: { severity: "critical" },
        description:
          "No poll of team in c1 has been answered for 19m 0s. Nothing is synced and no account is created or deleted.",
      },
    ],
  },
  {
    alert: "BatonPollStalled",
    what: "of replicas that all poll, one is cut off from C1",
    series: { [lastPoll()]: "60x60", [pollErrors]: "0+1x60", [lastPoll("b")]: "0+60x60", ...standby("b") },
    at: 60,
  },
  {
    alert: "BatonPollStalled",
    what: "ten minutes after the start",
    series: {
      [series("process_start_time_seconds")]: "0x10",
      [series("baton_build_info")]: "1x10",
      [inFlight]: "0x10",
    },
    at: 10,
  },
];

const credentials: readonly RuleCase[] = [
  {
    alert: "BatonCredentialPending",
    what: "a new key is rejected for ten minutes",
    series: { [series("baton_credential_pending", { credential: "cursor_api" })]: "0 1x20" },
    at: 12,
    fires: [
      {
        labels: { severity: "critical", credential: "cursor_api" },
        description: "The new cursor_api credential of team in c1 is rejected; the old one is used until it expires.",
      },
    ],
  },
  {
    alert: "BatonCredentialPending",
    what: "a new key is accepted at the second attempt",
    series: { [series("baton_credential_pending", { credential: "cursor_api" })]: "0 1x5 0x20" },
    at: 20,
  },
  {
    alert: "BatonAuthFailing",
    what: "C1 refuses every call",
    series: { [requests("c1", "auth_error")]: "0+2x30", [requests("c1", "ok")]: "50x30" },
    at: 10,
    fires: [
      {
        labels: { severity: "critical", api: "c1" },
        description: "c1 refuses the credentials of team in c1 and has answered nothing else since.",
      },
    ],
  },
  {
    alert: "BatonAuthFailing",
    what: "Cursor refuses the one call of a sync, while C1 answers",
    series: {
      [requests("cursor_admin", "auth_error")]: "0x4 1x20",
      [requests("cursor_admin", "ok")]: "7x24",
      [requests("c1", "ok")]: "0+10x24",
      [requests("c1", "auth_error")]: "0x24",
    },
    at: 9,
    fires: [
      {
        labels: { severity: "critical", api: "cursor_admin" },
        description: "cursor_admin refuses the credentials of team in c1 and has answered nothing else since.",
      },
    ],
  },
  {
    alert: "BatonAuthFailing",
    what: "a token that expired is refused once and replaced",
    series: { [requests("c1", "auth_error")]: "0x4 1x20", [requests("c1", "ok")]: "0+10x24" },
    at: 9,
  },
];

const throttling: readonly RuleCase[] = [
  {
    alert: "BatonRateLimited",
    what: "Cursor says so every two minutes",
    series: { [series("baton_rate_limited_total", { api: "cursor_admin" })]: "0+0.5x120" },
    at: 100,
    fires: [
      {
        labels: { severity: "info", api: "cursor_admin" },
        description: "cursor_admin told team in c1 to slow down 30 times within an hour.",
      },
    ],
  },
  {
    alert: "BatonRateLimited",
    what: "Cursor says so every six minutes",
    series: { [series("baton_rate_limited_total", { api: "cursor_admin" })]: "0+0.16x200" },
    at: 180,
  },
  {
    alert: "BatonUploadRetries",
    what: "an upload begins anew every half hour",
    series: { [series("baton_upload_retries_total")]: "0+0.033x400" },
    at: 400,
    fires: [
      {
        labels: { severity: "warning" },
        description: "team in c1 began 11.88 uploads anew within six hours.",
      },
    ],
  },
  {
    alert: "BatonUploadRetries",
    what: "two uploads began anew",
    series: { [series("baton_upload_retries_total")]: "0x100 2x300" },
    at: 300,
  },
  {
    alert: "BatonTaskFailures",
    what: "creations are refused every ten minutes",
    series: {
      [failures("create_account", "client_error")]: "0+0.1x120",
      [failures("sync_full", "client_error")]: "0+1x120",
    },
    at: 120,
    fires: [
      {
        labels: { severity: "warning", task_type: "create_account" },
        description: "6 tasks of type create_account of team in c1 failed within an hour.",
      },
    ],
  },
  {
    alert: "BatonTaskFailures",
    what: "syncs fail, which is another alert, or tasks are throttled",
    series: {
      [failures("sync_full", "server_error")]: "0+1x120",
      [failures("create_account", "rate_limited")]: "0+1x120",
      [failures("delete_resource", "client_error")]: "0x59 1x61",
    },
    at: 120,
  },
];

const leaders: readonly RuleCase[] = [
  {
    alert: "BatonNoLeader",
    what: "both stand by",
    series: { [leader("a")]: "0x10", [leader("b")]: "0x10" },
    at: 5,
    fires: [{ labels: { severity: "warning" }, description: "None of the replicas of team in c1 leads." }],
  },
  {
    alert: "BatonNoLeader",
    what: "the Lease changes hands",
    series: { [leader("a")]: "1x5 0x10", [leader("b")]: "0x6 1x10" },
    at: 9,
  },
  { alert: "BatonNoLeader", what: "there is no leader election", series: { [lastPoll()]: "0x10" }, at: 10 },
  {
    alert: "BatonTwoLeaders",
    what: "both lead",
    series: { [leader("a")]: "1x10", [leader("b")]: "1x10" },
    at: 5,
    fires: [{ labels: { severity: "warning" }, description: "2 replicas of team in c1 lead at once." }],
  },
  {
    alert: "BatonTwoLeaders",
    what: "one leads",
    series: { [leader("a")]: "1x10", [leader("b")]: "0x10" },
    at: 5,
  },
  {
    alert: "BatonTwoLeaders",
    what: "two connectors have a leader each",
    series: { [leader("a")]: "1x10", [series("baton_leader", { connector: "other" })]: "1x10" },
    at: 5,
  },
];

const processes: readonly RuleCase[] = [
  {
    alert: "BatonDown",
    what: "the only pod is gone",
    series: { [series("baton_build_info")]: "1x5 stale" },
    at: 13,
    fires: [
      {
        labels: { severity: "critical" },
        description: "Prometheus gets no metrics of the connector: no pod runs, or none is scraped.",
        release: false,
      },
    ],
  },
  {
    alert: "BatonDown",
    what: "another pod has taken over",
    series: { [series("baton_build_info")]: "1x5 stale", [series("baton_build_info", { instance: "b" })]: "_x3 1x20" },
    at: 13,
  },
  {
    alert: "BatonMemoryNearLimit",
    what: "95 % for ten minutes",
    series: { [series("process_resident_memory_bytes")]: "95x20", [series("baton_memory_limit_bytes")]: "100x20" },
    at: 15,
    fires: [
      {
        labels: { severity: "warning", instance: "a" },
        description: "team in c1 on a takes 95% of the memory that it may take.",
      },
    ],
  },
  {
    alert: "BatonMemoryNearLimit",
    what: "a peak of a few minutes, and another process without a limit",
    series: {
      [series("process_resident_memory_bytes")]: "50x5 95x5 50x10",
      [series("baton_memory_limit_bytes")]: "100x20",
      [series("process_resident_memory_bytes", { job: "other" })]: "1000x20",
    },
    at: 15,
  },
  {
    alert: "BatonEventLoopLag",
    what: "two seconds for ten minutes",
    series: { [series("nodejs_eventloop_lag_p99_seconds")]: "2x20", [series("baton_build_info")]: "1x20" },
    at: 15,
    fires: [
      {
        labels: { severity: "warning", instance: "a" },
        description: "team in c1 on a lags 2s behind.",
      },
    ],
  },
  {
    alert: "BatonEventLoopLag",
    what: "a busy minute, and another program that lags",
    series: {
      [series("nodejs_eventloop_lag_p99_seconds")]: "0.01x5 2x2 0.01x20",
      [series("baton_build_info")]: "1x20",
      [series("nodejs_eventloop_lag_p99_seconds", { job: "other" })]: "2x20",
    },
    at: 15,
  },
];

/** Situations of everything but syncs. */
export const daemonCases: readonly RuleCase[] = [...polls, ...credentials, ...throttling, ...leaders, ...processes];
