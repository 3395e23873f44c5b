import { createRegistry } from "@bufbuild/protobuf";
import { file_c1_connector_v2_account } from "../../../src/wire/gen/c1/connector/v2/account_pb.ts";
import { file_c1_connector_v2_action } from "../../../src/wire/gen/c1/connector/v2/action_pb.ts";
import { file_c1_connector_v2_annotation } from "../../../src/wire/gen/c1/connector/v2/annotation_pb.ts";
import { file_c1_connector_v2_connector } from "../../../src/wire/gen/c1/connector/v2/connector_pb.ts";
import { file_c1_connector_v2_resource } from "../../../src/wire/gen/c1/connector/v2/resource_pb.ts";
import { file_c1_connector_v2_trait } from "../../../src/wire/gen/c1/connector/v2/trait_pb.ts";
import {
  BatonServiceFinishTaskRequestSchema,
  BatonServiceFinishTaskResponseSchema,
  BatonServiceGetTaskRequestSchema,
  BatonServiceGetTaskResponseSchema,
  BatonServiceGetTasksRequestSchema,
  BatonServiceGetTasksResponseSchema,
  BatonServiceHeartbeatRequestSchema,
  BatonServiceHeartbeatResponseSchema,
  BatonServiceHelloRequestSchema,
  BatonServiceHelloResponseSchema,
  BatonServiceUploadAssetRequestSchema,
  BatonServiceUploadAssetResponseSchema,
  file_c1_connectorapi_baton_v1_baton,
} from "../../../src/wire/gen/c1/connectorapi/baton/v1/baton_pb.ts";

/** The two messages of each RPC. */
export const schemas = {
  Hello: { request: BatonServiceHelloRequestSchema, response: BatonServiceHelloResponseSchema },
  GetTask: { request: BatonServiceGetTaskRequestSchema, response: BatonServiceGetTaskResponseSchema },
  GetTasks: { request: BatonServiceGetTasksRequestSchema, response: BatonServiceGetTasksResponseSchema },
  Heartbeat: { request: BatonServiceHeartbeatRequestSchema, response: BatonServiceHeartbeatResponseSchema },
  UploadAsset: { request: BatonServiceUploadAssetRequestSchema, response: BatonServiceUploadAssetResponseSchema },
  FinishTask: { request: BatonServiceFinishTaskRequestSchema, response: BatonServiceFinishTaskResponseSchema },
} as const;

/** Every message that may travel inside an Any. */
export const registry = createRegistry(
  file_c1_connectorapi_baton_v1_baton,
  file_c1_connector_v2_account,
  file_c1_connector_v2_action,
  file_c1_connector_v2_annotation,
  file_c1_connector_v2_connector,
  file_c1_connector_v2_resource,
  file_c1_connector_v2_trait,
);
