import { createHash } from "node:crypto";
import type { TaskInit } from "../../fakes/c1-server.ts";
import { type MemberRow, makeTeam } from "../../fakes/cursor-server.ts";
import { createTask, deleteTask } from "../../integration/account-stage.ts";
import { syncTask } from "../../integration/scene.ts";
import type { LaneName } from "../catalog/fault.ts";
import type { TaskKind } from "../injection.ts";
import type { ChaosStage } from "../program.ts";

/** Whose account a task is about. */
export interface Person {
  readonly email: string;
  /** Their id in Cursor; empty for somebody who is not in the team. */
  readonly memberId: string;
}

/** For tasks that are about nobody. */
export const nobody: Person = { email: "", memberId: "" };

const small = { active: 30, removed: 3 } as const;
/** Names that nothing can compress make a file of more than four chunks out of few people. */
const large = { active: 3_000, removed: 40 } as const;

/** The team of a stage, always the same. */
export function teamOf(lane: LaneName): readonly MemberRow[] {
  if (lane !== "large") return [...makeTeam(small)];
  return [...makeTeam(large)].map((row) => ({ ...row, name: longName(row.id) }));
}

function longName(id: string): string {
  const parts = Array.from({ length: 15 }, (_, part) => createHash("sha512").update(`${id} ${part}`).digest("base64"));
  return parts.join("").slice(0, 1_000);
}

/** People of the team who are in the directory before anything happens. */
export function seedsOf(rows: readonly MemberRow[]): readonly string[] {
  return rows.slice(0, 6).map(({ email }) => email);
}

/** Brings directory and team to where a task of this kind starts from. */
export function bringPerson({ cursor, scim }: ChaosStage, task: TaskKind, number: number): Person {
  const email = `person.${number}@example.com`;
  if (task === "reactivate") scim.seed({ userName: email, active: false });
  if (task === "delete") scim.seed(email);
  const isMember = task === "delete" || task === "remove";
  return { email, memberId: isMember ? (cursor.signIn(email, "Chaos Person").id ?? "") : "" };
}

/** The task that C1 hands out. */
export function taskOf(task: Exclude<TaskKind, "start">, person: Person): TaskInit {
  switch (task) {
    case "idle":
    case "sync":
      return syncTask;
    case "hello":
      return { taskType: { case: "hello", value: {} } };
    case "create":
    case "reactivate":
      return createTask(person.email);
    case "delete":
    case "remove":
      return deleteTask(person.memberId);
  }
}
