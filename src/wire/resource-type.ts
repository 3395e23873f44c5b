import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { ResourceType, Trait } from "../baton/resource.ts";
import { SkipEntitlementsAndGrantsSchema } from "./gen/c1/connector/v2/annotation_pb.ts";
import {
  ResourceType_Trait,
  type ResourceType as ResourceTypeMessage,
  ResourceTypeSchema,
} from "./gen/c1/connector/v2/resource_pb.ts";

const traits: Readonly<Record<Trait, ResourceType_Trait>> = {
  user: ResourceType_Trait.USER,
  role: ResourceType_Trait.ROLE,
};

/** A resource type as C1 sees it everywhere: in Hello, in `capabilities` and in a sync file it is the same message. */
export function encodeResourceType(type: ResourceType): ResourceTypeMessage {
  return create(ResourceTypeSchema, {
    id: type.id,
    displayName: type.displayName,
    traits: [traits[type.trait]],
    annotations: type.skipEntitlementsAndGrants
      ? [anyPack(SkipEntitlementsAndGrantsSchema, create(SkipEntitlementsAndGrantsSchema))]
      : [],
  });
}
