import type { Entitlement, Grant, Profile, Resource, ResourceType, UserResource } from "../baton/resource.ts";
import { clip } from "../wire/text.ts";
import { ByteWriter } from "./byte-writer.ts";
import { maxBytes } from "./limits.ts";

// Field numbers are those of c1.connector.v2 (resource.proto, entitlement.proto, grant.proto, the annotation_*.proto
// files) and of google.protobuf.Any and Struct. They stand here as numbers because protobuf-es costs more than the SQL
// insert of the same row; a test holds every byte against its encoding of the generated messages.

const traitNumbers = { user: 1, role: 3 } as const;
const statusNumbers = { enabled: 1, disabled: 2 } as const;
const accountTypeHuman = 1;
const purposeAssignment = 1;

const userTraitUrl = anyUrl("UserTrait");
const roleTraitUrl = anyUrl("RoleTrait");
const skipEntitlementsAndGrantsUrl = anyUrl("SkipEntitlementsAndGrants");
const entitlementImmutableUrl = anyUrl("EntitlementImmutable");

/** The `type_url` field of an Any, encoded. */
function anyUrl(message: string): Uint8Array {
  const writer = new ByteWriter();
  writer.text(1, `type.googleapis.com/c1.connector.v2.${message}`);
  return writer.copy();
}

/**
 * Encodes rows as the protobuf blobs of a sync file: fields in number order, map keys sorted, so that the same row
 * always gives the same bytes. Texts longer than C1 accepts are cut. Each method returns a view that is overwritten by
 * the next call.
 */
export interface RecordEncoder {
  resourceType(type: ResourceType): Uint8Array;
  resource(resource: Resource): Uint8Array;
  entitlement(entitlement: Entitlement): Uint8Array;
  /** Grants of one entitlement in a row are cheap: its bytes are encoded once and stay in the buffer. */
  grant(grant: Grant): Uint8Array;
}

/** One encoder per sync; its memory is a few buffers of the largest record. */
export function createRecordEncoder(): RecordEncoder {
  const row = new ByteWriter();
  const grantRow = new ByteWriter();
  const encodeProfile = createProfileEncoder();
  let grantedEntitlement: Entitlement | undefined;
  let grantPrefixBytes = 0;

  return {
    resourceType(type) {
      row.reset();
      writeResourceType(row, type);
      return row.view();
    },
    resource(resource) {
      row.reset();
      if (resource.kind === "user") writeUser(row, resource, encodeProfile(resource.profile));
      else writeRole(row, resource);
      return row.view();
    },
    entitlement(entitlement) {
      row.reset();
      writeEntitlement(row, entitlement);
      return row.view();
    },
    grant(grant) {
      if (grant.entitlement !== grantedEntitlement) {
        grantRow.reset();
        writeGrantedEntitlement(grantRow, grant.entitlement);
        grantedEntitlement = grant.entitlement;
        grantPrefixBytes = grantRow.length;
      }
      grantRow.reset(grantPrefixBytes);
      const principal = grantRow.begin(2);
      writeId(grantRow, grant.principal);
      grantRow.end(principal);
      grantRow.text(3, grant.id);
      return grantRow.view();
    },
  };
}

function writeResourceType(writer: ByteWriter, type: ResourceType): void {
  writer.text(1, type.id);
  writer.text(2, clip(type.displayName, maxBytes.displayName));
  // Repeated enums are packed: a length and one byte per number.
  const traits = writer.begin(3);
  writer.raw(Uint8Array.of(traitNumbers[type.trait]));
  writer.end(traits);
  if (type.skipEntitlementsAndGrants) writer.bytes(4, skipEntitlementsAndGrantsUrl);
}

function writeId(writer: ByteWriter, id: { readonly resourceType: string; readonly resource: string }): void {
  const message = writer.begin(1);
  writer.text(1, id.resourceType);
  writer.text(2, id.resource);
  writer.end(message);
}

function writeUser(writer: ByteWriter, user: UserResource, profile: Uint8Array): void {
  writeId(writer, user.id);
  writer.text(3, clip(user.displayName, maxBytes.displayName));
  const annotation = writer.begin(4);
  writer.raw(userTraitUrl);
  const trait = writer.begin(2);
  if (user.email !== undefined && user.email !== "") {
    const email = writer.begin(1);
    writer.text(1, user.email);
    writer.number(2, 1);
    writer.end(email);
  }
  writeStatus(writer, 2, user);
  writer.bytes(3, profile);
  writer.number(5, accountTypeHuman);
  writer.text(6, user.login);
  writer.end(trait);
  writer.end(annotation);
  // Profile and status moved from the trait to the resource; readers of either age find them only when both are
  // written.
  writer.bytes(9, profile);
  writeStatus(writer, 11, user);
}

/** UserTrait.Status and the Status of a resource have the same fields. */
function writeStatus(writer: ByteWriter, field: number, user: UserResource): void {
  const status = writer.begin(field);
  writer.number(1, statusNumbers[user.status]);
  writer.text(2, clip(user.statusDetails, maxBytes.statusDetails));
  writer.end(status);
}

function writeRole(writer: ByteWriter, role: Pick<Resource, "id" | "displayName">): void {
  writeId(writer, role.id);
  writer.text(3, clip(role.displayName, maxBytes.displayName));
  // The trait has no fields to fill, and an Any around an empty message has no value bytes.
  writer.bytes(4, roleTraitUrl);
}

function writeEntitlement(writer: ByteWriter, entitlement: Entitlement): void {
  const resource = writer.begin(1);
  writeRole(writer, entitlement.resource);
  writer.end(resource);
  writer.text(2, entitlement.id);
  writer.text(3, clip(entitlement.displayName, maxBytes.displayName));
  writer.text(4, clip(entitlement.description, maxBytes.description));
  for (const type of entitlement.grantableTo) {
    const grantable = writer.begin(5);
    writeResourceType(writer, type);
    writer.end(grantable);
  }
  if (entitlement.immutable) writer.bytes(6, entitlementImmutableUrl);
  writer.number(7, purposeAssignment);
  writer.text(8, entitlement.slug);
}

/** Inside a grant the entitlement is its resource and its id, as in the official SDK's grants. */
function writeGrantedEntitlement(writer: ByteWriter, entitlement: Entitlement): void {
  const granted = writer.begin(1);
  const resource = writer.begin(1);
  writeRole(writer, entitlement.resource);
  writer.end(resource);
  writer.text(2, entitlement.id);
  writer.end(granted);
}

/** Encodes profiles as google.protobuf.Struct, keys in UTF-16 order. */
function createProfileEncoder(): (profile: Profile) => Uint8Array {
  const writer = new ByteWriter();
  let keys: readonly string[] = [];
  let sortedKeys: readonly string[] = [];
  return (profile) => {
    const own = Object.keys(profile);
    // All profiles of a sync have the same few keys, so sorting once is nearly always enough.
    if (!sameTexts(own, keys)) {
      keys = own;
      sortedKeys = own.toSorted();
    }
    writer.reset();
    for (const key of sortedKeys) {
      const entry = writer.begin(1);
      writer.presentText(1, key);
      const value = writer.begin(2);
      const content = profile[key];
      if (typeof content === "string") writer.presentText(3, content);
      else writer.presentNumber(4, content === true ? 1 : 0);
      writer.end(value);
      writer.end(entry);
    }
    return writer.view();
  };
}

function sameTexts(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((text, at) => text === right[at]);
}
