import type { Connector } from "../baton/connector.ts";
import type { Slot } from "../credentials/slot.ts";
import { createCleaner, teeLogger } from "../observability/logger.ts";
import type { CredentialFacts } from "../status/credential-log.ts";
import { type StatusServer, startStatusServer } from "../status/server.ts";
import { StatusModel, type WorkerFacts } from "../status/status-model.ts";
import type { AppDeps } from "./deps.ts";
import type { Parts } from "./parts.ts";

/** Lets the status page, unless it is switched off, see what happens from now on. */
export function withStatus<Deps extends AppDeps>(deps: Deps): Deps {
  const { build, clock, config } = deps;
  if (!config.status) return deps;
  const about = { ...build, hostId: config.hostId, showsPeople: config.logPii };
  const status = new StatusModel({ clock, about, clean: createCleaner(deps.logger) });
  return { ...deps, status, log: teeLogger(deps.log, status.log) };
}

/** What the page asks for: the worker, `undefined` before it exists, and why the process is not ready. */
export interface StatusQuestions {
  worker(): WorkerFacts | undefined;
  problem(): string | undefined;
}

/** Opens the page. A port that is taken is logged as an error and costs nothing but the page. */
export async function openStatusPage(
  { clock, config, log, status }: AppDeps,
  { credentials }: Parts,
  questions: StatusQuestions,
): Promise<StatusServer | undefined> {
  if (status === undefined) return undefined;
  const { c1, cursor, scim } = credentials;
  status.attach({
    ...questions,
    c1Host: () => config.c1ApiHost ?? c1.active()?.tokenHost,
    credentials: () => [factsOf("c1", c1), factsOf("cursor_api", cursor), factsOf("cursor_scim", scim)],
  });
  try {
    return await startStatusServer({
      clock,
      model: status,
      host: config.statusBindAddress,
      port: config.statusPort,
    });
  } catch (reason) {
    log.error("there is no status page", { error: reason instanceof Error ? reason.message : String(reason) });
    return undefined;
  }
}

function factsOf(name: CredentialFacts["name"], slot: Slot<unknown>): CredentialFacts {
  return { name, inUse: slot.active() !== undefined, problem: slot.problem() ?? slot.rejection() };
}

/** The same connector, of whose snapshots the page sees how one differs from the next. */
export function watchedConnector(connector: Connector, status: StatusModel | undefined): Connector {
  if (status === undefined) return connector;
  return {
    ...connector,
    readSnapshot: async (signal) => status.watch(await connector.readSnapshot(signal)),
    accepted: (snapshot) => connector.accepted(status.accepted(snapshot)),
  };
}
