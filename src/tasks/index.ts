import type { C1Client } from "../baton/c1-client.ts";
import type { Random } from "../baton/clock.ts";
import type { TaskHandlers } from "../baton/task.ts";
import { createFullSync, type FullSyncDeps } from "./full-sync.ts";
import { createHello } from "./hello.ts";
import { createRefusals } from "./refusals.ts";

export interface TaskDeps extends FullSyncDeps {
  readonly c1: Pick<C1Client, "hello" | "uploadAsset">;
  readonly random: Random;
  /** The operator's switch for changes upstream. It decides how they are refused, not what is advertised. */
  readonly provisioning: boolean;
}

/** What to do for each task type. */
export function createTaskHandlers(deps: TaskDeps): TaskHandlers {
  return {
    ...createRefusals(deps),
    hello: createHello({ ...deps, metadata: deps.connector.metadata }),
    sync_full: createFullSync(deps),
  };
}
