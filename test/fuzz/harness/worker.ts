// Runs one target in a thread of its own, so that the main thread can end it whatever it does.
import { parentPort, workerData } from "node:worker_threads";
import { fuzzLoop } from "./loop.ts";
import type { WorkerOrder } from "./run-target.ts";
import { createSlot } from "./slot.ts";
import { findTarget } from "./targets.ts";
import { readWords } from "./words.ts";

const { budgetMs, corpus, memory, module, seed, target: name }: WorkerOrder = workerData;
const target = await findTarget(module, name);
const slot = createSlot(target.maxBytes, memory);
parentPort?.postMessage(await fuzzLoop({ target, corpus, words: readWords(target.covers), budgetMs, seed, slot }));
