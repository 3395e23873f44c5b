import type { C1Client } from "../baton/c1-client.ts";
import type { Random } from "../baton/clock.ts";
import type { TaskHandlers } from "../baton/task.ts";
import { createFullSync, type FullSyncDeps } from "./full-sync.ts";
import { createHello } from "./hello.ts";
import { createProvisioning, type ProvisioningDeps } from "./provisioning.ts";
import { createRefusals } from "./refusals.ts";

export interface TaskDeps extends FullSyncDeps, ProvisioningDeps {
  readonly c1: Pick<C1Client, "hello" | "uploadAsset">;
  readonly random: Random;
}

/** What to do for each task type. */
export function createTaskHandlers(deps: TaskDeps): TaskHandlers {
  return {
    ...createRefusals(deps),
    hello: createHello({ ...deps, metadata: deps.connector.metadata }),
    sync_full: createFullSync(deps),
    ...createProvisioning(deps),
  };
}
