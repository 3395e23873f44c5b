import type { Connector, ConnectorMetadata, Snapshot } from "../../src/baton/connector.ts";
import {
  type Entitlement,
  entitlementId,
  type Grant,
  grantId,
  type ResourceType,
  type RoleResource,
  type UserResource,
} from "../../src/baton/resource.ts";
import { throwIfAborted } from "../../src/baton/status-error.ts";

export const userType: ResourceType = {
  id: "user",
  displayName: "User",
  trait: "user",
  skipEntitlementsAndGrants: true,
};
export const roleType: ResourceType = {
  id: "role",
  displayName: "Role",
  trait: "role",
  skipEntitlementsAndGrants: false,
};

export const metadata: ConnectorMetadata = {
  displayName: "Test",
  description: "A connector from plain numbers",
  helpUrl: "https://example.com/help",
  resourceTypes: [
    { type: roleType, capabilities: ["sync"] },
    { type: userType, capabilities: ["sync"] },
  ],
  accountFields: [],
};

/** A team of `users` people, every tenth of them disabled, who share two roles; one grant per enabled user. */
export function createSnapshot(users: number): Snapshot {
  const roles = ["member", "owner"].map(toRole);
  const entitlements = roles.map(toEntitlement);
  const people = Array.from({ length: users }, (_, n) => toUser(n));
  return {
    resources: (type) => (type === "user" ? people : roles),
    entitlements: () => entitlements,
    grants: () =>
      people
        .filter(({ status }) => status === "enabled")
        .map((user, n) => toGrant(entitlements[n % 2] ?? toEntitlement(toRole("member")), user)),
  };
}

export interface FakeConnector extends Connector {
  readonly reads: number;
  readonly validations: number;
  readonly acceptedSnapshots: readonly Snapshot[];
}

/** Gives `snapshot`, or whatever `read` does instead. */
export function createConnector(snapshot: Snapshot, read = async (_signal: AbortSignal) => snapshot): FakeConnector {
  const acceptedSnapshots: Snapshot[] = [];
  let reads = 0;
  let validations = 0;
  return {
    metadata,
    acceptedSnapshots,
    get reads() {
      return reads;
    },
    get validations() {
      return validations;
    },
    async validate() {
      validations += 1;
    },
    async readSnapshot(signal) {
      reads += 1;
      throwIfAborted(signal);
      return await read(signal);
    },
    accepted: (given) => void acceptedSnapshots.push(given),
  };
}

function toUser(n: number): UserResource {
  return {
    kind: "user",
    id: { resourceType: "user", resource: `user_${String(n).padStart(8, "0")}` },
    displayName: `User ${n}`,
    email: `user${n}@example.com`,
    login: `user${n}@example.com`,
    status: n % 10 === 9 ? "disabled" : "enabled",
    statusDetails: "",
    profile: {},
  };
}

function toRole(id: string): RoleResource {
  return { kind: "role", id: { resourceType: "role", resource: id }, displayName: id };
}

function toEntitlement(resource: RoleResource): Entitlement {
  return {
    id: entitlementId(resource.id, "assigned"),
    slug: "assigned",
    displayName: `${resource.displayName} Role Assigned`,
    description: `Assigned the ${resource.displayName} role`,
    resource,
    grantableTo: [userType],
    immutable: true,
  };
}

function toGrant(entitlement: Entitlement, user: UserResource): Grant {
  return { id: grantId(entitlement.id, user.id), entitlement, principal: user.id };
}
