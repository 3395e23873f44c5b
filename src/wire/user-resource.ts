import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { Profile, UserResource } from "../baton/resource.ts";
import { type ResourceSchema, Status_ResourceStatus } from "./gen/c1/connector/v2/resource_pb.ts";
import { UserTrait_AccountType, UserTrait_Status_Status, UserTraitSchema } from "./gen/c1/connector/v2/trait_pb.ts";
import { clip } from "./text.ts";

/** C1 accepts names and status details of so many bytes. */
const maxNameBytes = 1024;

/** A user as a sync file holds it, byte for byte: C1 must recognise the account that an answer names. */
export function encodeUserResource(user: UserResource): MessageInitShape<typeof ResourceSchema> {
  const profile = encodeProfile(user.profile);
  const details = clip(user.statusDetails, maxNameBytes).toWellFormed();
  const enabled = user.status === "enabled";
  const email = user.email ?? "";
  const trait = create(UserTraitSchema, {
    emails: email === "" ? [] : [{ address: email.toWellFormed(), isPrimary: true }],
    status: { status: enabled ? UserTrait_Status_Status.ENABLED : UserTrait_Status_Status.DISABLED, details },
    profile,
    accountType: UserTrait_AccountType.HUMAN,
    login: user.login.toWellFormed(),
  });
  return {
    id: { resourceType: user.id.resourceType.toWellFormed(), resource: user.id.resource.toWellFormed() },
    displayName: clip(user.displayName, maxNameBytes).toWellFormed(),
    annotations: [anyPack(UserTraitSchema, trait)],
    profile,
    status: { status: enabled ? Status_ResourceStatus.ENABLED : Status_ResourceStatus.DISABLED, details },
  };
}

/** Keys sorted, as in the file. */
function encodeProfile(profile: Profile): Record<string, string | boolean> {
  const entries = Object.entries(profile).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(
    entries.map(([key, value]) => [key.toWellFormed(), typeof value === "string" ? value.toWellFormed() : value]),
  );
}
