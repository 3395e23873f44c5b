import { type RuleCase, series } from "./rule-case.ts";

const success = "baton_sync_last_success_timestamp_seconds";
const objects = (kind: string, instance = "a") => series("baton_sync_objects", { kind, instance });
const runs = (outcome: string) => series("baton_sync_runs_total", { outcome });
const processIn = (instance: string, minutes: number) => ({
  [series("process_start_time_seconds", { instance })]: `0x${minutes}`,
  [series("baton_build_info", { instance })]: `1x${minutes}`,
});

const stale: readonly RuleCase[] = [
  {
    alert: "BatonSyncStale",
    what: "the last sync is more than three hours old",
    series: { [series(success)]: "0x200" },
    at: 200,
    fires: [
      {
        labels: { severity: "warning" },
        description: "team in c1 last synced 3h 20m 0s ago. C1 decides on data of that time.",
      },
    ],
  },
  {
    alert: "BatonSyncStale",
    what: "it is more than a day old",
    series: { [series(success)]: "0x1500" },
    at: 1500,
    fires: [
      {
        labels: { severity: "warning" },
        description: "team in c1 last synced 1d 1h 0m 0s ago. C1 decides on data of that time.",
      },
      {
        labels: { severity: "critical" },
        description: "team in c1 last synced 1d 1h 0m 0s ago. C1 decides on data of that time.",
      },
    ],
  },
  {
    alert: "BatonSyncStale",
    what: "a sync every hour",
    series: { [series(success)]: "0x59 3600x59 7200x59 10800x59" },
    at: 239,
  },
  {
    alert: "BatonSyncStale",
    what: "a restart, after which it takes a while to the next sync",
    series: { [series(success)]: "0x100 stale", [series(success, { instance: "b" })]: "_x170 10200x40" },
    at: 165,
  },
  {
    alert: "BatonSyncStale",
    what: "a restart does not hide that the last sync is old",
    series: { [series(success)]: "0x100 stale" },
    at: 200,
    fires: [
      {
        labels: { severity: "warning" },
        description: "team in c1 last synced 3h 20m 0s ago. C1 decides on data of that time.",
      },
    ],
  },
  {
    alert: "BatonSyncStale",
    what: "of two replicas only the new leader syncs",
    series: {
      [series(success)]: "0x300",
      [series(success, { instance: "b" })]: "_x59 3600x59 7200x59 10800x59 14400x60",
    },
    at: 299,
  },
];

const never: readonly RuleCase[] = [
  {
    alert: "BatonNeverSynced",
    what: "two hours after the start nothing has been accepted",
    series: processIn("a", 130),
    at: 130,
    fires: [
      {
        labels: { severity: "warning" },
        description: "team in c1 was started 2h 10m 0s ago and no sync has been accepted in the last two days.",
      },
    ],
  },
  {
    alert: "BatonNeverSynced",
    what: "a process that dies every half hour is not young for ever",
    series: {
      [series("process_start_time_seconds")]: "0x29 1800x29 3600x29 5400x29 7200x29",
      [series("baton_build_info")]: "1x149",
    },
    at: 130,
    fires: [
      {
        labels: { severity: "warning" },
        description: "team in c1 was started 2h 10m 0s ago and no sync has been accepted in the last two days.",
      },
    ],
  },
  { alert: "BatonNeverSynced", what: "one hour after the start", series: processIn("a", 60), at: 60 },
  {
    alert: "BatonNeverSynced",
    what: "a pod before this one has synced",
    series: { ...processIn("b", 300), [series(success)]: "0x30 stale" },
    at: 300,
  },
  {
    alert: "BatonNeverSynced",
    what: "an old process of something else",
    series: { [series("process_start_time_seconds", { job: "other" })]: "0x300" },
    at: 300,
  },
];

const failing: readonly RuleCase[] = [
  {
    alert: "BatonSyncFailing",
    what: "four failures and no success",
    series: { [runs("failure")]: "0x29 1x29 2x29 3x29 4x60", [runs("success")]: "0x200" },
    at: 150,
    fires: [
      { labels: { severity: "warning" }, description: "100% of the syncs of team in c1 failed within six hours." },
    ],
  },
  {
    alert: "BatonSyncFailing",
    what: "two failures are too few to tell",
    series: { [runs("failure")]: "0x29 1x29 2x200", [runs("success")]: "0x300" },
    at: 150,
  },
  {
    alert: "BatonSyncFailing",
    what: "three failures among twelve syncs",
    series: { [runs("failure")]: "0x29 1x29 2x29 3x200", [runs("success")]: "0+0.1x300" },
    at: 120,
  },
  { alert: "BatonSyncFailing", what: "no sync at all", series: { [runs("failure")]: "0x300" }, at: 300 },
  {
    alert: "BatonSyncStuck",
    what: "a sync that began more than two hours ago",
    series: {
      [series("baton_sync_in_progress")]: "1x130",
      [series("baton_sync_started_timestamp_seconds")]: "0x130",
    },
    at: 130,
    fires: [
      {
        labels: { severity: "warning", instance: "a" },
        description: "The sync of team in c1 on a has been running for 2h 10m 0s.",
      },
    ],
  },
  {
    alert: "BatonSyncStuck",
    what: "the newest sync began long ago but is over",
    series: {
      [series("baton_sync_in_progress")]: "1x10 0x290",
      [series("baton_sync_started_timestamp_seconds")]: "0x300",
    },
    at: 300,
  },
  {
    alert: "BatonSyncStuck",
    what: "a sync takes an hour",
    series: {
      [series("baton_sync_in_progress")]: "1x60",
      [series("baton_sync_started_timestamp_seconds")]: "0x60",
    },
    at: 60,
  },
];

const dropped: readonly RuleCase[] = [
  {
    alert: "BatonObjectsDropped",
    what: "the next sync has 60 of 100 active users and grants",
    series: {
      [series(success)]: "60x59 3600x60",
      [objects("user_active")]: "100x59 60x60",
      [objects("grant")]: "100x59 60x60",
      [objects("user_disabled")]: "100x59 60x60",
    },
    at: 62,
    fires: ["user_active", "grant"].map((kind) => ({
      labels: { severity: "critical", kind },
      description: `The last sync of team in c1 holds 60% of the objects of kind ${kind} that there were within a day.`,
    })),
  },
  {
    alert: "BatonObjectsDropped",
    what: "only the grants fall",
    series: {
      [series(success)]: "60x59 3600x60",
      [objects("user_active")]: "100x120",
      [objects("grant")]: "100x59 0x60",
    },
    at: 62,
    fires: [
      {
        labels: { severity: "critical", kind: "grant" },
        description: "The last sync of team in c1 holds 0% of the objects of kind grant that there were within a day.",
      },
    ],
  },
  {
    alert: "BatonObjectsDropped",
    what: "the new leader has fewer than the old one, which still shows its own",
    series: {
      [series(success)]: "60x120",
      [objects("user_active")]: "100x120",
      [series(success, { instance: "b" })]: "_x59 3600x60",
      [objects("user_active", "b")]: "_x59 50x60",
    },
    at: 65,
    fires: [
      {
        labels: { severity: "critical", kind: "user_active" },
        description:
          "The last sync of team in c1 holds 50% of the objects of kind user_active that there were within a day.",
      },
    ],
  },
  {
    alert: "BatonObjectsDropped",
    what: "a restart does not hide it",
    series: {
      [series(success)]: "60x29 1800x10 stale",
      [objects("user_active")]: "100x29 50x10 stale",
    },
    at: 90,
    fires: [
      {
        labels: { severity: "critical", kind: "user_active" },
        description:
          "The last sync of team in c1 holds 50% of the objects of kind user_active that there were within a day.",
      },
    ],
  },
  {
    alert: "BatonObjectsDropped",
    what: "80 of 100 remain",
    series: { [series(success)]: "60x59 3600x60", [objects("user_active")]: "100x59 80x60" },
    at: 65,
  },
  {
    alert: "BatonObjectsDropped",
    what: "a team of 20 is small",
    series: { [series(success)]: "60x59 3600x60", [objects("user_active")]: "20x59 5x60" },
    at: 65,
  },
  {
    alert: "BatonObjectsDropped",
    what: "a pod that synced long ago shows less",
    series: {
      [series(success)]: "60x120",
      [objects("user_active")]: "50x120",
      [series(success, { instance: "b" })]: "_x30 3600x90",
      [objects("user_active", "b")]: "_x30 100x90",
    },
    at: 100,
  },
  {
    alert: "BatonObjectsDropped",
    what: "after a day the new size is the usual one",
    series: { [series(success)]: "60x59 3600x1600", [objects("user_active")]: "100x59 60x1600" },
    at: 1560,
  },
];

/** Situations of syncs. */
export const syncCases: readonly RuleCase[] = [...stale, ...never, ...failing, ...dropped];
