import { readC1z } from "../../helpers/read-c1z.ts";
import { type WireFields, wireFields } from "../../helpers/wire-fields.ts";
import type { SyncContents } from "./expected-sync.ts";

/** What an uploaded file says. Throws on a file that is not exactly one whole sync file. */
export function syncContents(path: string): SyncContents {
  using file = readC1z(path);
  const ids = (table: string): string[] =>
    file
      .all(`SELECT external_id FROM ${table}`)
      .map(({ external_id: id }) => String(id))
      .sort();
  const resources = file.all("SELECT external_id, data FROM v1_resources");
  const users = resources.filter(({ external_id: id }) => String(id).startsWith("user:"));
  const others = resources.filter((row) => !users.includes(row)).map(({ external_id: id }) => String(id));
  const [runs] = file.all("SELECT count(*) AS runs, count(ended_at) AS ended FROM v1_sync_runs");
  return {
    users: users.map(({ data }) => userText(data as Uint8Array)).sort(),
    roles: others.map((id) => id.replace(/^role:/, "")).sort(),
    entitlements: ids("v1_entitlements"),
    grants: ids("v1_grants"),
    runs: Number(runs?.["runs"]),
    endedRuns: Number(runs?.["ended"]),
  };
}

function userText(data: Uint8Array): string {
  const { address, id, name } = readUser(data);
  const status = inside(wireFields(data), 11).get(1);
  const state = status === 1 ? "enabled" : status === 2 ? "disabled" : `status ${status}`;
  return [id, address, name, state].join(", ");
}

/** Who a record of a user is about. Field numbers of c1.connector.v2.Resource and UserTrait (resource.proto, annotation_trait.proto). */
export function readUser(data: Uint8Array): { readonly id: string; readonly address: string; readonly name: string } {
  const resource = wireFields(data);
  const trait = inside(inside(resource, 4), 2);
  return { id: text(inside(resource, 1), 2), address: text(inside(trait, 1), 1), name: text(resource, 3) };
}

function inside(fields: WireFields, number: number): WireFields {
  return wireFields(bytes(fields, number));
}

function text(fields: WireFields, number: number): string {
  return Buffer.from(bytes(fields, number)).toString("utf8");
}

function bytes(fields: WireFields, number: number): Uint8Array {
  const value = fields.get(number);
  if (!(value instanceof Uint8Array)) throw new Error(`field ${number} holds ${value}`);
  return value;
}
