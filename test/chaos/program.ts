import type { C1Options } from "../fakes/c1-server.ts";
import type { ProcessEnd } from "../helpers/daemon.ts";
import type { AccountStage } from "../integration/account-stage.ts";
import type { ProgramName } from "./injection.ts";

/** The stand-ins between which a program runs; each process under test has a stage of its own. */
export type ChaosStage = AccountStage;

/** A program that faults are played to. */
export interface ProgramUnderTest {
  readonly name: ProgramName;
  /** What the stand-in of C1 takes from it that it does not take from ours. */
  readonly c1?: Pick<C1Options, "statusMessages">;
  /**
   * After so long without a word about a task it will not speak of it again, and after so long a fault that would last until the
   * task has ended is lifted. Absent for ours, whose documents say when it gives up.
   */
  readonly silenceMs?: number;
  /**
   * Starts it as a process that polls the stage's C1 and reads the stage's Cursor and directory. Does not wait for Hello: a
   * fault may be laid out for that. `env` adds to or replaces variables of its configuration.
   */
  start(stage: ChaosStage, env?: Readonly<Record<string, string>>): Promise<ProcessUnderTest>;
}

/** A running program. Disposing kills it and removes its files. */
export interface ProcessUnderTest extends AsyncDisposable {
  readonly pid: number;
  readonly tempDir: string;
  readonly ended: Promise<ProcessEnd>;
  kill(signal: NodeJS.Signals): void;
  /** Everything that it has logged. */
  log(): string;
  /** What lies in its temporary directory. */
  leftovers(): readonly string[];
  /** The HTTP status of its liveness probe; 0 when nobody answers. */
  live(): Promise<number>;
}
