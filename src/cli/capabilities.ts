import { create, createRegistry, toJson } from "@bufbuild/protobuf";
import type { ConnectorMetadata } from "../baton/connector.ts";
import { SkipEntitlementsAndGrantsSchema } from "../wire/gen/c1/connector/v2/annotation_pb.ts";
import { ConnectorCapabilitiesSchema } from "../wire/gen/c1/connector/v2/connector_pb.ts";
import { encodeMetadata } from "../wire/metadata.ts";
import type { Output } from "./output.ts";

/**
 * Prints what the connector can do: `c1.connector.v2.ConnectorCapabilities` packed in an Any, as proto3 JSON, without a
 * newline at the end. It is the same message that C1 gets in Hello. Needs no configuration.
 */
export async function capabilitiesCommand(deps: {
  readonly out: Output;
  readonly metadata: ConnectorMetadata;
}): Promise<number> {
  const { capabilities } = encodeMetadata(deps.metadata);
  const registry = createRegistry(SkipEntitlementsAndGrantsSchema);
  const json = toJson(ConnectorCapabilitiesSchema, capabilities ?? create(ConnectorCapabilitiesSchema), { registry });
  // The type comes first, as Go prints an Any.
  const packed = { "@type": `type.googleapis.com/${ConnectorCapabilitiesSchema.typeName}`, ...Object(json) };
  deps.out.stdout(JSON.stringify(packed, undefined, 2));
  return 0;
}
