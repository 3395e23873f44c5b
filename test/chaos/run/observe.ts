import { fromBinary } from "@bufbuild/protobuf";
import { CreateAccountResponseSchema } from "../../../src/wire/gen/c1/connector/v2/account_pb.ts";
import type { Finish, UploadRecord } from "../../fakes/c1-server.ts";
import { readC1z } from "../../helpers/read-c1z.ts";
import type { TaskKind } from "../injection.ts";
import type { Outcome } from "../manifest/outcome.ts";
import { digest, userLine } from "../manifest/team.ts";
import type { ChaosStage } from "../program.ts";
import { readUser } from "../sweeps/sync-contents.ts";
import type { Person } from "./people.ts";

/** How much there was in the stand-ins before a task. */
export interface Mark {
  readonly uploads: number;
  readonly effects: number;
}

export function mark({ c1, scim }: ChaosStage): Mark {
  return { uploads: c1.uploads.length, effects: scim.effects.length };
}

/** What the stand-ins hold after a task, in the manifest's words. */
export function observe(stage: ChaosStage, task: TaskKind, taskId: string, person: Person, since: Mark): Outcome {
  const { c1, cursor, scim } = stage;
  const { finishes, state, type } = c1.task(taskId);
  const uploads = c1.uploads.slice(since.uploads).filter((upload) => upload.ok && upload.taskId === taskId);
  const isOwn = (email: string | undefined): boolean => email?.toLowerCase() === person.email;
  const records = scim.records.filter(({ userName }) => isOwn(userName));
  const rows = cursor.members.filter(({ email }) => isOwn(email));
  const effects = scim.effects.slice(since.effects).filter(({ userName }) => isOwn(userName));
  const isHello = type === "hello" && state === "finished";
  return {
    ending: isHello ? "hello" : finishes.map((finish) => endingOf(finish, task)).join(" and ") || "nothing",
    content: contents(uploads),
    directory: records.map(({ active }) => (active ? "active" : "inactive")).join(" and ") || "-",
    team: rows.map(({ isRemoved }) => (isRemoved === true ? "removed" : "active")).join(" and ") || "-",
    // Setting the same value twice is allowed, and shows as one change; creating or deleting twice does not.
    effects:
      effects
        .map(({ kind }) => kind)
        .filter(isFirstPatch)
        .join(" and ") || "-",
  };
}

function isFirstPatch(kind: string, index: number, kinds: readonly string[]): boolean {
  return kind !== "patched" || kinds.indexOf("patched") === index;
}

function endingOf({ code, nonRetryable, ok, response }: Finish, task: TaskKind): string {
  if (!ok) return `code ${code} ${nonRetryable ? "final" : "retryable"}`;
  if (task !== "create" && task !== "reactivate") return "ok";
  const arm = response === undefined ? undefined : fromBinary(CreateAccountResponseSchema, response.value).result.case;
  return `ok ${arm === "inProgress" ? "in_progress" : arm}`;
}

function contents(uploads: readonly UploadRecord[]): string {
  const found = uploads.map(contentOf);
  const [first = "-", ...others] = found;
  if (others.length === 0) return first;
  return others.every((each) => each === first) ? `${found.length} × ${first}` : found.join(" and ");
}

/** Looks into an accepted file with a reader that shares nothing with the product's writer. */
function contentOf({ contents, kind, path }: UploadRecord): string {
  if (path === undefined || kind !== "c1z") return `no sync file but ${kind}`;
  const { problems = [] } = contents ?? {};
  using file = readC1z(path);
  const ids = (sql: string): string[] => file.all(sql).map(({ id }) => String(id));
  const resources = (type: string): string[] =>
    ids(`SELECT substr(external_id, ${type.length + 2}) AS id FROM v1_resources WHERE resource_type_id = '${type}'`);
  const users = file.all("SELECT data FROM v1_resources WHERE resource_type_id = 'user'").map(({ data }) => {
    const { address, id, name } = readUser(data as Uint8Array);
    return userLine(id, address, name);
  });
  const grants = ids("SELECT external_id AS id FROM v1_grants");
  // Where the stand-in did not look into the records, who is disabled is who has no grant.
  const disabled = contents?.usersDisabled ?? users.length - grants.length;
  const text = digest({ users, disabled, roles: resources("role"), grants });
  return problems.length === 0 ? text : `${text} (${problems.join("; ")})`;
}
