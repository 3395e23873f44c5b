import type { ProcessEnd } from "../helpers/daemon.ts";
import type { AccountStage } from "../integration/account-stage.ts";
import type { ProgramName } from "./injection.ts";

/** The stand-ins between which a program runs; each process under test has a stage of its own. */
export type ChaosStage = AccountStage;

/** A program that faults are played to. */
export interface ProgramUnderTest {
  readonly name: ProgramName;
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
