import { anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  CreateAccountResponseSchema,
  DeleteResourceResponseSchema,
} from "../../src/wire/gen/c1/connector/v2/account_pb.ts";
import type { C1Server, Finish, TaskInit } from "../fakes/c1-server.ts";
import type { CursorServer } from "../fakes/cursor-server.ts";
import type { ScimFake } from "../fakes/scim-server.ts";

export interface AccountScene {
  readonly c1: C1Server;
  readonly cursor: CursorServer;
  readonly scim: ScimFake;
  readonly say: (text?: string) => void;
}

/** Whom the story is about. */
export const newPerson = { email: "gus@example.com", first_name: "Gus", last_name: "Grissom" };
export const leaver = "user_02bob";

/** C1 asks for an account; the directory is shown before and after. */
export async function tellCreation(scene: AccountScene): Promise<void> {
  const { say, scim } = scene;
  showDirectory(scene, "before");
  const accountInfo = { profile: newPerson };
  const { response } = await askFor(scene, { case: "createAccount", value: { accountInfo } });
  showDirectory(scene, "after");
  const result = response && anyUnpack(response, CreateAccountResponseSchema)?.result.case;
  if (result !== "inProgress" || scim.records.filter(({ userName }) => userName === newPerson.email).length !== 1) {
    throw new Error(`the account was not created as it should: ${result}`);
  }
  say(`C1 was told: ${result}. ${newPerson.first_name} appears in Cursor after signing in.`);
}

/** C1 asks for an account to be deleted; directory and roster are shown. */
export async function tellDeletion(scene: AccountScene): Promise<void> {
  const { cursor, say } = scene;
  showDirectory(scene, "before");
  const resourceId = { resourceType: "user", resource: leaver };
  const { response } = await askFor(scene, { case: "deleteResource", value: { resourceId } });
  showDirectory(scene, "after");
  if (response === undefined || anyUnpack(response, DeleteResourceResponseSchema) === undefined) {
    throw new Error("the answer to the deletion is missing");
  }
  const row = cursor.members.find(({ id }) => id === leaver);
  if (row?.isRemoved !== true) throw new Error("Cursor did not follow its directory");
  say(`Cursor followed its directory: ${leaver} is "${row.role}" now.`);
}

async function askFor({ c1, say }: AccountScene, taskType: NonNullable<TaskInit["taskType"]>): Promise<Finish> {
  const taskId = c1.enqueue({ taskType });
  say(`C1 puts a task into the queue: ${taskType.case}, task ${taskId}`);
  const finish = await c1.awaitFinish(taskId, 30_000);
  if (!finish.ok) throw new Error(`${taskType.case} failed: ${finish.message}`);
  return finish;
}

function showDirectory({ say, scim }: AccountScene, when: "before" | "after"): void {
  say(`The directory ${when} (${scim.records.length} people):`);
  for (const { active, userName } of scim.records) say(`   ${userName}${active ? "" : " (inactive)"}`);
}
