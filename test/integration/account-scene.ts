import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { DeleteResourceResponseSchema } from "../../src/wire/gen/c1/connector/v2/account_pb.ts";
import type { Finish, TaskInit } from "../fakes/c1-server.ts";
import type { CursorRequest, MemberRow } from "../fakes/cursor-server.ts";
import type { ScimAnswer, ScimRequest } from "../fakes/scim-server.ts";
import { type Daemon, type DaemonOptions, startDaemon } from "../helpers/daemon.ts";
import { readC1z } from "../helpers/read-c1z.ts";
import { until } from "../helpers/until.ts";
import { onlyArm, type WireFields } from "../helpers/wire-fields.ts";
import { type AccountStage, type AccountStageOptions, accountEnv, startAccountStage } from "./account-stage.ts";
import { syncTask } from "./scene.ts";

/** A daemon that may change accounts, between stand-ins of C1, Cursor and the directory that Cursor follows. */
export interface AccountScene extends AccountStage {
  readonly daemon: Daemon;
  /** What Cursor and the directory were asked since the daemon had looked at its credentials. */
  asked(): { readonly cursor: readonly CursorRequest[]; readonly scim: readonly ScimRequest[] };
}

export interface AccountSceneOptions extends AccountStageOptions, Omit<DaemonOptions, "c1" | "cursor"> {
  /** Rows of the team. Default: `team`. */
  readonly members?: readonly unknown[];
  /** Done when the daemon has looked at its credentials, before the first task. */
  readonly before?: (stage: AccountStage) => void;
}

function member(name: string, role: string, more: Partial<MemberRow> = {}): MemberRow {
  return { id: `user_${name}`, name: `${name} Example`, email: `${name}@example.com`, role, isRemoved: false, ...more };
}

/** Two administrators, three other people, and one who was removed. */
export const people = {
  ada: member("ada", "owner", { name: "Ada Byron", email: "Ada@Example.com" }),
  bob: member("bob", "free-owner", { name: "" }),
  cleo: member("cleo", "member"),
  dora: member("dora", "member", { name: "Dóra Szűcs" }),
  emil: member("emil", "member"),
  gone: member("gone", "removed", { isRemoved: true }),
} as const;

/** The people as a roster. */
export const team: readonly MemberRow[] = Object.values(people);

/** A team of two administrators and `count` members to be deleted; all of them are in the directory. */
export function crowd(count: number) {
  const leavers = Array.from({ length: count }, (_, n) => member(`leaver${n}`, "member"));
  const members = [people.ada, people.bob, ...leavers];
  return {
    ids: leavers.map(({ id }) => id),
    members,
    scim: { users: members.map(({ email }) => email.toLowerCase()) },
  };
}

/** Starts everything in this process. Disposing ends the daemon first, and fails when a request to the directory was careless. */
export async function setAccountScene(options: AccountSceneOptions = {}): Promise<AccountScene> {
  await using stack = new AsyncDisposableStack();
  const stage = stack.use(
    await startAccountStage({ ...options, cursor: { members: options.members ?? team, ...options.cursor } }),
  );
  const { c1, cursor, scim } = stage;
  const env = { ...accountEnv(stage), ...options.env };
  const daemon = stack.use(await startDaemon({ factor: 1000, prove: true, ...options, c1, cursor, env }));
  await looksAtCredentials(stage, env);
  options.before?.(stage);
  const asked = { cursor: cursor.requests.length, scim: scim.requests.length };
  const kept = stack.move();
  return {
    ...stage,
    daemon,
    asked: () => ({ cursor: cursor.requests.slice(asked.cursor), scim: scim.requests.slice(asked.scim) }),
    async [Symbol.asyncDispose]() {
      await kept.disposeAsync();
      assert.deepEqual(scim.violations, []);
    },
  };
}

/** What a create task says, by its fields; the rest is left out. */
export type CreateValue = Extract<TaskInit["taskType"], { readonly case: "createAccount" }>["value"];

/** C1 asks for an account in just this way. */
export function accountTask(value: CreateValue): TaskInit {
  return { taskType: { case: "createAccount", value } };
}

/** Resolves when the requests that a daemon sends of its own at the start have been answered. */
function looksAtCredentials({ cursor, scim }: AccountStage, env: Readonly<Record<string, string>>): Promise<void> {
  const answered = (requests: readonly { readonly status: number | undefined }[]) =>
    requests.some(({ status }) => status !== undefined);
  const asksDirectory = env["BATON_PROVISIONING"] === "true" && env["BATON_CURSOR_SCIM_ENDPOINT"] === scim.endpoint;
  return until(
    () => answered(cursor.requests) && (!asksDirectory || answered(scim.requests)),
    "a look at the credentials",
  );
}

/** Hands out one task and resolves with its result, which has to be final where it is an error. */
export async function outcome({ c1 }: AccountScene, task: TaskInit, timeoutMs?: number): Promise<Finish> {
  const finish = await c1.awaitFinish(c1.enqueue(task), timeoutMs);
  if (!finish.ok) assert.equal(finish.nonRetryable, true, finish.message);
  return finish;
}

/** The arm of the answer of a task that has to succeed: its field number and its fields. */
export async function creation(scene: AccountScene, task: TaskInit): Promise<readonly [number, WireFields]> {
  const { message, ok, response } = await outcome(scene, task, 20_000);
  assert.equal(ok, true, message);
  assert.equal(response?.typeUrl, "type.googleapis.com/c1.connector.v2.CreateAccountResponse");
  return onlyArm(response.value);
}

/** A task that has to fail with this code and text, and without a change in the directory or by removal. */
export async function refused(scene: AccountScene, task: TaskInit, code: number, text: RegExp): Promise<Finish> {
  const before = [...scene.scim.effects];
  const removals = removalsOf(scene).length;
  const finish = await outcome(scene, task, 20_000);
  assert.deepEqual([finish.ok, finish.code], [false, code], finish.message);
  assert.match(finish.message, text);
  // The id that C1 itself sent may hold one.
  assert.doesNotMatch(finish.message.replace(/"email:[^"]*"/, ""), /@/, "no address in a message");
  assert.equal(finish.response, undefined);
  assert.deepEqual(scene.scim.effects, before);
  assert.equal(removalsOf(scene).length, removals);
  return finish;
}

/** How a deletion that succeeded was answered; `gone` when both places say that there was nothing to delete. */
export async function deletion(scene: AccountScene, task: TaskInit, timeoutMs?: number): Promise<"done" | "gone"> {
  const { annotations, message, ok, response } = await outcome(scene, task, timeoutMs);
  assert.equal(ok, true, message);
  assert.equal(response?.typeUrl, "type.googleapis.com/c1.connector.v2.DeleteResourceResponse");
  const inside = fromBinary(DeleteResourceResponseSchema, response.value).annotations;
  assert.deepEqual(inside, annotations);
  if (annotations.length === 0) return "done";
  assert.deepEqual(
    annotations.map(({ typeUrl }) => typeUrl),
    ["type.googleapis.com/c1.connector.v2.ResourceDoesNotExist"],
  );
  return "gone";
}

/** User names in the directory, each with what is unusual about it. */
export function directoryOf({ scim }: AccountScene): string[] {
  return scim.records.map(({ active, userName }) => (active ? userName : `${userName} (inactive)`));
}

/** Who is active in the roster, by id. */
export function activeIds({ cursor }: AccountScene): string[] {
  return cursor.members.filter(({ isRemoved }) => isRemoved !== true).map(({ id = "" }) => id);
}

/** Requests that remove a member past the directory. */
export function removalsOf({ cursor }: AccountScene) {
  return cursor.requests.filter(({ path }) => path === "/teams/remove-member");
}

/** How often tasks have read the roster. */
export function rosterReadings({ asked }: AccountScene): number {
  return asked().cursor.filter(({ path }) => path === "/teams/members").length;
}

/** What was done in the directory so far, as `created ada@example.com`. */
export function effectsOf({ scim }: AccountScene): string[] {
  return scim.effects.map(({ kind, userName }) => `${kind} ${userName}`);
}

/** Each user of a sync that C1 took as hexadecimal digits, by id. */
export async function syncedUsers(scene: AccountScene): Promise<ReadonlyMap<string, string>> {
  const taskId = scene.c1.enqueue(syncTask);
  const finish = await scene.c1.awaitFinish(taskId);
  assert.equal(finish.ok, true, finish.message);
  const upload = await scene.c1.awaitUpload(taskId);
  using file = readC1z(upload.path ?? "");
  const rows = file.all("SELECT external_id, data FROM v1_resources WHERE resource_type_id = 'user'");
  return new Map(
    rows.map(({ data, external_id: id }) => [
      String(id).replace(/^user:/, ""),
      Buffer.from(data as Uint8Array).toString("hex"),
    ]),
  );
}

/** For every request from now on that fits: this answer. */
export function always(method: string, answer: Omit<ScimAnswer, "on" | "times">, path?: RegExp): ScimAnswer {
  return { ...answer, times: Number.POSITIVE_INFINITY, on: { method, ...(path === undefined ? {} : { path }) } };
}

/** The audit lines so far, without time. */
export function auditLines({ daemon }: AccountScene): readonly Readonly<Record<string, unknown>>[] {
  return daemon.logLines
    .filter((line) => line.includes('"provisioning action"'))
    .map((line) => {
      const { ts: _ts, duration_ms: durationMs, ...fields } = JSON.parse(line);
      assert.ok(Number.isInteger(durationMs) && durationMs >= 0);
      return fields;
    });
}
