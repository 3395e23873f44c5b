import { once } from "node:events";
import { createServer } from "node:net";
import { spawnConnector } from "../../helpers/daemon.ts";
import { processEnv } from "../../integration/scene.ts";
import { programPath } from "../../interop/tools.ts";
import type { ProcessUnderTest, ProgramUnderTest } from "../program.ts";

/**
 * The connector on the official SDK (`test/interop/cmd/sdk-connector`), which has to be built. It writes the older file format,
 * the one that the stand-in of C1 looks into. What only ours understands of `env` has no effect on it.
 */
export const goSdk: ProgramUnderTest = {
  name: "go-sdk",
  // Its messages are chains of errors, some of several lines.
  c1: { statusMessages: "any" },
  // Its longest pause while it has a task: the time limit of FinishTask is 30 s.
  silenceMs: 60_000,
  async start(stage, env = {}): Promise<ProcessUnderTest> {
    const port = await freePort();
    const process = await spawnConnector(
      [],
      {
        ...processEnv(stage, env),
        BATON_LOG_LEVEL: "info",
        BATON_STORAGE_ENGINE: "sqlite",
        BATON_HEALTH_CHECK: "true",
        BATON_HEALTH_CHECK_PORT: String(port),
      },
      { program: programPath("sdk-connector"), shows: "anything" },
    );
    return {
      ...process,
      log: () => process.stdout() + process.stderr(),
      live: () => statusOf(`http://127.0.0.1:${port}/live`),
    };
  },
};

/** The SDK takes no port 0. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function statusOf(url: string): Promise<number> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(5_000) })).status;
  } catch {
    return 0;
  }
}
