import { emailKey } from "../baton/email-address.ts";
import { oneLine } from "../baton/one-line.ts";
import { StatusError } from "../baton/status-error.ts";
import type { SyncReader, SyncRun } from "../c1z/sync-reader.ts";
import type { ConfigInput } from "../config/sources.ts";
import type { StoredResource } from "../wire/stored-records.ts";
import type { Output } from "./output.ts";
import { reportError } from "./report.ts";
import { chooseRun, eachRow, openFile, readSyncFileCall } from "./sync-files.ts";

export interface DiffDeps {
  readonly out: Output;
  readonly input: ConfigInput;
  readonly stop: AbortSignal;
}

/** One difference. */
interface Change {
  readonly change: "added" | "removed" | "changed" | "id_changed";
  readonly kind: "resource" | "entitlement" | "grant";
  readonly id: string;
  /** What is different, in words; empty where the change says it all. */
  readonly detail: string;
}

/**
 * Shows what is different between two sync files: resources, entitlements and grants, and accounts whose id changed while
 * their e-mail address stayed, which C1 would take for new ones. Both files are read side by side, so that their size does not
 * matter. Resolves with the exit code: 0 also when there are differences.
 */
export async function diffCommand({ input, out, stop }: DiffDeps): Promise<number> {
  try {
    const call = readSyncFileCall(input, [], 2);
    const [oldPath = "", newPath = ""] = call.files;
    await using before = await openFile(oldPath, call, stop);
    await using after = await openFile(newPath, call, stop);
    const [oldRun, newRun] = [chooseRun(before, undefined, oldPath), chooseRun(after, undefined, newPath)];
    const counts = new Map<string, number>();
    await eachRow(changes(before, oldRun, after, newRun), stop, (change) => {
      if (change === undefined) return;
      const key = `${change.kind} ${change.change}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      out.stdout(call.json ? `${JSON.stringify(change)}\n` : line(change));
    });
    if (!call.json) out.stdout(total(counts));
    return 0;
  } catch (reason) {
    return reportError(stop.aborted ? new StatusError("cancelled", "interrupted") : reason, out);
  }
}

const marks: Readonly<Record<Change["change"], string>> = { added: "+", removed: "-", changed: "~", id_changed: "!" };

function line({ change, detail, id, kind }: Change): string {
  return `${marks[change]} ${kind.padEnd(12)}${oneLine(id)}${detail === "" ? "" : `  ${oneLine(detail)}`}\n`;
}

function total(counts: ReadonlyMap<string, number>): string {
  if (counts.size === 0) return "no difference\n";
  return `${[...counts].map(([what, n]) => `${n} ${what.replace("_", " ")}`).join(", ")}\n`;
}

/** The differences, and `undefined` for each row that is in both: no run of these may hold up the process. */
function* changes(
  before: SyncReader,
  oldRun: SyncRun,
  after: SyncReader,
  newRun: SyncRun,
): Generator<Change | undefined> {
  yield* resourceChanges(before.resources(oldRun.id), after.resources(newRun.id));
  yield* plainChanges("entitlement", before.entitlements(oldRun.id), after.entitlements(newRun.id));
  yield* plainChanges("grant", before.grants(oldRun.id), after.grants(newRun.id));
}

function* resourceChanges(
  before: Iterable<StoredResource>,
  after: Iterable<StoredResource>,
): Generator<Change | undefined> {
  const gone = new Map<string, string>();
  const come: StoredResource[] = [];
  for (const [old, now] of sideBySide(before, after, nameOf)) {
    const change = resourceChange(old, now);
    yield change;
    if (change === undefined) continue;
    if (old === undefined && now !== undefined && now.email !== "") come.push(now);
    if (now === undefined && old !== undefined && old.email !== "") gone.set(emailKey(old.email), old.id);
  }
  for (const { email, id } of come) {
    const former = gone.get(emailKey(email));
    yield former === undefined
      ? undefined
      : { change: "id_changed", kind: "resource", id, detail: `${email} was ${former}` };
  }
}

function resourceChange(old: StoredResource | undefined, now: StoredResource | undefined): Change | undefined {
  const kind = "resource";
  if (old === undefined) {
    return now === undefined ? undefined : { change: "added", kind, id: nameOf(now), detail: describe(now) };
  }
  if (now === undefined) return { change: "removed", kind, id: nameOf(old), detail: describe(old) };
  const [was, is] = [describe(old), describe(now)];
  return was === is ? undefined : { change: "changed", kind, id: nameOf(now), detail: `${was} -> ${is}` };
}

function nameOf({ id, type }: StoredResource): string {
  return `${type}:${id}`;
}

function describe({ displayName, email, status }: StoredResource): string {
  return [displayName, email, status].filter((part) => part !== "").join(", ");
}

function* plainChanges<T extends { readonly id: string }>(
  kind: "entitlement" | "grant",
  before: Iterable<T>,
  after: Iterable<T>,
): Generator<Change | undefined> {
  for (const [old, now] of sideBySide(before, after, ({ id }) => id)) {
    if (old === undefined && now !== undefined) yield { change: "added", kind, id: now.id, detail: "" };
    else if (old !== undefined && now === undefined) yield { change: "removed", kind, id: old.id, detail: "" };
    else yield undefined;
  }
}

/** Rows with the same key together, both sides being in the order of SQLite: that of the bytes. */
function* sideBySide<T>(
  before: Iterable<T>,
  after: Iterable<T>,
  key: (row: T) => string,
): Generator<readonly [T | undefined, T | undefined]> {
  const [left, right] = [before[Symbol.iterator](), after[Symbol.iterator]()];
  let [old, now] = [next(left), next(right)];
  while (old !== undefined || now !== undefined) {
    const order = compare(old && key(old), now && key(now));
    yield [order <= 0 ? old : undefined, order >= 0 ? now : undefined];
    if (order <= 0) old = next(left);
    if (order >= 0) now = next(right);
  }
}

function next<T>(rows: Iterator<T>): T | undefined {
  const result = rows.next();
  return result.done === true ? undefined : result.value;
}

/** What has ended comes after everything. */
function compare(left: string | undefined, right: string | undefined): number {
  if (left === undefined) return 1;
  if (right === undefined) return -1;
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
