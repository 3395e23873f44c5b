import assert from "node:assert/strict";
import type { Finish, TaskInit } from "../../fakes/c1-server.ts";
import type { ScimAnswer, ScimEffect, ScimSeed } from "../../fakes/scim-server.ts";
import {
  type AccountStage,
  type AccountStageOptions,
  creationArm,
  deleteTask,
  saysNothingWasThere,
} from "../../integration/account-stage.ts";
import type { Moment } from "./moments.ts";

/** Whom the tasks are about. */
export const person = "lin@example.com";
const memberId = "user_01LIN";
/** People whom no task is about. */
const others = ["ada@example.com", "grace@example.com", "hedy@example.com"];
export const otherMembers = [
  row("user_01ADA", "ada@example.com", "owner"),
  row("user_01GRACE", "grace@example.com", "owner"),
];

function row(id: string, email: string, role = "member", isRemoved = false): object {
  return { id, name: email.split("@")[0], email, role, isRemoved };
}

/** One task, done by one process after another. */
export interface AccountScenario {
  readonly name: string;
  readonly stage: AccountStageOptions;
  readonly env?: Record<string, string>;
  readonly task: TaskInit;
  /** How the directory answers some of the requests. */
  readonly script?: readonly ScimAnswer[];
  /** Awaited at every moment of the first process's work. */
  during?(stage: AccountStage, name: string, moment: Moment): Promise<void>;
  /** What the directory answered to writes in an undisturbed run, as `PATCH 400`; "-" where no answer came. */
  readonly writes?: readonly string[];
  /** What has to be among the steps, in this order: a task that leaves them out would prove nothing. */
  readonly steps: readonly string[];
  /** The first step to be killed at, where the ones before are those of another scenario. */
  readonly from?: string;
  /** The one change of the directory that the task is about, whoever made it. */
  readonly effects: readonly ScimEffect["kind"][];
  /** The change may be sent again, which changes nothing more. */
  readonly mayRepeat?: true;
  /** What the directory has of the person in the end. */
  readonly records: readonly { readonly active: boolean }[];
  judge(stage: AccountStage, aftermath: Aftermath): void | Promise<void>;
}

/** What the second process said of the task. */
export interface Aftermath {
  readonly taskId: string;
  readonly finish: Finish;
  /** Whether the first process had changed the directory or the team. */
  readonly changedBefore: boolean;
}

/** Whether no task is about the record. */
export function isOther({ userName }: { readonly userName: string }): boolean {
  return others.includes(userName);
}

export const lookups = ["GET /ServiceProviderConfig", 'GET /Users userName eq ""', 'GET /Users emails.value eq ""'];
export const reading = ["GetTask", "Cursor GET /teams/members", ...lookups];
export const scans = [...lookups, 'GET /Users emails[value eq ""]', "GET /Users 1+100"];

export function people(...more: readonly ScimSeed[]): { readonly users: readonly ScimSeed[] } {
  return { users: [...others, ...more] };
}

/** The person is nowhere yet. */
export const creation = { cursor: { members: otherMembers }, scim: people() };

/** The person has left. */
export const reactivation = {
  cursor: { members: [...otherMembers, row(memberId, person, "member", true)] },
  scim: people({ userName: person, active: false }),
};

/** The person is to leave. */
export const deletion = {
  task: deleteTask(memberId),
  cursor: { members: [...otherMembers, row(memberId, person)] },
  scim: people(person),
};

/** The second process finds done what the first one did, and says so. */
export function judgeDeletion(_stage: AccountStage, { finish, changedBefore }: Aftermath): void {
  assert.equal(finish.ok, true, finish.message);
  assert.equal(saysNothingWasThere(finish), changedBefore);
}

/** The person is in the directory, and no member before signing in. */
export function judgeCreation(_stage: AccountStage, { finish }: Aftermath): void {
  assert.equal(finish.ok, true, finish.message);
  assert.equal(creationArm(finish), "inProgress");
}
