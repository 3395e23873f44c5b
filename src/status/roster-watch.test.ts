import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { type SampleMember, sampleMembers, sampleSync } from "../../test/helpers/sample-sync.ts";
import type { Snapshot } from "../baton/connector.ts";
import { createRosterWatch, type RosterWatch } from "./roster-watch.ts";

function snapshotOf(members: readonly SampleMember[]): Snapshot {
  const sync = sampleSync(members);
  return {
    resources: (type) => (type === "user" ? sync.users : sync.roles),
    entitlements: () => sync.entitlements,
    grants: () => sync.grants,
  };
}

/** Reads a snapshot as a sync does. */
function read(snapshot: Snapshot, without: "grants" | "nothing" = "nothing"): void {
  for (const type of ["role", "user"]) for (const row of snapshot.resources(type)) assert.ok(row);
  for (const row of snapshot.entitlements()) assert.ok(row);
  if (without === "nothing") for (const row of snapshot.grants()) assert.ok(row);
}

async function sync(watch: RosterWatch, members: readonly SampleMember[], without?: "grants"): Promise<void> {
  const watched = watch.watch(snapshotOf(members));
  read(watched, without);
  watch.accepted(watched);
  assert.equal(await watch.settle(), watch.changes());
}

function setUp(showPeople = false) {
  const clock = createVirtualClock();
  return { clock, watch: createRosterWatch({ clock, showPeople }) };
}

/** The counts, or why there are none. */
function outcome(watch: RosterWatch): string {
  const changes = watch.changes();
  if (changes.kind === "none") return changes.reason;
  return `+${changes.added} -${changes.removed} ~${changes.roleChanges}`;
}

const team: readonly SampleMember[] = [
  { id: "user_a", role: "owner" },
  { id: "user_b", role: "member" },
  { id: "user_c", role: "member" },
  { id: "user_d", role: "member", removed: true },
];

suite("roster watch", () => {
  test("passes every row on as it is, and gives the snapshot back that it was given", () => {
    const { watch } = setUp();
    const inner = snapshotOf(team);
    const watched = watch.watch(inner);
    assert.deepEqual([...watched.resources("user")], [...inner.resources("user")]);
    assert.deepEqual([...watched.entitlements()], [...inner.entitlements()]);
    assert.deepEqual([...watched.grants()], [...inner.grants()]);
    assert.equal(watch.accepted(watched), inner);
    assert.equal(watch.accepted(inner), inner);
  });

  test("says why there is nothing to compare: no sync yet, the first one, one that left something out", async () => {
    const { watch } = setUp();
    assert.match(outcome(watch), /No sync has been accepted/);
    await sync(watch, team);
    assert.match(outcome(watch), /no earlier sync/);
    await sync(watch, team, "grants");
    assert.match(outcome(watch), /left something out/);
    await sync(watch, team);
    assert.equal(outcome(watch), "+0 -0 ~0");
  });

  for (const [what, next, expected] of [
    ["somebody came", [...team, { id: "user_e", role: "member" }], "+1 -0 ~0"],
    ["somebody is gone", team.slice(1), "+0 -1 ~0"],
    ["somebody was removed", [{ ...team[0]!, removed: true }, ...team.slice(1)], "+0 -1 ~0"],
    ["somebody is back", [...team.slice(0, 3), { id: "user_d", role: "member" }], "+1 -0 ~0"],
    ["a removed row is gone", team.slice(0, 3), "+0 -0 ~0"],
    ["a removed row is new", [...team, { id: "user_e", role: "member", removed: true }], "+0 -0 ~0"],
    ["another role", [{ ...team[0]!, role: "member" }, ...team.slice(1)], "+0 -0 ~1"],
    ["everybody is somebody else", team.map((member) => ({ ...member, id: `${member.id}x` })), "+3 -3 ~0"],
  ] as const satisfies readonly (readonly [string, readonly SampleMember[], string])[]) {
    test(`${what}: ${expected}`, async () => {
      const { watch } = setUp(true);
      await sync(watch, team);
      await sync(watch, next);
      assert.equal(outcome(watch), expected);
    });
  }

  test("what was read but not accepted is not compared", async () => {
    const { watch } = setUp();
    await sync(watch, team);
    read(watch.watch(snapshotOf([])));
    await sync(watch, team);
    assert.equal(outcome(watch), "+0 -0 ~0");
  });

  test("role changes are counted by where from and where to, with the names of the roles", async () => {
    const { clock, watch } = setUp();
    await sync(watch, team);
    const firstMs = clock.nowMs();
    clock.advance(60_000);
    await sync(watch, [
      { id: "user_a", role: "free-owner" },
      { id: "user_b", role: "owner" },
      { id: "user_c", role: "owner" },
      { id: "user_d", role: "member", removed: true },
    ]);
    assert.deepEqual(watch.changes(), {
      kind: "compared",
      previousMs: firstMs,
      acceptedMs: firstMs + 60_000,
      added: 0,
      removed: 0,
      roleChanges: 3,
      moves: [
        { from: "Member", to: "Owner", count: 2 },
        { from: "Owner", to: "Free Owner", count: 1 },
      ],
      names: undefined,
    });
  });

  test("names only where they may be shown, at most ten of a kind, and none of a large team", async () => {
    const { watch } = setUp(true);
    await sync(watch, team);
    await sync(watch, [
      { id: "user_a", role: "member" },
      ...Array.from({ length: 15 }, (_, n) => ({ id: `user_e${String(n).padStart(2, "0")}`, role: "owner" as const })),
    ]);
    const changes = watch.changes();
    assert.ok(changes.kind === "compared" && changes.names !== undefined);
    assert.deepEqual([changes.added, changes.removed, changes.roleChanges], [15, 2, 1]);
    assert.equal(changes.names.added.length, 10);
    assert.deepEqual(changes.names.removed.toSorted(), ["user_b@example.com", "user_c@example.com"]);
    assert.deepEqual(changes.names.roleChanges, ["user_a@example.com"]);
    const large = sampleMembers(20_001);
    await sync(watch, large);
    await sync(watch, large.slice(1));
    const later = watch.changes();
    assert.ok(later.kind === "compared");
    assert.deepEqual([later.removed, later.names], [1, undefined]);
  });

  test("a snapshot that is read twice, or whose grants come in another order, is not compared wrongly", async () => {
    const { watch } = setUp();
    await sync(watch, team);
    const twice = watch.watch(snapshotOf(team));
    read(twice);
    read(twice);
    watch.accepted(twice);
    await watch.settle();
    assert.match(outcome(watch), /left something out/);
    const members = sampleMembers(3_000);
    const sorted = snapshotOf(members);
    const shuffled = { ...sorted, grants: () => [...sorted.grants()].reverse() };
    const startedMs = performance.now();
    const watched = watch.watch(shuffled);
    read(watched);
    watch.accepted(watched);
    await watch.settle();
    assert.match(outcome(watch), /left something out/);
    assert.ok(performance.now() - startedMs < 10_000);
  });

  test("while a large team is compared others go on, and the page shows what was known before", async (t) => {
    const { watch } = setUp();
    const members = sampleMembers(200_000);
    const counted = { turns: 0, over: false };
    t.after(() => {
      counted.over = true;
    });
    const count = (): void => {
      counted.turns += 1;
      if (!counted.over) setImmediate(count);
    };
    setImmediate(count);
    for (const [next, expected] of [
      [members, "There is no earlier sync of this process to compare with."],
      [members.map((member) => ({ ...member, id: `x${member.id}` })), undefined],
    ] as const) {
      const watched = watch.watch(snapshotOf(next));
      read(watched);
      const before = watch.changes();
      watch.accepted(watched);
      const settled = watch.settle();
      assert.equal(watch.changes(), before);
      counted.turns = 0;
      const changes = await settled;
      // Everybody is looked at three times, in slices of some thousands.
      assert.ok(counted.turns > (3 * members.length) / 10_000, `${counted.turns} turns`);
      const active = members.filter(({ removed }) => removed !== true).length;
      if (expected === undefined) assert.equal(outcome(watch), `+${active} -${active} ~0`);
      else assert.deepEqual(changes, { kind: "none", reason: expected });
    }
  });

  test("syncs that are accepted while another one is compared are compared in their order", async () => {
    const { watch } = setUp();
    const teams = [sampleMembers(30_000), sampleMembers(29_990), sampleMembers(30_010)];
    const settled = teams.map((members) => {
      const watched = watch.watch(snapshotOf(members));
      read(watched);
      watch.accepted(watched);
      return watch.settle();
    });
    const [, second, third] = await Promise.all(settled);
    assert.ok(second?.kind === "compared" && third?.kind === "compared");
    assert.ok(second.removed > 0 && second.added === 0, JSON.stringify(second));
    assert.ok(third.added > 0 && third.removed === 0, JSON.stringify(third));
    assert.equal(watch.changes(), third);
  });

  test("a hundred thousand people: exact, quick, and in a megabyte", async () => {
    const { watch } = setUp();
    const members = sampleMembers(100_000);
    await sync(watch, members);
    const next = members.map((member, n) => (n % 1000 === 0 ? { ...member, role: "free-owner" as const } : member));
    await sync(watch, next.slice(0, -10));
    const active = members.slice(-10).filter(({ removed }) => removed !== true).length;
    const changed = next.slice(0, -10).filter(({ role, removed }) => role === "free-owner" && removed !== true).length;
    assert.equal(outcome(watch), `+0 -${active} ~${changed}`);
    globalThis.gc?.();
    const before = process.memoryUsage().arrayBuffers;
    await sync(watch, members);
    globalThis.gc?.();
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 2 * 1024 ** 2, `${grown}`);
  });
});
