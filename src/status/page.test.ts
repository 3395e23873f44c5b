import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { suite, test } from "node:test";
import { Script } from "node:vm";
import { contentSecurityPolicy, renderPage } from "./page.ts";
import type { StatusView, SyncView } from "./view.ts";

const counts = { users: 1_000_000, disabled: 1_000_000, roles: 100, entitlements: 100, grants: 1_000_000 };
const sync: SyncView = {
  startedMs: 1_750_000_000_000,
  durationMs: 10_000_000,
  outcome: "failure",
  code: "failed_precondition",
  bytes: 4_000_000_000,
  counts,
  changes: { added: 1_000_000, removed: 1_000_000, roleChanges: 1_000_000 },
};
const address = `${"a".repeat(60)}@${"b".repeat(60)}.example.com`;
const problem = {
  level: "error",
  firstMs: 1_750_000_000_000,
  lastMs: 1_750_000_000_000,
  count: 1000,
  about: "create_ticket_task",
  title: "t".repeat(160),
  detail: "d".repeat(280),
  fix: "f".repeat(200),
  code: "failed_precondition",
} as const;

/** As much as there can be of everything. */
const full: StatusView & { readonly nowMs: number } = {
  nowMs: 1_750_000_000_000,
  about: { version: "1.2.3", revision: "a".repeat(40), hostId: "h".repeat(256), startedMs: 1, showsPeople: true },
  connection: {
    state: "polling",
    host: "acme.conductor.one",
    lastPollMs: 1,
    nextPollMs: 2,
    failingSinceMs: 3,
    problem: "p".repeat(300),
  },
  tasks: {
    running: Array.from({ length: 10 }, (_, n) => ({
      ...{ id: `${n}`.padStart(27, "0"), type: "sync_full", startedMs: 1_750_000_000_000, phase: "resources" as const },
      ...{ progress: 0.123, counts },
    })),
    more: 90,
    queued: 200,
  },
  syncs: Array.from({ length: 50 }, () => sync),
  changes: {
    kind: "compared",
    previousMs: 1_750_000_000_000,
    acceptedMs: 1_750_000_000_000,
    ...{ added: 1_000_000, removed: 1_000_000, roleChanges: 1_000_000 },
    moves: Array.from({ length: 6 }, () => ({ from: "Free Owner", to: "Member", count: 1_000_000 })),
    names: {
      added: Array.from({ length: 10 }, () => address),
      removed: Array.from({ length: 10 }, () => address),
      roleChanges: Array.from({ length: 10 }, () => address),
    },
  },
  budgets: ["Cursor Admin API", "SCIM directory"].map((name) => ({
    ...{ name, requestsPerMinute: 15, used: 15, waiting: 100, pausedUntilMs: 1_750_000_000_000 },
  })),
  credentials: ["C1 client", "Cursor API key", "SCIM token"].map((name) => ({
    ...{ name, state: "waiting" as const, sinceMs: 1_750_000_000_000, tokenExpiresMs: 1_750_000_000_000 },
    ...{ rotations: 100, rejections: 100, note: "n".repeat(300) },
  })),
  problems: Array.from({ length: 20 }, () => problem),
};

function between(page: string, start: string, end: string): string {
  const from = page.lastIndexOf(start) + start.length;
  return page.slice(from, page.indexOf(end, from));
}

suite("status page", () => {
  test("is below 60 KiB, however much it has to show", () => {
    const bytes = Buffer.byteLength(renderPage(full));
    assert.ok(bytes < 60 * 1024, `${bytes}`);
    // So that the figure means something: the lists are in it.
    assert.ok(bytes > 50_000, `${bytes}`);
  });

  test("runs its own style and script and no other, and names no other address", () => {
    const page = renderPage(full);
    const allowed = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
    assert.ok(contentSecurityPolicy.includes(`script-src ${allowed(between(page, "<script>", "</script>"))};`));
    assert.ok(contentSecurityPolicy.includes(`style-src ${allowed(between(page, "<style>", "</style>"))};`));
    assert.match(contentSecurityPolicy, /^default-src 'none';/);
    assert.doesNotMatch(contentSecurityPolicy, /unsafe|\*|https?:/);
    const addresses = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address?.slice(0, 24));
    assert.deepEqual([...new Set(addresses)], ["data:image/svg+xml,%3Csv", "status.json"]);
    assert.doesNotMatch(page, / style=| on[a-z]+="/);
  });

  test("its script is right JavaScript, and makes elements from text only", () => {
    const script = between(renderPage(full), "<script>", "</script>");
    assert.ok(new Script(script));
    assert.doesNotMatch(script, /innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function/);
  });

  test("what is shown cannot end the data or begin markup", () => {
    const hostile = `</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>`;
    const page = renderPage({ ...full, about: { ...full.about, hostId: hostile } });
    assert.equal(page.split("<script").length, 3);
    const data = between(page, `id="state-data">`, "</script>");
    assert.equal(JSON.parse(data).about.hostId, hostile);
  });
});
