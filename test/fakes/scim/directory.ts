import { seedPeople } from "../../helpers/canaries.ts";
import type { ScimChange, ScimEdit, ScimEffect, ScimRecord, ScimSeed } from "./types.ts";

type Stored = { -readonly [K in keyof ScimRecord]: ScimRecord[K] };

/** What is kept of a user beside the record. */
interface Details {
  version: number;
  readonly groups: readonly unknown[] | undefined;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** Who writes: a request, or the test behind the server's back. */
type Origin = "request" | "outside";

/** The users and what has happened to them. */
export interface Directory {
  readonly records: readonly ScimRecord[];
  readonly effects: readonly ScimEffect[];
  find(id: string): ScimRecord | undefined;
  /** By user name, ignoring case. */
  named(userName: string): ScimRecord | undefined;
  details(record: ScimRecord): Details;
  add(seed: ScimSeed, origin: Origin): ScimRecord;
  change(id: string, changes: ScimEdit, origin: Origin): ScimRecord;
  remove(id: string, origin: Origin): ScimRecord;
  onChange(listener: (change: ScimChange) => void): () => void;
}

/** An empty directory. */
export function createDirectory(): Directory {
  const records: Stored[] = [];
  const kept = new Map<string, Details>();
  const effects: ScimEffect[] = [];
  const listeners = new Set<(change: ScimChange) => void>();
  const happened = (kind: ScimEffect["kind"], record: Stored, origin: Origin): Stored => {
    if (origin === "request") effects.push({ kind, id: record.id, userName: record.userName });
    seedPeople([record.userName, record.emails]);
    for (const listener of listeners) listener({ kind, record: { ...record } });
    return record;
  };
  const must = (id: string): Stored => {
    const record = records.find((each) => each.id === id);
    if (record === undefined) throw new Error(`the directory has no user ${id}`);
    return record;
  };
  return {
    records,
    effects,
    find: (id) => records.find((each) => each.id === id),
    named: (userName) => records.find((each) => each.userName.toLowerCase() === userName.toLowerCase()),
    details: (record) => kept.get(record.id) ?? { version: 0, groups: undefined, extra: {} },
    add(seed, origin) {
      const { groups, extra = {}, ...given } = typeof seed === "string" ? { userName: seed } : seed;
      const record: Stored = {
        id: given.id ?? newId(kept.size),
        userName: given.userName,
        active: given.active ?? true,
        emails: given.emails ?? [{ value: given.userName, primary: true }],
        name: given.name ?? {},
      };
      if (kept.has(record.id)) throw new Error(`the directory has had a user ${record.id} before`);
      records.push(record);
      kept.set(record.id, { version: 1, groups, extra });
      return happened("created", record, origin);
    },
    change(id, changes, origin) {
      const record = Object.assign(must(id), changes);
      const details = kept.get(id);
      if (details !== undefined) details.version += 1;
      return happened("patched", record, origin);
    },
    remove(id, origin) {
      const record = must(id);
      records.splice(records.indexOf(record), 1);
      return happened("deleted", record, origin);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** Ids that look like those of the real directory; the same order gives the same ids. */
function newId(index: number): string {
  return `directory_user_01H${Math.imul(index + 1, 0x9e3779b1)
    .toString(16)
    .replace("-", "F")
    .toUpperCase()
    .padStart(13, "Z")}${String(index).padStart(10, "0")}`;
}
