import type { AccountField, ConnectorMetadata } from "../../baton/connector.ts";
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

/** The form for a new account; C1 sends what was filled in as the account's profile, under these keys. */
const accountFields: readonly AccountField[] = [
  {
    key: "email",
    displayName: "Email",
    description: "Address that the person signs in to Cursor with",
    placeholder: "ada@example.com",
    required: true,
  },
  {
    key: "first_name",
    displayName: "First name",
    description: "Given name of the person",
    placeholder: "Ada",
    required: false,
  },
  {
    key: "last_name",
    displayName: "Last name",
    description: "Family name of the person",
    placeholder: "Byron",
    required: false,
  },
];

/**
 * What C1 and the `capabilities` command are told about this connector. Roles are read only, since Cursor has no API for
 * them; accounts are created and deleted where a SCIM directory is configured, whatever the provisioning switch says.
 */
export function cursorMetadata(options: { readonly accounts: boolean }): ConnectorMetadata {
  const { accounts } = options;
  return {
    displayName: "Cursor",
    description: "Members and roles of a Cursor team",
    helpUrl: "https://www.c1.ai/docs/baton/cursor",
    resourceTypes: [
      { type: roleType, capabilities: ["sync"] },
      { type: userType, capabilities: accounts ? ["sync", "account_provisioning", "resource_delete"] : ["sync"] },
    ],
    accountFields: accounts ? accountFields : [],
  };
}
