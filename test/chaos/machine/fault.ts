import type { MountedSecret } from "../../helpers/mounted-secret.ts";
import type { CatalogEntry, Phase, TaskKind } from "../injection.ts";
import type { ProcessUnderTest } from "../program.ts";
import type { Lane } from "../run/lane.ts";
import type { WallClock } from "./clock.ts";
import type { SmallDisk } from "./disk.ts";

/** What surrounds a process besides its stand-ins. */
export type SettingName = "traced" | "small-disk" | "plain" | "kept-directory" | "movable-clock" | "secret";

/** A stage with its process, and the part of the machine that faults are played on. */
export interface Bench extends AsyncDisposable {
  readonly lane: Lane;
  /** Each is there in its setting alone. */
  readonly disk?: SmallDisk;
  readonly clock?: WallClock;
  readonly secret?: MountedSecret;
}

/** A fault of the machine that lies in wait or has happened. */
export interface Planted {
  /** Puts the machine in order again. */
  end(): Promise<void>;
  /** Asked after the end: whether it happened, as somebody other than the program says. */
  seen(): boolean;
  /** Asked after the end: what else is wrong. */
  problems?(): readonly string[];
}

/** A catalog entry of the machine and how it is played. */
export interface MachineFault extends CatalogEntry {
  readonly task: "sync" | "create" | "start";
  readonly setting: SettingName;
  readonly lane: "small" | "large";
  /** The process does not survive it; another one is started. */
  readonly kills?: true;
  /** Needs a process that has done nothing else: what it has logged before it does not log again. */
  readonly fresh?: true;
  /** What is left behind goes with the next sync. */
  readonly tidiedLater?: true;
  /** Complaints of the stand-ins that the fault explains. */
  readonly tolerates?: RegExp;
  /** Plays it now, or lays it in wait. Called before C1 has the task. */
  plant(bench: Bench, process: ProcessUnderTest): Promise<Planted>;
}

interface FaultParts {
  readonly call: string;
  readonly phase: Phase;
  readonly effect: string;
  readonly setting: SettingName;
  readonly lasting?: "once" | "always";
  readonly task?: MachineFault["task"];
  readonly lane?: MachineFault["lane"];
  readonly kills?: true;
  readonly fresh?: true;
  readonly tidiedLater?: true;
  readonly tolerates?: RegExp;
  readonly plant: MachineFault["plant"];
}

/** One entry; its id names what makes it different from all others. */
export function machineFault({ lasting = "once", task = "sync", lane = "small", ...parts }: FaultParts): MachineFault {
  const kind: TaskKind = task;
  const id = ["machine", parts.call.replaceAll(" ", "_"), kind, parts.phase, parts.effect];
  return {
    ...parts,
    id: [...id, ...(lasting === "once" ? [] : [lasting])].join(":"),
    target: "machine",
    task,
    lane,
    lasting,
    attempts: [1],
    underTest: ["baton-cursor"],
  };
}
