import assert from "node:assert/strict";
import { test } from "node:test";
import { makeLoad, mostWithin, problemsOf } from "../helpers/account-load.ts";
import { startDaemon } from "../helpers/daemon.ts";
import { startThrottlingGateway } from "../helpers/throttling-gateway.ts";
import {
  accountEnv,
  createTask,
  creationArm,
  deleteTask,
  saysNothingWasThere,
  startAccountStage,
} from "./account-stage.ts";

const requestsPerMinute = 120;
/** How many times faster than real time the daemon's waits pass. */
const factor = 20;
/** A minute of the daemon's, less what a call may be late: it is counted when it sets out, and here when it arrives. */
const windowMs = 50_000 / factor;

test("20 creations and 20 deletions at once, a third of the calls refused: all done, none twice, within the budget", {
  timeout: 60_000,
}, async () => {
  const load = makeLoad(20);
  await using stage = await startAccountStage({ cursor: { members: load.members }, scim: { users: load.users } });
  const { c1, cursor, scim } = stage;
  await using gateway = await startThrottlingGateway(scim.endpoint, (refusal) => (refusal % 4 === 0 ? 1 : 0));
  const creations = load.newcomers.map((email) => c1.enqueue(createTask(email)));
  const deletions = load.leavers.map(({ id }) => c1.enqueue(deleteTask(id)));
  await using daemon = await startDaemon({
    c1,
    cursor,
    factor,
    env: {
      ...accountEnv(stage, gateway.endpoint),
      BATON_SCIM_REQUESTS_PER_MINUTE: String(requestsPerMinute),
      BATON_TASK_CONCURRENCY: "20",
      BATON_GET_TASKS: "true",
    },
  });
  for (const id of creations) {
    const finish = await c1.awaitFinish(id, 40_000);
    assert.equal(finish.ok && creationArm(finish), "inProgress", finish.message);
  }
  for (const id of deletions) {
    const finish = await c1.awaitFinish(id, 40_000);
    assert.deepEqual([finish.ok, finish.ok && saysNothingWasThere(finish)], [true, false], finish.message);
  }
  assert.deepEqual(problemsOf(scim, load), []);
  assert.ok(c1.inFlight.max > 10, `only ${c1.inFlight.max} tasks at once`);

  const refused = gateway.calls.filter(({ status }) => status === 429).length;
  assert.ok(Math.abs(refused - gateway.calls.length / 3) < 5, `${refused} of ${gateway.calls.length} calls refused`);
  const most = mostWithin(
    gateway.calls.map(({ atMs }) => atMs),
    windowMs,
  );
  assert.ok(most <= requestsPerMinute, `${most} calls within a minute`);
  // Otherwise the budget was never used up and nothing was shown.
  assert.ok(most > requestsPerMinute / 2, `only ${most} calls within a minute`);
  assert.doesNotMatch(daemon.logLines.join("\n"), /"level":"error"/);
});
