/**
 * Builds the real Dockerfile on stand-ins of its bases and runs the image as a restricted pod would, with the environment that
 * the chart gives it. Needs root, buildah and bubblewrap; says so and is skipped where one is missing.
 */
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startStandIns, syncTask } from "../integration/scene.ts";
import {
  addedLayers,
  buildImage,
  forgetImages,
  type ImageConfig,
  imageConfig,
  makeStandIns,
  unpack,
  whyNoImages,
} from "./buildah.ts";
import { defaultArguments, parseDockerfile } from "./dockerfile.ts";
import { render } from "./helm.ts";
import type { Manifest } from "./objects.ts";
import { containerOf, expand, kubeletEnv } from "./pod.ts";
import { type ContainerOptions, runContainer, startContainer } from "./sandbox.ts";
import { root } from "./tools.ts";

const reason = whyNoImages();
const image = "localhost/baton-cursor:test";
const again = "localhost/baton-cursor:again";
const buildArgs = { VERSION: "1.2.3", SOURCE_REVISION: "abc123", SOURCE_URL: "https://git.example.com/baton-cursor" };
const { BUILD_IMAGE = "", BASE_IMAGE = "" } = defaultArguments(
  parseDockerfile(readFileSync(`${root}Dockerfile`, "utf8")),
);
const credentialsPath = "/run/baton-cursor/credentials";
const authorityPath = "/etc/baton-cursor/ca";
const limit = { timeout: 60_000 };

// Readable for the sandbox's user, unlike most places below a home directory.
const place = mkdtempSync(join(tmpdir(), "baton-image-"));
chmodSync(place, 0o755);
after(() => rmSync(place, { recursive: true, force: true }));

suite("the image", { skip: reason ?? false }, () => {
  let config: ImageConfig;
  const rootfs = join(place, "rootfs");

  before(
    () => {
      forgetImages();
      makeStandIns({ build: BUILD_IMAGE, base: BASE_IMAGE });
      buildImage(root, image, buildArgs);
      buildImage(root, again, buildArgs);
      config = imageConfig(image);
      unpack(image, rootfs);
      for (const path of [credentialsPath, authorityPath]) mkdirSync(rootfs + path, { recursive: true });
      // The kubelet brings this file.
      writeFileSync(`${rootfs}/etc/hosts`, "127.0.0.1 localhost\n");
    },
    { timeout: 300_000 },
  );

  const container = (more: Partial<ContainerOptions>): ContainerOptions => ({
    rootfs,
    command: config.Entrypoint,
    env: imageEnv(config),
    workingDir: config.WorkingDir,
    ...more,
  });

  test("says who runs it, how, and what it is", () => {
    assert.equal(config.User, "65532:65532");
    assert.equal(config.StopSignal, "SIGTERM");
    assert.equal(config.Entrypoint[0], "/nodejs/bin/node");
    assert.deepEqual(config.Cmd ?? [], []);
    const label = (name: string) => config.Labels[`org.opencontainers.image.${name}`];
    assert.deepEqual([label("version"), label("revision"), label("source")], Object.values(buildArgs));
    assert.equal(label("base.name"), BASE_IMAGE);
  });

  test("adds the bundle, its licences and a command to the base, and nothing else", (t) => {
    const layers = addedLayers(image, BASE_IMAGE);
    const files = layers.flatMap((layer) => layer.files).filter((file) => !file.endsWith("/"));
    const chunks = files.filter((file) => /^app\/[\w-]+\.mjs$/.test(file));
    assert.ok(chunks.includes("app/main.mjs"));
    const others = files.filter((file) => !chunks.includes(file)).sort();
    assert.deepEqual(others, ["app/LICENSE", "app/THIRD-PARTY-LICENSES", "baton-cursor"]);
    const bytes = layers.reduce((sum, layer) => sum + layer.bytes, 0);
    t.diagnostic(`added to the base: ${(bytes / 2 ** 20).toFixed(1)} MiB`);
    assert.ok(bytes < 60 * 2 ** 20, `${bytes} bytes`);
  });

  test("is the same again from the same sources", () => {
    assert.deepEqual(addedLayers(again, BASE_IMAGE), addedLayers(image, BASE_IMAGE));
  });

  test("prints its version, through the entry point and through /baton-cursor", limit, async () => {
    const entry = await runContainer(container({ command: [...config.Entrypoint, "--version"] }));
    const command = await runContainer(container({ command: ["/baton-cursor", "--version"] }));
    const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
    assert.deepEqual(entry, { code: 0, output: `baton-cursor version ${version}\n` });
    assert.deepEqual(command, entry);
  });

  test("is confined: process 1 of user 65532, no capability, no file to write but in /tmp", limit, async () => {
    const script = `
      const { readFileSync, writeFileSync, existsSync } = require("node:fs");
      const status = readFileSync("/proc/self/status", "utf8");
      const write = (path) => { try { writeFileSync(path, ""); return "written"; } catch (error) { return error.code; } };
      console.log(JSON.stringify([process.pid, process.getuid(), process.getgid(),
        /CapEff:\\s*(\\w+)/.exec(status)[1], /NoNewPrivs:\\s*(\\d)/.exec(status)[1],
        write("/file"), write("/app/file"), write("/tmp/file"), existsSync("/bin/sh")]));`;
    const { output } = await runContainer(container({ command: ["/nodejs/bin/node", "-e", script] }));
    const expected = [1, 65532, 65532, "0000000000000000", "1", "EROFS", "EROFS", "written", false];
    assert.deepEqual(JSON.parse(output), expected);
  });

  test("works as the chart starts it: ready, a sync, health checks, SIGTERM ends it with 0", limit, async () => {
    await using standIns = await startStandIns();
    const { c1, cursor } = standIns;
    const port = await freePort();
    const objects = render({
      values: {
        image: { repository: "localhost/baton-cursor" },
        credentials: { existingSecret: "baton-cursor" },
        certificateAuthority: { configMap: "ca" },
        c1: { apiHost: c1.apiHost },
        cursor: { baseUrl: cursor.url },
        health: { port },
        metrics: { port: await freePort() },
      },
    });
    const mounts = {
      [credentialsPath]: mountSecret("secret", {
        BATON_CLIENT_ID: c1.clientId,
        BATON_CLIENT_SECRET: c1.clientSecret,
        BATON_CURSOR_API_KEY: cursor.apiKey,
      }),
      [authorityPath]: mountSecret("authority", { "ca.crt": c1.caPem }),
    };
    const env = { ...imageEnv(config), ...chartEnv(objects) };
    await using pod = await startContainer(container({ env, mounts }));
    await answers(`http://127.0.0.1:${port}/ready`, () => pod.output());
    await answers(`http://127.0.0.1:${env["BATON_METRICS_PORT"]}/metrics`, () => pod.output());

    c1.enqueue(syncTask);
    await c1.awaitCall("FinishTask", 1, 20_000);
    assert.equal(c1.uploads.length, 1, pod.output());

    const exec = await runContainer(
      container({ command: ["/baton-cursor", "health-check", "--endpoint=live"], env, mounts }),
    );
    assert.deepEqual(exec, { code: 0, output: "" });
    const helmTest = await runContainer(container({ command: [...config.Entrypoint, ...testArguments(objects)] }));
    assert.deepEqual(helmTest, { code: 0, output: "" });

    const doctor = await runContainer(
      container({
        command: [...config.Entrypoint, "doctor"],
        env: { ...imageEnv(config), ...chartEnv(objects, containerOf(objects, "Pod", "doctor")) },
        mounts,
      }),
    );
    assert.equal(doctor.code, 0, doctor.output);
    assert.match(doctor.output, /Nothing is in the way\.$/m);

    pod.kill("SIGTERM");
    assert.equal(await pod.ended, 0, pod.output());
    const afterwards = await runContainer(container({ command: [...config.Entrypoint, ...testArguments(objects)] }));
    assert.equal(afterwards.code, 1);
  });
});

if (reason !== undefined) {
  console.log(`image-test: SKIPPED, ${reason}`);
  test("images can be built where they have to be", () => {
    assert.notEqual(process.env["CI"], "true", `CI needs this: ${reason}`);
  });
}

function imageEnv({ Env }: ImageConfig): Record<string, string> {
  return Object.fromEntries(Env.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
}

function chartEnv(
  objects: readonly Manifest[],
  container = containerOf(objects, "Deployment"),
): Record<string, string> {
  const fields: Readonly<Record<string, string>> = { "metadata.name": "pod-1", "metadata.namespace": "c1" };
  return kubeletEnv(container, (path) => fields[path] ?? "");
}

/** What the pod of `helm test` is started with, where its Service has this machine's address. */
function testArguments(objects: readonly Manifest[]): string[] {
  const args = containerOf(objects, "Pod", "health-check")["args"];
  assert.ok(Array.isArray(args));
  return args.map((arg) => expand(String(arg), { TEST_TEAM_BATON_CURSOR_SERVICE_HOST: "127.0.0.1" }));
}

/** A directory as the kubelet makes it: files are links into a directory that another link names. */
function mountSecret(name: string, files: Readonly<Record<string, string>>): string {
  const folder = join(place, name);
  const data = join(folder, "..2026_01_01_00_00_00.1");
  mkdirSync(data, { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    writeFileSync(join(data, file), text);
    chmodSync(join(data, file), 0o440);
    chownSync(join(data, file), 0, 65532);
    symlinkSync(`..data/${file}`, join(folder, file));
  }
  symlinkSync("..2026_01_01_00_00_00.1", join(folder, "..data"));
  return folder;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Resolves when a URL answers 200; rejects with the output after 20 seconds. */
async function answers(url: string, output: () => string): Promise<void> {
  const giveUpAt = performance.now() + 20_000;
  while (performance.now() < giveUpAt) {
    const response = await fetch(url).catch(() => undefined);
    await response?.text();
    if (response?.status === 200) return;
    await sleep(50);
  }
  throw new Error(`${url} does not answer 200\n${output()}`);
}
