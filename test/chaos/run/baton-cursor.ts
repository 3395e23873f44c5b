import { type DaemonProcess, spawnConnector } from "../../helpers/daemon.ts";
import { accountEnv } from "../../integration/account-stage.ts";
import { processEnv } from "../../integration/scene.ts";
import type { ChaosStage, ProcessUnderTest, ProgramUnderTest } from "../program.ts";

/** Shorter time limits than the usual ones, a small limit on answers, and nothing that one task remembers for the next. */
const settings = {
  BATON_HTTP_TIMEOUT_SECONDS: "20",
  BATON_CURSOR_MAX_BODY_MIB: "4",
  BATON_CURSOR_ROSTER_MAX_AGE: "0",
  BATON_MAX_DELETES_PER_HOUR: "10000",
};

/** `dist/baton-cursor`, which `make build` makes. */
export const batonCursor: ProgramUnderTest = {
  name: "baton-cursor",
  async start(stage, env = {}) {
    return watched(await spawnConnector([], processEnv(stage, environment(stage, env))));
  },
};

/** What it is configured with besides where C1 and Cursor are. */
export function environment(stage: ChaosStage, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { ...accountEnv(stage), ...settings, ...more };
}

/** The process, as faults are played to it. */
export function watched(process: DaemonProcess): ProcessUnderTest {
  const { pid, tempDir, ended } = process;
  return {
    pid,
    tempDir,
    ended,
    kill: process.kill,
    log: process.stderr,
    leftovers: process.leftovers,
    async live() {
      const port = /"health_port":(\d+)/.exec(process.stderr())?.[1];
      const answer = await fetch(`http://127.0.0.1:${port}/live`).catch(() => undefined);
      return answer?.status ?? 0;
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
