import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { LoopResult } from "./loop.ts";
import { createSlot, type Slot } from "./slot.ts";
import type { FuzzTarget } from "./target.ts";

export interface RunOptions {
  /** Module that exports the target among its `targets`. */
  readonly module: URL;
  readonly corpus: readonly Uint8Array[];
  readonly budgetMs: number;
  readonly seed: number;
  /** Milliseconds that one input may take; far above its processor time, because the machine may be busy. */
  readonly hangMs: number;
  /** Heap of the worker, in MiB. */
  readonly heapMb: number;
}

/** What the worker is told. */
export interface WorkerOrder extends Pick<RunOptions, "corpus" | "budgetMs" | "seed"> {
  readonly module: string;
  readonly target: string;
  readonly memory: SharedArrayBuffer;
}

/**
 * Feeds a target in a worker. A worker that hangs, runs out of memory or ends by an exception that nobody caught is a finding
 * like any other, with the input that it had.
 */
export async function runTarget(
  target: Pick<FuzzTarget, "name" | "maxBytes">,
  options: RunOptions,
): Promise<LoopResult> {
  const slot = createSlot(target.maxBytes);
  const { budgetMs, corpus, module, seed } = options;
  const order: WorkerOrder = { module: module.href, target: target.name, memory: slot.memory, corpus, budgetMs, seed };
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    workerData: order,
    resourceLimits: { maxOldGenerationSizeMb: options.heapMb },
  });
  const watch = watchSlot(slot, options.hangMs);
  try {
    return await Promise.race([answerOf(worker), watch.hung]);
  } catch (reason) {
    const message = reason instanceof Error ? `${reason.name}: ${reason.message}` : `threw ${String(reason)}`;
    return { ...nothing, runs: slot.count(), finding: { message, input: slot.current() } };
  } finally {
    watch.stop();
    await worker.terminate();
  }
}

const nothing: LoopResult = { runs: 0, accepted: 0, refused: 0, kept: [], newInputs: 0, reached: 0 };

/** `once` rejects with what the worker died of. */
async function answerOf(worker: Worker): Promise<LoopResult> {
  const [result]: LoopResult[] = await once(worker, "message");
  if (result === undefined) throw new Error("the worker said nothing");
  return result;
}

/** `hung` rejects when the same input stays for `hangMs`. */
function watchSlot(slot: Slot, hangMs: number): { readonly hung: Promise<never>; stop(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  let last = -1;
  let sinceMs = performance.now();
  const timer = setInterval(() => {
    const count = slot.count();
    if (count !== last) {
      last = count;
      sinceMs = performance.now();
    } else if (count > 0 && performance.now() - sinceMs > hangMs) {
      reject(new Error(`one input took longer than ${hangMs} ms`));
    }
  }, 50);
  promise.catch(() => undefined);
  return { hung: promise, stop: () => clearInterval(timer) };
}
