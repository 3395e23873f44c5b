import assert from "node:assert/strict";
import type { ScimQuirks, ScimRecord } from "../../fakes/scim-server.ts";
import { type AccountStage, type AccountStageOptions, createTask } from "../../integration/account-stage.ts";
import {
  type AccountScenario,
  type Aftermath,
  creation,
  deletion,
  judgeCreation,
  judgeDeletion,
  lookups,
  people,
  person,
  reactivation,
  scans,
} from "./account-scenario.ts";

const byId = "GET /Users/{id}";
const deletes = "DELETE /Users/{id}";
const patches = "PATCH /Users/{id}";
const puts = "PUT /Users/{id}";
const creates = "POST /Users";

/** The same in a directory that is odd in these ways. */
function oddly<T extends Pick<AccountStageOptions, "cursor" | "scim">>(
  { cursor, scim }: T,
  quirks: ScimQuirks,
): AccountStageOptions {
  return { ...(cursor && { cursor }), scim: { ...scim, quirks } };
}

const creating = {
  stage: creation,
  task: createTask(person),
  from: creates,
  effects: ["created"],
  records: [{ active: true }],
  judge: judgeCreation,
} as const;

const reactivating = { ...creating, stage: reactivation, from: patches, effects: ["patched"] } as const;

const deleting = {
  stage: { cursor: deletion.cursor, scim: deletion.scim },
  task: deletion.task,
  from: deletes,
  effects: ["deleted"],
  records: [],
  judge: judgeDeletion,
} as const;

const deactivating = {
  ...deleting,
  env: { BATON_CURSOR_SCIM_ALLOW_DEACTIVATION: "true" },
  effects: ["patched"],
  mayRepeat: true,
  records: [{ active: false }],
  judge: judgeDone,
} as const;

/** The same tasks with directories that do not do what they are asked at once: the ways that the program takes then. */
export const oddDirectories: readonly AccountScenario[] = [
  {
    ...creating,
    name: "create, the directory has pages",
    stage: oddly(creation, { filtersRefused: true, capPage: 2 }),
    from: "GET /Users 3+100",
    steps: [...scans, "GET /Users 3+100", creates, "FinishTask"],
  },
  {
    ...creating,
    name: "create, the answer is empty",
    stage: oddly(creation, { emptyCreateBody: true }),
    steps: [creates, ...lookups.slice(1), "FinishTask"],
    writes: ["POST 201"],
  },
  {
    ...creating,
    name: "create, the answer is lost",
    script: [{ on: { method: "POST" }, resetAfterEffect: true }],
    steps: [creates, ...lookups.slice(1), "FinishTask"],
    writes: ["POST -"],
  },
  {
    ...creating,
    name: "create, the media type is refused",
    stage: { ...creation, scim: { ...people(), acceptOnlyJson: true } },
    steps: [creates, creates, "FinishTask"],
    writes: ["POST 415", "POST 201"],
  },
  ...([409, 400] as const).map(
    (duplicateStatus): AccountScenario => ({
      ...creating,
      name: `create, somebody else was faster (${duplicateStatus})`,
      stage: oddly(creation, { duplicateStatus }),
      async during({ scim }, name, moment) {
        if (name === creates && moment === "received" && recordOf(scim.records) === undefined) scim.seed(person);
      },
      steps: [creates, ...lookups.slice(1), "FinishTask"],
      writes: [`POST ${duplicateStatus}`],
      effects: [],
    }),
  ),
  {
    ...reactivating,
    name: "reactivate, PATCH takes no path",
    stage: oddly(reactivation, { patchNeedsNoPath: true }),
    steps: [patches, patches, byId, "FinishTask"],
    writes: ["PATCH 400", "PATCH 200"],
  },
  {
    ...reactivating,
    name: "reactivate, PATCH is refused",
    stage: oddly(reactivation, { patchUnsupported: 405, claims: { patch: true } }),
    steps: [patches, patches, byId, puts, byId, "FinishTask"],
    writes: ["PATCH 405", "PATCH 405", "PUT 200"],
  },
  {
    ...reactivating,
    name: "reactivate, the directory says that it has no PATCH",
    stage: oddly(reactivation, { patchUnsupported: 501 }),
    from: byId,
    steps: [byId, puts, byId, "FinishTask"],
    writes: ["PUT 200"],
  },
  {
    ...reactivating,
    name: "reactivate, the answer is lost",
    script: [{ on: { method: "PATCH" }, resetAfterEffect: true }],
    steps: [patches, patches, byId, "FinishTask"],
    writes: ["PATCH -", "PATCH 200"],
    mayRepeat: true,
  },
  {
    ...deleting,
    name: "delete, the answer is lost",
    script: [{ on: { method: "DELETE" }, resetAfterEffect: true }],
    steps: [deletes, deletes, byId, "FinishTask"],
    writes: ["DELETE -", "DELETE 404"],
  },
  {
    ...deleting,
    name: "delete, the record changes meanwhile",
    stage: oddly(deletion, { etagSupported: true }),
    async during({ scim }, name, moment) {
      const record = recordOf(scim.records);
      if (name !== deletes || moment !== "received" || record === undefined) return;
      if (record.name.familyName !== "Changed") scim.edit(record.id, { name: { familyName: "Changed" } });
    },
    steps: [deletes, byId, deletes, byId, "FinishTask"],
    writes: ["DELETE 412", "DELETE 204"],
  },
  {
    ...deactivating,
    name: "deactivate, DELETE is refused",
    stage: oddly(deletion, { deleteForbidden: 405 }),
    steps: [deletes, patches, byId, "FinishTask"],
    writes: ["DELETE 405", "PATCH 200"],
  },
  {
    ...deactivating,
    name: "deactivate, DELETE and PATCH are refused",
    stage: oddly(deletion, { deleteForbidden: 501, patchUnsupported: 501, claims: { patch: true } }),
    steps: [deletes, patches, patches, byId, puts, byId, "FinishTask"],
    writes: ["DELETE 501", "PATCH 501", "PATCH 501", "PUT 200"],
  },
];

/** Whether the first process or this one did it. */
function judgeDone(_stage: AccountStage, { finish }: Aftermath): void {
  assert.equal(finish.ok, true, finish.message);
}

function recordOf(records: readonly ScimRecord[]): ScimRecord | undefined {
  return records.find(({ userName }) => userName === person);
}
