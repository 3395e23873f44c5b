import type { ScimFake } from "../fakes/scim-server.ts";

/** A team in which as many people leave as join, and some stay. */
export interface Load {
  /** People without an account anywhere. */
  readonly newcomers: readonly string[];
  /** Members with a record in the directory; `id` is Cursor's. */
  readonly leavers: readonly { readonly id: string; readonly email: string }[];
  /** Members with a record whom no task is about; the first two are administrators. */
  readonly stayers: readonly string[];
  /** Rows of Cursor's roster, and users of the directory, to start with. */
  readonly members: readonly object[];
  readonly users: readonly string[];
}

/** With those who stay, the directory takes several pages from the first task to the last. */
const stayerCount = 150;

/** `count` newcomers and as many leavers. */
export function makeLoad(count: number): Load {
  const emails = (kind: string, many: number): string[] =>
    Array.from({ length: many }, (_, index) => `${kind}.${index}@example.com`);
  const stayers = emails("stays", stayerCount);
  const leavers = emails("leaves", count).map((email, index) => ({ id: `user_leaves_${index}`, email }));
  return {
    newcomers: emails("joins", count),
    leavers,
    stayers,
    members: [
      ...stayers.map((email, index) => row(`user_stays_${index}`, email, index < 2 ? "owner" : "member")),
      ...leavers.map(({ email, id }) => row(id, email, "member")),
    ],
    users: [...stayers, ...leavers.map(({ email }) => email)],
  };
}

function row(id: string, email: string, role: string): object {
  return { id, name: email.split("@")[0], email, role, isRemoved: false };
}

/** What is wrong with a directory after every task of this load is done; empty when nothing is. */
export function problemsOf(
  { effects, records, violations }: Pick<ScimFake, "effects" | "records" | "violations">,
  { leavers, newcomers, stayers }: Load,
): string[] {
  const made = effects.map(({ kind, userName }) => `${kind} ${userName}`);
  const wanted = [...newcomers.map((email) => `created ${email}`), ...leavers.map(({ email }) => `deleted ${email}`)];
  const present = records.filter(({ active }) => active).map(({ userName }) => userName);
  return [
    ...differences("change", made, wanted),
    ...differences("record", present, [...stayers, ...newcomers]),
    ...violations.map((violation) => `violation: ${violation}`),
  ];
}

function differences(what: string, found: readonly string[], wanted: readonly string[]): string[] {
  const seen = new Set(found);
  const meant = new Set(wanted);
  const twice = found.filter((each, index) => found.indexOf(each) !== index);
  return [
    ...twice.map((each) => `${what} made twice: ${each}`),
    ...wanted.filter((each) => !seen.has(each)).map((each) => `${what} missing: ${each}`),
    ...found.filter((each) => !meant.has(each)).map((each) => `${what} not asked for: ${each}`),
  ];
}

/** The most of these instants, given in order, that lie within any `windowMs` milliseconds. */
export function mostWithin(atMs: readonly number[], windowMs: number): number {
  let most = 0;
  let first = 0;
  for (const [last, instant] of atMs.entries()) {
    while (instant - (atMs[first] ?? instant) >= windowMs) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}
