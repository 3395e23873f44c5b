import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createKnownSecrets } from "./known-secrets.ts";

suite("texts that must not be seen", () => {
  test("each once, old versions too, and nothing for what is empty", () => {
    const secrets = createKnownSecrets();
    secrets.remember(["a", "", "b"]);
    secrets.remember(["a", "c"]);
    assert.deepEqual([...secrets.all()].sort(), ["a", "b", "c"]);
  });

  test("what stays in use is never forgotten, however often others change", () => {
    const secrets = createKnownSecrets();
    for (let n = 0; n < 1_000; n += 1) secrets.remember(["constant", `version ${n}`]);
    assert.equal(secrets.all().length, 200);
    assert.ok(secrets.all().includes("constant"));
    assert.ok(secrets.all().includes("version 999"));
  });
});
