import { type CallPoint, callName, listCalls, tamperWith, tracedEnv } from "./calls.ts";
import { type Interrupt, inTime, spawnFirst } from "./interrupt.ts";
import { finishMs, nextFinish, openLodging } from "./scene.ts";
import type { SweepCase } from "./sweep.ts";
import type { SweepScenario, Told } from "./sweep-scenario.ts";

/** Lets syncs run undisturbed and makes a case of every call of a sync on its private directories that the scenario keeps. */
export async function callCases(scenario: SweepScenario): Promise<readonly SweepCase[]> {
  await using stage = await scenario.stage();
  await using lodging = await openLodging(scenario, stage, tracedEnv);
  const daemon = await spawnFirst({ scenario, stage, lodging });
  const { tempDir } = lodging;
  const points = await listCalls({ stage, tempDir, pid: daemon.pid }, () =>
    nextFinish(stage, stage.c1.enqueue(scenario.task), 0, daemon),
  );
  const packed = points.findIndex(({ call }) => call === "fsync");
  const uploading = points.findIndex(({ call, file }) => call === "unlink" && file === "sync.db") + 1;
  if (packed < 0 || uploading === 0) throw new Error("a sync that does not flush its file and remove its database");
  const { keepsCall = () => false } = scenario;
  return points.flatMap((point, at) => {
    if (!keepsCall(point)) return [];
    // Between the last look at the stop and the beginning of the upload both are right.
    const mayTell: readonly Told[] =
      at >= uploading ? ["done"] : at >= packed ? ["given back", "done"] : ["given back"];
    return [{ name: callName(point), interrupt: atCall(point), mayTell, reports: [0], env: tracedEnv }];
  });
}

/** Interrupts when the call is entered. */
function atCall(point: CallPoint): Interrupt {
  return async (plan) => {
    const { scenario, stage, lodging, signal } = plan;
    const first = await spawnFirst(plan);
    const { attached, ready } = tamperWith({ stage, tempDir: lodging.tempDir, pid: first.pid }, point, { signal });
    await ready;
    const taskId = stage.c1.enqueue(scenario.task);
    await using _strace = await inTime(attached, first, "nothing to attach to");
    const end = await inTime(first.ended, first, `the call did not come within ${finishMs} ms`);
    return { taskId, end };
  };
}
