import { randomBytes } from "node:crypto";
import type { RotationStage } from "../integration/rotation-scene.ts";
import type { Credential } from "./stand-ins.ts";

/** Whoever looks after the Secret. */
export interface CredentialDesk {
  /** Writes a new credential, while the one before is still good. */
  swap(credential: Credential): Promise<void>;
  /** Takes the one before away. */
  retire(credential: Credential): void;
}

/** A desk that starts with the credentials of the stage. */
export function createCredentialDesk(stage: RotationStage): CredentialDesk {
  const { c1, cursor, scim } = stage;
  const keys: Record<string, string> = { ...stage.keys };
  let lastClient = c1.clientId;
  const key = (name: string): string => keys[name] ?? "";
  const fresh = (prefix: string): string => prefix + randomBytes(32).toString("hex");
  return {
    async swap(credential) {
      lastClient = key("BATON_CLIENT_ID");
      if (credential === "c1") Object.assign(keys, stage.rotateC1());
      if (credential === "cursor") {
        const next = fresh("key_");
        cursor.setKeys(key("BATON_CURSOR_API_KEY"), next);
        keys["BATON_CURSOR_API_KEY"] = next;
      }
      if (credential === "scim") {
        const next = fresh("scim-token-");
        scim.setToken(key("BATON_CURSOR_SCIM_TOKEN"), next);
        keys["BATON_CURSOR_SCIM_TOKEN"] = next;
      }
      await stage.write(keys);
    },
    retire(credential) {
      if (credential === "c1") c1.revokeClient(lastClient, "at once");
      if (credential === "cursor") cursor.setKeys(key("BATON_CURSOR_API_KEY"));
      if (credential === "scim") scim.setToken(key("BATON_CURSOR_SCIM_TOKEN"));
    },
  };
}
