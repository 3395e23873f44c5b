import type { Connector } from "../baton/connector.ts";
import type { Logger } from "../baton/logger.ts";
import { StatusError } from "../baton/status-error.ts";

/** Whether Cursor accepts the key, as far as is known. */
export interface KeyCheck {
  /** Why it does not, in words; `undefined` while nothing speaks against it. */
  problem(): string | undefined;
  /** Asks once. Failures other than 401 and 403 are left to the syncs. Never rejects. */
  prove(signal: AbortSignal): Promise<void>;
  /** A sync went through with the key. */
  accepted(): void;
}

/** A check that has asked nothing yet. */
export function createKeyCheck(connector: Pick<Connector, "validate">, log: Logger): KeyCheck {
  let problem: string | undefined;
  return {
    problem: () => problem,
    async prove(signal) {
      try {
        await connector.validate(signal);
      } catch (reason) {
        const { code, message } = StatusError.from(reason);
        if (code !== "unauthenticated" && code !== "permission_denied") return;
        problem = message;
        log.error("the connector is not ready: Cursor does not accept the key", { code, error: message });
      }
    },
    accepted() {
      problem = undefined;
    },
  };
}
