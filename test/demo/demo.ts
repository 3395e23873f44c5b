/** The story of one connector, told while it happens: `make demo`. */
import { createHash } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type C1Server, startC1Server, type UploadRecord } from "../fakes/c1-server.ts";
import { startCursorServer } from "../fakes/cursor-server.ts";
import { linkDirectory } from "../fakes/directory-link.ts";
import { startScimServer } from "../fakes/scim-server.ts";
import { type DaemonProcess, spawnConnector } from "../helpers/daemon.ts";
import { tellCreation, tellDeletion } from "./accounts.ts";
import { demoDirectory, demoTeam } from "./team.ts";

const once = process.argv.includes("--once");
const root = new URL("../../", import.meta.url).pathname;
const file = join(root, "demo.c1z");
const nextSyncMs = 60_000;

const say = (text = ""): void => void process.stdout.write(`${text}\n`);
const step = (title: string): void => say(`\n== ${title}`);

/** The port of the health listener, from the daemon's own first log line. */
async function healthPort(daemon: DaemonProcess): Promise<number> {
  for (const giveUpAt = performance.now() + 15_000; performance.now() < giveUpAt; await delay(20)) {
    const line = daemon
      .stderr()
      .split("\n")
      .find((text) => text.includes('"health_port"'));
    if (line !== undefined) return JSON.parse(line).health_port;
  }
  throw new Error(`the connector did not start:\n${daemon.stderr()}`);
}

function sha256(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function tellUpload(upload: UploadRecord): void {
  const { contents } = upload;
  if (!upload.ok || contents === undefined || upload.path === undefined) throw new Error("C1 did not take the upload");
  copyFileSync(upload.path, file);
  say(`C1 received ${upload.bytes} bytes in ${upload.chunkSizes.length} chunk(s) and looked inside:`);
  say(`   ${contents.users} accounts, ${contents.usersDisabled ?? 0} of them disabled (removed from the team)`);
  say(`   ${contents.roles} roles, ${contents.entitlements} entitlements, ${contents.grants} grants`);
  say(`   problems found: ${contents.problems.length}`);
  const onDisk = sha256(file);
  if (onDisk !== upload.sha256hex) throw new Error("the file left behind differs from what C1 received");
  say(`The same bytes are in ${relative(process.cwd(), file)}:`);
  say(`   sha256 ${onDisk}`);
}

async function syncOnce(c1: C1Server): Promise<UploadRecord> {
  const taskId = c1.enqueue({ taskType: { case: "syncFull", value: {} } });
  say(`C1 puts a full sync into the queue: task ${taskId}`);
  const finish = await c1.awaitFinish(taskId, 60_000);
  if (!finish.ok) throw new Error(`the sync failed: ${finish.message}`);
  return c1.awaitUpload(taskId);
}

async function tellHealth(port: number): Promise<void> {
  for (const path of ["live", "ready", "health"]) {
    const answer = await fetch(`http://127.0.0.1:${port}/${path}`);
    say(`   /${path.padEnd(7)} ${answer.status}  ${JSON.parse(await answer.text()).status}`);
  }
}

/** Waits for Ctrl-C; C1 asks for another sync now and then, as the real one does. */
async function serve(c1: C1Server, interrupted: AbortSignal): Promise<void> {
  while (!interrupted.aborted) {
    await delay(nextSyncMs, undefined, { signal: interrupted }).catch(() => undefined);
    if (interrupted.aborted) return;
    const { contents } = await syncOnce(c1);
    say(`   done: ${contents?.users} accounts, ${contents?.grants} grants`);
  }
}

async function main(): Promise<void> {
  const interrupted = new AbortController();
  process.on("SIGINT", () => interrupted.abort());
  process.on("SIGTERM", () => interrupted.abort());
  const uploadDirectory = mkdtempSync(join(tmpdir(), "baton-demo-"));
  try {
    step("1. Three stand-ins, on this machine only");
    await using cursor = await startCursorServer({ members: demoTeam });
    await using c1 = await startC1Server({ uploadDirectory, nextPollMs: 200 });
    say(`Cursor's Admin API: ${cursor.url} (a team of ${demoTeam.length} people)`);
    await using scim = await startScimServer({ users: demoDirectory });
    using _link = linkDirectory(cursor, scim);
    say(`SCIM directory:     ${scim.url} (${demoDirectory.length} of them; Cursor follows it)`);
    say(`ConductorOne:       https://${c1.apiHost} (tokens and gRPC over TLS)`);

    step("2. The connector starts and says Hello");
    await using daemon = await spawnConnector([], {
      BATON_CLIENT_ID: c1.clientId,
      BATON_CLIENT_SECRET: c1.clientSecret,
      BATON_C1_API_HOST: c1.apiHost,
      SSL_CERT_FILE: c1.caFile,
      BATON_CURSOR_API_KEY: cursor.apiKey,
      BATON_CURSOR_BASE_URL: cursor.url,
      BATON_PROVISIONING: "true",
      BATON_CURSOR_SCIM_ENDPOINT: scim.endpoint,
      BATON_CURSOR_SCIM_TOKEN: scim.token,
      BATON_HEALTH_CHECK_PORT: "0",
      BATON_LOG_FORMAT: "json",
    });
    const port = await healthPort(daemon);
    const hello = await c1.awaitHello("", 15_000);
    say("It signed a statement with its client secret, got a token, and introduced");
    say(`itself as "${hello.request?.connectorMetadata?.displayName}", host ${hello.request?.hostId}.`);

    step("3. C1 asks for a full sync");
    const upload = await syncOnce(c1);
    say("The connector read the team once, wrote a sync file, streamed it to C1");
    say("and reported the task as done.");

    step("4. What C1 knows now");
    tellUpload(upload);

    const scene = { c1, cursor, scim, say };
    step("5. C1 asks for an account");
    await tellCreation(scene);

    step("6. C1 asks for an account to be deleted");
    await tellDeletion(scene);

    step("7. How it is doing");
    await tellHealth(port);
    say(`   metrics: http://127.0.0.1:${port}/metrics`);

    step("What to try next");
    say("A sync of your own team into a local file, without C1:");
    say("   BATON_CURSOR_API_KEY=... dist/baton-cursor -f sync.c1z");
    say("As a service for your C1 tenant (C1: add a Baton connector, Rotate):");
    say("   BATON_CLIENT_ID=... BATON_CLIENT_SECRET=... \\");
    say("     BATON_CURSOR_API_KEY=... dist/baton-cursor");
    say("Every option, and what it would use right now:");
    say("   dist/baton-cursor --help;  dist/baton-cursor --check-config");
    if (!once) {
      say("\nIt keeps working: C1 asks for a sync every minute. Ctrl-C ends it.");
      await serve(c1, interrupted.signal);
    }

    daemon.kill("SIGTERM");
    const { code, stderr } = await daemon.ended;
    say(`\nThe connector was asked to stop and ended with exit code ${code}.`);
    if (code !== 0) throw new Error(stderr);
  } finally {
    rmSync(uploadDirectory, { recursive: true, force: true });
  }
}

await main();
