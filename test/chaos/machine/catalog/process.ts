import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type MachineFault, machineFault } from "../fault.ts";
import { moments, when } from "../moment.ts";
import { runTool } from "../tool.ts";

const phases = ["polling", "collecting", "uploading"] as const;

/** How many descriptors are left to a process that has as many as it has at that moment. */
const spare = [0, 1, 2, 3, 4, 6, 8];

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

export const descriptorFaults: readonly MachineFault[] = phases.flatMap((phase) =>
  spare.map((count) =>
    machineFault({
      call: "descriptors",
      phase,
      effect: `EMFILE-after-${count}`,
      setting: "plain",
      tidiedLater: true,
      async plant({ lane: { stage } }, { pid }) {
        const before = softLimit(pid);
        let limited = 0;
        const limit = (): void => {
          limitDescriptors(pid, limitLeaving(pid, count));
          limited = softLimit(pid);
        };
        if (phase === "polling") limit();
        const ambush = phase === "polling" ? undefined : when(stage, moments[phase], limit);
        return {
          seen: () => limited > 0 && limited < before,
          async end() {
            ambush?.[Symbol.dispose]();
            limitDescriptors(pid, before);
          },
        };
      },
    }),
  ),
);

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
      setting: "plain",
      lane: "large",
      kills: true,
      async plant({ lane: { stage } }, { pid }) {
        const group = mkdtempSync(join(groups, "baton-chaos-"));
        const confine = (): void => {
          writeFileSync(join(group, "memory.limit_in_bytes"), String(mib * mebibyte));
          writeFileSync(join(group, "cgroup.procs"), String(pid));
        };
        if (phase === "polling") confine();
        const ambush = phase === "polling" ? undefined : when(stage, moments[phase], confine);
        let kills = 0;
        return {
          seen: () => kills > 0,
          async end() {
            ambush?.[Symbol.dispose]();
            kills = Number(/^oom_kill (\d+)/m.exec(readFileSync(join(group, "memory.oom_control"), "utf8"))?.[1]);
            rmdirSync(group);
          },
        };
      },
    }),
  ),
);
