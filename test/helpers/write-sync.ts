// A program of its own for tests that need a process to kill, another time zone or a full disk. Arguments: the
// temporary directory, the number of members, and where to copy the finished file: a path, "" for nowhere, or "hold" to
// keep it where it is until somebody kills the process. Prints one line per step: "opened", "rows" again and again,
// "finishing", "finished"; or "failed" and the error as JSON.
import { copyFileSync, readdirSync } from "node:fs";
import { systemClock } from "../../src/baton/clock.ts";
import { StatusError } from "../../src/baton/status-error.ts";
import { createSyncWriter } from "../../src/c1z/writer.ts";
import { roleType, sampleMembers, toEntitlement, toGrant, toRole, toUser, userType } from "./sample-sync.ts";

const [tempDir = "", count = "0", copyTo = ""] = process.argv.slice(2);

/** Waits until the line is written, so that whoever kills us at a line meets us there. */
const say = (line: string) => new Promise((done) => process.stdout.write(`${line}\n`, done));

async function sync(): Promise<void> {
  await using writer = await createSyncWriter({ tempDir, clock: systemClock })("full");
  await say("opened");
  writer.putResourceType(roleType);
  writer.putResourceType(userType);
  const member = toEntitlement(toRole("member", "Member"));
  writer.putResource(member.resource);
  const people = sampleMembers(Number(count));
  for (const [n, person] of people.entries()) {
    writer.putResource(toUser(person));
    if (n % 500 === 499) await say("rows");
  }
  writer.putEntitlement(member);
  for (const [n, { id }] of people.entries()) {
    writer.putGrant(toGrant(member, id));
    if (n % 500 === 499) await say("rows");
  }
  await say("finishing");
  const file = await writer.finish(new AbortController().signal);
  await say("finished");
  if (copyTo === "hold") await new Promise(() => setInterval(() => {}, 1000));
  if (copyTo !== "") copyFileSync(file.path, copyTo);
}

try {
  await sync();
} catch (reason) {
  const { code, retryable, message } = StatusError.from(reason);
  await say(`failed ${JSON.stringify({ code, retryable, message, left: readdirSync(tempDir) })}`);
  process.exitCode = 1;
}
