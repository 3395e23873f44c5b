import { fromBinary } from "@bufbuild/protobuf";
import { CreateAccountResponseSchema } from "../../src/wire/gen/c1/connector/v2/account_pb.ts";
import { type C1Options, type Finish, startC1Server, type TaskInit } from "../fakes/c1-server.ts";
import { type CursorOptions, startCursorServer } from "../fakes/cursor-server.ts";
import { type DirectoryLink, type LinkOptions, linkDirectory } from "../fakes/directory-link.ts";
import { type ScimFake, type ScimOptions, startScimServer } from "../fakes/scim-server.ts";
import type { Scene } from "./scene.ts";

/** Stand-ins of C1, Cursor and the directory that Cursor follows. */
export interface AccountStage extends Omit<Scene, "daemon"> {
  readonly scim: ScimFake;
  readonly link: DirectoryLink;
}

export interface AccountStageOptions extends LinkOptions {
  readonly c1?: C1Options;
  readonly cursor?: CursorOptions;
  readonly scim?: ScimOptions;
}

/** Starts the three stand-ins; disposing stops them. */
export async function startAccountStage(options: AccountStageOptions = {}): Promise<AccountStage> {
  await using stack = new AsyncDisposableStack();
  const c1 = stack.use(await startC1Server(options.c1));
  const cursor = stack.use(await startCursorServer(options.cursor));
  const scim = stack.use(await startScimServer(options.scim));
  const link = stack.use(linkDirectory(cursor, scim, options));
  const kept = stack.move();
  return { c1, cursor, scim, link, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** The variables with which a connector may change accounts. `endpoint` may be a proxy in front of the directory. */
export function accountEnv({ scim }: Pick<AccountStage, "scim">, endpoint = scim.endpoint): Record<string, string> {
  return {
    BATON_PROVISIONING: "true",
    BATON_CURSOR_SCIM_ENDPOINT: endpoint,
    BATON_CURSOR_SCIM_TOKEN: scim.token,
    BATON_SCIM_REQUESTS_PER_MINUTE: "10000",
  };
}

/** C1 asks for an account. */
export function createTask(email: string): TaskInit {
  const value = { accountInfo: { emails: [{ address: email, isPrimary: true }], profile: { first_name: "New" } } };
  return { taskType: { case: "createAccount", value } };
}

/** C1 asks for the deletion of a member. */
export function deleteTask(memberId: string): TaskInit {
  return { taskType: { case: "deleteResource", value: { resourceId: { resourceType: "user", resource: memberId } } } };
}

/** The arm of a good answer to a create task. Throws when there is none. */
export function creationArm({ response }: Finish): string {
  if (response === undefined) throw new Error("the result carries no response");
  return fromBinary(CreateAccountResponseSchema, response.value).result.case ?? "none";
}

/** Whether a good answer to a delete task says that there was nothing to delete. */
export function saysNothingWasThere({ annotations }: Finish): boolean {
  return annotations.some(({ typeUrl }) => typeUrl.endsWith("/c1.connector.v2.ResourceDoesNotExist"));
}
