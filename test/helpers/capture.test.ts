import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { systemClock } from "../../src/baton/clock.ts";
import { createEventRecorder } from "../../src/kubernetes/events.ts";
import { startC1Server } from "../fakes/c1-server.ts";
import { startCursorServer } from "../fakes/cursor-server.ts";
import { createRecordingLogger } from "../fakes/recording-logger.ts";
import { startScimServer } from "../fakes/scim-server.ts";
import { findCanaries, seedPerson, seedSecret } from "./canaries.ts";
import { capture, lookAtBodies, openCapture, operatorCapture } from "./capture.ts";
import { captureProcess } from "./capture-process.ts";
import { spawnConnector } from "./daemon.ts";
import { serve } from "./http-server.ts";
import { recorder } from "./recorder.ts";

const secret = "planted-0123-äöü-4567-fedcba/+9876";
const person = "Zoë.Planted@somewhere.org";
seedSecret("planted secret", secret);
seedPerson(person);

/** Throws when `found` says nothing of a leak, or shows it. */
function assertTold(found: unknown, what: string): void {
  const text = found instanceof Error ? found.message : String(found);
  assert.match(text, new RegExp(what));
  assert.ok(!text.includes(secret.slice(0, 16)), `the secret itself is shown: ${text}`);
}

function leakOf(look: () => void): unknown {
  try {
    look();
  } catch (reason) {
    return reason;
  }
  return "nothing was found";
}

suite("canaries", () => {
  const bytes = Buffer.from(secret);
  const forms: readonly (readonly [string, string])[] = [
    ["as it is", secret],
    ["a part of it", secret.slice(3, 20)],
    ["in base64", bytes.toString("base64")],
    ["in the header of HTTP Basic", Buffer.from(`${secret}:`).toString("base64")],
    ["in base64 behind one other byte", Buffer.concat([Buffer.from("u"), bytes]).toString("base64")],
    ["in base64 behind two", Buffer.concat([Buffer.from("u:"), bytes]).toString("base64")],
    ["in base64url", bytes.toString("base64url")],
    ["in hexadecimal digits", bytes.toString("hex")],
    ["percent-encoded", encodeURIComponent(secret)],
  ];
  for (const [what, form] of forms) {
    test(`a secret is found ${what}, and shown by its name only`, () => {
      const [found, ...others] = findCanaries(`before ${form} after`);
      assert.deepEqual([found?.what, others.length], ['the secret "planted secret"', 0]);
      assert.match(found?.line ?? "", /^before .*<planted secret>.* after$/);
      assertTold(found?.line, "planted secret");
    });
  }

  const local = person.split("@")[0] ?? "";
  const people: readonly (readonly [string, string])[] = [
    ["as it is", person],
    ["in other letters", person.toUpperCase()],
    ["in an id", `user:email:${person}`],
    ["percent-encoded", `/Users?filter=${encodeURIComponent(`userName eq "${person}"`)}`],
    ["escaped for JSON", `"${person.replace("@", String.raw`\u0040`)}"`],
    ["escaped for HTML", `<td>${person.replace("@", "&#64;")}</td>`],
    ["in base64", Buffer.from(JSON.stringify({ email: person })).toString("base64")],
    ["without the host", `no such user: ${local}.`.replace(/\.$/, "")],
    ["of a domain for examples, whoever it is", "nobody.seeded@this.example.com"],
  ];
  for (const [what, text] of people) {
    test(`a person is found ${what}, and not where people may be shown`, () => {
      assert.notDeepEqual(findCanaries(text), []);
      assert.deepEqual(findCanaries(text, { people: false }), []);
    });
  }

  test("what is harmless is not found", () => {
    for (const text of [
      "person-0123456789ab",
      "at send (/app/node_modules/@grpc/grpc-js/build/src/call.js:32:19)",
      "admin:* @ 15 per minute",
      "user:user_01ABC",
      "planted-0123",
    ]) {
      assert.deepEqual(findCanaries(text), [], text);
    }
  });

  test("the stand-ins seed what they issue and whom they know", async () => {
    await using c1 = await startC1Server();
    const key = `key_${"f0e1d2c3b4a59687".repeat(4)}`;
    await using cursor = await startCursorServer({ apiKey: key, members: [{ email: "in.roster1@somewhere.org" }] });
    await using scim = await startScimServer({
      token: "scim-token-of-this-test-alone",
      users: ["in.scim1@somewhere.org"],
    });
    const jwk = Buffer.from(c1.clientSecret.split(":").at(-1) ?? "", "base64url").toString();
    const texts = [c1.clientSecret, jwk, JSON.parse(jwk).d, cursor.apiKey, scim.token, c1.addClient().clientSecret];
    cursor.setKeys("another-key-0123456789");
    scim.setToken("another-token-0123456789");
    cursor.setMembers([{ email: "later.1@somewhere.org" }]);
    scim.seed("later.2@somewhere.org");
    texts.push("another-key-0123456789", "another-token-0123456789");
    for (const text of texts) assert.match(findCanaries(text)[0]?.what ?? "", /^the secret/, text);
    for (const name of ["in.roster1", "in.scim1", "later.1", "later.2"])
      assert.notDeepEqual(findCanaries(`${name}@somewhere.org`), []);
  });
});

suite("a planted leak is caught", () => {
  const planted = [
    ["the secret", `it is ${secret}!`, "planted secret"],
    ["the person", `it is ${person}!`, "the person"],
  ] as const;
  for (const [what, text, told] of planted) {
    test(`${what} on standard output or standard error of a command`, () => {
      for (const channel of ["stdout", "stderr"] as const) {
        recorder()[channel](text);
        assertTold(
          leakOf(() => capture.end()),
          told,
        );
      }
    });

    test(`${what} in what a process writes, and in its log file`, async () => {
      const directory = mkdtempSync(join(tmpdir(), "capture-test-"));
      try {
        const log = join(directory, "log");
        writeFileSync(log, text);
        const run = captureProcess([`--log-path=${log}`], {});
        run.lookAtOutput({ stdout: "", stderr: "" });
        assertTold(
          leakOf(() => run.end()),
          `log file has .*${told}`,
        );
        for (const stream of ["1", "2"]) {
          const program = join(directory, `program${stream}`);
          writeFileSync(program, `#!/bin/sh\ncat ${log} >&${stream}\n`);
          chmodSync(program, 0o755);
          const child = await spawnConnector([], {}, { program });
          await child.ended;
          const reason = await Promise.resolve(child[Symbol.asyncDispose]()).catch((error: unknown) => error);
          assertTold(reason, told);
        }
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    });

    test(`${what} in a Kubernetes Event`, async () => {
      const { startKubeApi } = await import("../fakes/kube-api.ts");
      const { openConnection } = await import("../../src/kubernetes/connection.ts");
      await using kube = await startKubeApi();
      using connection = openConnection({
        kubeconfig: await kube.kubeconfig("pod"),
        namespace: kube.namespace,
        userAgent: "baton-cursor/test",
        onCall: () => undefined,
      });
      const events = createEventRecorder({
        connection,
        pod: { name: "pod", uid: undefined },
        clock: systemClock,
        log: createRecordingLogger(),
      });
      events.record({ reason: "Planted", note: text, type: "Normal" });
      await events.run(AbortSignal.abort());
      assertTold(
        leakOf(() => capture.end()),
        `Kubernetes Event has .*${told}`,
      );
    });

    test(`${what} in the answer of a listener`, async () => {
      await using server = await serve((_request, response) => response.end(text));
      const bodies = openCapture();
      await lookAtBodies(bodies, [`${server.url}/ready`]);
      assertTold(
        leakOf(() => bodies.end()),
        `body of /ready has .*${told}`,
      );
    });
  }

  test("the secret in a log line; the person is hidden by the logger itself, but not in halves", () => {
    const log = createRecordingLogger();
    log.warn("odd", { error: `it is ${secret}` });
    assertTold(
      leakOf(() => capture.end()),
      "planted secret",
    );
    log.child({ who: person }).info("odd");
    capture.end();
    log.info("odd", { name: person.split("@")[0] });
    assertTold(
      leakOf(() => capture.end()),
      "the person",
    );
  });

  test("where people may be shown, secrets may not", () => {
    const out = recorder({ shows: "people" });
    out.stdout(person);
    operatorCapture.end();
    out.stdout(secret);
    assertTold(
      leakOf(() => operatorCapture.end()),
      "planted secret",
    );
    const run = captureProcess([], { BATON_LOG_PII: "true" });
    run.lookAtOutput({ stdout: person, stderr: "" });
    run.end();
    run.lookAtOutput({ stdout: "", stderr: secret });
    assertTold(
      leakOf(() => run.end()),
      "planted secret",
    );
  });

  test("what nobody asks about fails the process at its end", async () => {
    const script = `
      const { seedSecret } = await import(${JSON.stringify(new URL("./canaries.ts", import.meta.url).href)});
      const { openCapture } = await import(${JSON.stringify(new URL("./capture.ts", import.meta.url).href)});
      seedSecret("forgotten", "forgotten-0123456789");
      openCapture().look("nowhere", "it is forgotten-0123456789");`;
    await using child = await spawnConnector(["--input-type=module", "-e", script], {}, { program: process.execPath });
    const { code, stderr } = await child.ended;
    assert.equal(code, 1);
    assert.match(stderr, /nowhere has the secret "forgotten": it is <forgotten>/);
  });
});
