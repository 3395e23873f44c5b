import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { spawnConnector } from "../helpers/daemon.ts";
import { printed, processEnv, startStandIns } from "../integration/scene.ts";

/** Throws within the daemon, from outside, some time after its start. */
const fault = (code: string): string =>
  `--import data:text/javascript,${encodeURIComponent(`process.on("SIGUSR2",()=>{${code}})`)}`;

const faults: Readonly<Record<string, string>> = {
  "a thrown error": 'setImmediate(function planted(){throw new TypeError("the key is hunter2")})',
  "a rejection that nobody handles": '(async function planted(){throw new TypeError("the key is hunter2")})()',
  "something that is no error": 'setImmediate(()=>{throw "hunter2"})',
};

suite("a fault of ours that nothing caught", { concurrency: 3 }, () => {
  for (const [what, code] of Object.entries(faults)) {
    test(`${what}: one line, without what the error quotes, and exit 13`, { timeout: 30_000 }, async () => {
      await using stage = await startStandIns();
      // At level debug a line about a poll may come in between.
      const env = { ...processEnv(stage, { BATON_LOG_LEVEL: "info" }), NODE_OPTIONS: fault(code) };
      await using daemon = await spawnConnector([], env);
      await printed(daemon, '"polling"');
      const before = daemon.stderr().length;
      daemon.kill("SIGUSR2");
      const end = await daemon.ended;
      assert.equal(end.code, 13, end.stderr);
      const last = end.stderr.slice(before);
      assert.match(
        last,
        /^baton-cursor: a fault of the connector ended it \((TypeError in (Immediate\.)?planted|string)[^\n]*\n$/,
      );
      assert.doesNotMatch(end.stderr, /hunter2/);
    });
  }
});
