import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { goSdk } from "../chaos/programs/go-sdk.ts";
import { startAccountStage } from "../integration/account-stage.ts";
import { smallTeam, syncTask } from "../integration/scene.ts";
import { apiKey, startConnector, startCursor } from "./daemon.ts";
import { buildTools, goVersion, output, programPath } from "./tools.ts";

interface Said {
  readonly resourceTypes: readonly object[];
  readonly resources: readonly object[];
  readonly entitlements: readonly object[];
  readonly grants: readonly object[];
}

const missing = goVersion() === undefined && "Go was not found";

suite("the connector on the official SDK that ours is held against", { skip: missing }, () => {
  const directory = mkdtempSync(join(tmpdir(), "sdk-connector-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  before(() => buildTools());

  test("says the same about a team as ours, record by record", async () => {
    await using cursor = await startCursor();
    const ours = join(directory, "ours.c1z");
    const theirs = join(directory, "theirs.c1z");
    const env = { BATON_CURSOR_BASE_URL: cursor.url, BATON_TMPDIR: directory };
    const { code, output: log } = await startConnector(["-f", ours], env).ended;
    assert.equal(code, 0, log);
    const sdk = spawn(programPath("sdk-connector"), ["-f", theirs, "--storage-engine", "sqlite"], {
      env: { PATH: process.env["PATH"], BATON_CURSOR_API_KEY: apiKey, ...env },
      stdio: "ignore",
    });
    assert.deepEqual(await once(sdk, "close"), [0, null]);
    const said = records(theirs);
    assert.deepEqual(said, records(ours));
    assert.equal(said.resources.length, 8);
  });

  test("carries out a sync of the stand-in of C1 without breaking a rule, and SIGTERM ends it", async () => {
    await using stage = await startAccountStage({ cursor: { team: smallTeam } });
    await using connector = await goSdk.start(stage);
    await stage.c1.awaitHello("");
    const task = stage.c1.enqueue(syncTask);
    const finish = await stage.c1.awaitFinish(task);
    assert.deepEqual([finish.ok, finish.attempts], [true, 1]);
    const [upload] = stage.c1.uploads;
    const { users, usersDisabled, roles, entitlements, grants, problems } = upload?.contents ?? {};
    assert.deepEqual(
      { users, usersDisabled, roles, entitlements, grants, problems },
      { users: 5, usersDisabled: 1, roles: 3, entitlements: 3, grants: 4, problems: [] },
    );
    assert.equal(await connector.live(), 200);
    connector.kill("SIGTERM");
    // The SDK does not catch it.
    assert.equal((await connector.ended).signal, "SIGTERM");
  });
});

/** What a file says, without what is different in each sync and without the order of the rows. */
function records(file: string): Said {
  const { resourceTypes, resources, entitlements, grants }: Said = JSON.parse(output("interop", "dump", file));
  const sorted = (list: readonly object[]): object[] =>
    [...list].sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
  return {
    resourceTypes: sorted(resourceTypes),
    resources: sorted(resources),
    entitlements: sorted(entitlements),
    grants: sorted(grants),
  };
}
