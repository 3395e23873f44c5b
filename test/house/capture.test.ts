import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { needlessExceptions, waysPastTheCapture } from "./capture.ts";

const root = new URL("../../", import.meta.url).pathname;

suite("the capture of everything that the product gives out", () => {
  test("no test has a way past it", () => {
    assert.deepEqual(waysPastTheCapture(root), []);
  });

  test("no exception is left that has no reason any more", () => {
    assert.deepEqual(needlessExceptions(root), []);
  });

  test("planted ways past it are found", () => {
    assert.deepEqual(waysPastTheCapture(`${root}test/fixtures/house/capture/`), [
      "src/quiet.test.ts: makes a logger of its own (createRecordingLogger)",
      "src/quiet.test.ts: looks away from what a program gives out",
      "test/past.ts: starts a program and does not look at what it gives out (captureProcess)",
      "test/past.ts: makes a logger of its own (createRecordingLogger)",
      "test/past.ts: makes an output of its own (recorder)",
      "test/past.ts: puts the application together by itself (startDaemon)",
    ]);
  });
});
