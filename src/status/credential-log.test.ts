import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { createCredentialLog } from "./credential-log.ts";

function setUp() {
  const clock = createVirtualClock();
  const clean = (text: string): string => text.replaceAll("ada@example.com", "person-1");
  return { clock, log: createCredentialLog({ clock, clean, onChange: () => undefined }) };
}

const good = { name: "c1", inUse: true, problem: undefined } as const;

suite("credential log", () => {
  test("in use since it was put in use, with the rotations since the start", () => {
    const { clock, log } = setUp();
    log.hooks.onActive("c1");
    clock.advance(60_000);
    log.hooks.onActive("c1");
    log.hooks.onReload("c1", "activated", "");
    log.tokenExpires(clock.nowMs() + 1000);
    assert.deepEqual(log.view([good]), [
      {
        name: "C1 client",
        state: "in use",
        sinceMs: clock.nowMs(),
        tokenExpiresMs: clock.nowMs() + 1000,
        rotations: 1,
        rejections: 0,
        note: "",
      },
    ]);
  });

  test("a newer version that waits, and why; a note without people", () => {
    const { log } = setUp();
    log.hooks.onPending("c1", true);
    assert.equal(log.view([good])[0]?.note, "A new version is being tried out.");
    log.hooks.onReload("c1", "rejected", "C1 says no to ada@example.com");
    const [waiting] = log.view([good]);
    assert.deepEqual([waiting?.state, waiting?.rejections, waiting?.note], ["waiting", 1, "C1 says no to person-1"]);
    log.hooks.onPending("c1", false);
    assert.deepEqual([log.view([good])[0]?.state, log.view([good])[0]?.note], ["in use", ""]);
  });

  test("rejected, missing, and not configured", () => {
    const { log } = setUp();
    const rows = log.view([
      { ...good, problem: "C1 rejected it" },
      { name: "cursor_api", inUse: false, problem: "BATON_CURSOR_API_KEY is missing" },
      { name: "cursor_scim", inUse: false, problem: undefined },
    ]);
    assert.deepEqual(
      rows.map(({ name, note, sinceMs, state }) => [name, state, note, sinceMs]),
      [
        ["C1 client", "rejected", "C1 rejected it", undefined],
        ["Cursor API key", "missing", "BATON_CURSOR_API_KEY is missing", undefined],
        ["SCIM token", "not configured", "", undefined],
      ],
    );
  });
});
