import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { attachStrace } from "../../../helpers/strace.ts";
import { type MachineFault, machineFault } from "../fault.ts";
import { playAt } from "../moment.ts";
import { runTool } from "../tool.ts";

const phases = ["polling", "collecting", "uploading"] as const;

/** How many descriptors are left to a process that has as many as it has at that moment. With more it wants for nothing. */
const spare = [
  { phase: "polling", counts: [0, 1, 2] },
  { phase: "collecting", counts: [0] },
] as const;

/** Long enough for more than one attempt to connect. */
const cutOffMs = 2_000;

/** Calls that make descriptors. */
const descriptorCalls = ["openat", "socket", "accept4", "dup", "dup3", "pipe2", "eventfd2", "epoll_create1"];

/** Lowers the soft limit of a running process (prlimit(1)); the hard one stays, so that it can be raised again. */
function limitDescriptors(pid: number, count: number): void {
  runTool("prlimit", `--pid=${pid}`, `--nofile=${count}:`);
}

function softLimit(pid: number): number {
  return Number(/^Max open files +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.[1]);
}

/** What is limited is the numbers: the limit below which `free` numbers are not taken. */
function limitLeaving(pid: number, free: number): number {
  const taken = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let limit = 0;
  for (let left = free; left > 0 || taken.has(limit); limit += 1) if (!taken.has(limit)) left -= 1;
  return limit;
}

/** Counts the calls that the kernel refuses for want of a descriptor. */
async function watchRefusals(pid: number): Promise<() => Promise<number>> {
  const strace = await attachStrace(pid, { calls: descriptorCalls });
  return async () => (await strace.end()).filter(({ text }) => text.includes("= -1 EMFILE ")).length;
}

const call = "descriptors";
const setting = "plain";

const scarce = spare.flatMap(({ counts, phase }) =>
  counts.map((count) =>
    machineFault({
      call,
      phase,
      effect: `EMFILE-after-${count}`,
      setting,
      tidiedLater: true,
      async plant({ lane: { stage } }, { pid }) {
        const before = softLimit(pid);
        const refusals = await watchRefusals(pid);
        const ambush = await playAt(stage, phase, () => limitDescriptors(pid, limitLeaving(pid, count)));
        let refused = 0;
        return {
          seen: () => refused > 0,
          async end() {
            ambush[Symbol.dispose]();
            limitDescriptors(pid, before);
            refused = await refusals();
          },
        };
      },
    }),
  ),
);

/** Without a descriptor C1 cannot be reached again; the task comes after that. */
const cutOff = machineFault({
  call,
  phase: "polling",
  effect: "EMFILE-for-connections",
  setting,
  async plant({ lane: { stage } }, { pid }) {
    const before = softLimit(pid);
    const refusals = await watchRefusals(pid);
    // A descriptor of a connection that ends is free again.
    limitDescriptors(pid, 3);
    stage.c1.network.dropAll();
    await delay(cutOffMs);
    limitDescriptors(pid, before);
    const refused = await refusals();
    return { seen: () => refused > 0, end: async () => undefined };
  },
});

export const descriptorFaults: readonly MachineFault[] = [...scarce, cutOff];

/** Memory groups of the kernel (cgroup v1); what a process had before it was moved there does not count. */
const groups = "/sys/fs/cgroup/memory";
const mebibyte = 1024 ** 2;

/** Why the kernel cannot be made to kill for memory here; `undefined` when it can. */
export function memoryProblem(): string | undefined {
  if (!existsSync(join(groups, "memory.limit_in_bytes"))) return "no memory groups (cgroup v1) here";
  try {
    rmdirSync(mkdtempSync(join(groups, "probe-")));
    return undefined;
  } catch (reason) {
    return `memory groups cannot be made here: ${String(reason)}`;
  }
}

export const memoryFaults: readonly MachineFault[] = phases.flatMap((phase) =>
  [1, 3].map((mib) =>
    machineFault({
      call: "memory",
      phase,
      effect: `OOM-kill-after-${mib}-MiB`,
      setting: "kept-directory",
      lane: "large",
      kills: true,
      async plant({ lane: { stage } }, { pid }) {
        const group = mkdtempSync(join(groups, "baton-chaos-"));
        const confine = (): void => {
          writeFileSync(join(group, "memory.limit_in_bytes"), String(mib * mebibyte));
          writeFileSync(join(group, "cgroup.procs"), String(pid));
        };
        const ambush = await playAt(stage, phase, confine);
        let kills = 0;
        return {
          seen: () => kills > 0,
          async end() {
            ambush[Symbol.dispose]();
            kills = Number(/^oom_kill (\d+)/m.exec(readFileSync(join(group, "memory.oom_control"), "utf8"))?.[1]);
            // Whoever is still alive has to leave before the group can go.
            for (const left of readFileSync(join(group, "cgroup.procs"), "utf8").match(/\d+/g) ?? [])
              writeFileSync(join(groups, "cgroup.procs"), left);
            rmdirSync(group);
          },
        };
      },
    }),
  ),
);
