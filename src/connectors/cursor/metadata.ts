import type { ConnectorMetadata } from "../../baton/connector.ts";
import type { ResourceType } from "../../baton/resource.ts";

/** People of the team, removed ones included. What they may do stands on the roles. */
export const userType: ResourceType = {
  id: "user",
  displayName: "User",
  trait: "user",
  skipEntitlementsAndGrants: true,
};

/** Roles of the team. */
export const roleType: ResourceType = {
  id: "role",
  displayName: "Role",
  trait: "role",
  skipEntitlementsAndGrants: false,
};

/** What C1 and the `capabilities` command are told about this connector. Both types are read only: Cursor has no API for roles. */
export const cursorMetadata: ConnectorMetadata = {
  displayName: "Cursor",
  description: "Members and roles of a Cursor team",
  helpUrl: "https://www.c1.ai/docs/baton/cursor",
  resourceTypes: [
    { type: roleType, capabilities: ["sync"] },
    { type: userType, capabilities: ["sync"] },
  ],
  accountFields: [],
};
