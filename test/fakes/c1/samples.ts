import { createHash } from "node:crypto";
import { create, type DescMessage, type Message, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Capability } from "../../../src/wire/gen/c1/connector/v2/connector_pb.ts";
import { ResourceType_Trait } from "../../../src/wire/gen/c1/connector/v2/resource_pb.ts";
import type {
  BatonServiceFinishTaskRequestSchema,
  BatonServiceHelloRequestSchema,
  BatonServiceUploadAssetRequestSchema,
} from "../../../src/wire/gen/c1/connectorapi/baton/v1/baton_pb.ts";
import { schemas } from "./wire.ts";

/** The host id of every sample. */
export const host = "host-a";

/** The plain object that makes a message, without the message itself. */
type Init<D extends DescMessage> = Exclude<MessageInitShape<D>, Message>;
type HelloInit = Init<typeof BatonServiceHelloRequestSchema>;
type FinishInit = Init<typeof BatonServiceFinishTaskRequestSchema>;
type UploadInit = Init<typeof BatonServiceUploadAssetRequestSchema>;

/** A right Hello as a message. */
export function helloMessage(changes: HelloInit = {}) {
  return create(schemas.Hello.request, {
    hostId: host,
    buildInfo: { langVersion: "24", package: "p", packageVersion: "1" },
    osInfo: {
      hostname: "h",
      os: "linux",
      platform: "debian",
      platformVersion: "12",
      platformFamily: "debian",
      kernelVersion: "6",
      kernelArch: "x86_64",
      virtualizationSystem: "none",
    },
    connectorMetadata: {
      displayName: "Cursor",
      helpUrl: "https://example.com/help",
      capabilities: {
        resourceTypeCapabilities: [
          {
            resourceType: { id: "role", displayName: "Role", traits: [ResourceType_Trait.ROLE] },
            capabilities: [Capability.SYNC],
            permissions: {},
          },
          {
            resourceType: { id: "user", displayName: "User", traits: [ResourceType_Trait.USER] },
            capabilities: [Capability.SYNC],
            permissions: {},
          },
        ],
        connectorCapabilities: [Capability.SYNC],
        credentialDetails: {},
      },
    },
    ...changes,
  });
}

/** A right Hello. */
export function hello(changes: HelloInit = {}): Uint8Array {
  return toBinary(schemas.Hello.request, helloMessage(changes));
}

export function getTask(hostId = host): Uint8Array {
  return toBinary(schemas.GetTask.request, create(schemas.GetTask.request, { hostId }));
}

export function heartbeat(taskId: string, hostId = host): Uint8Array {
  return toBinary(schemas.Heartbeat.request, create(schemas.Heartbeat.request, { hostId, taskId }));
}

/** A FinishTask with this end. */
export function finish(taskId: string, changes: FinishInit): Uint8Array {
  return toBinary(schemas.FinishTask.request, create(schemas.FinishTask.request, { hostId: host, taskId, ...changes }));
}

/** A FinishTask with an error that is not final. */
export function finishError(taskId: string, nonRetryable = false): Uint8Array {
  return finish(taskId, {
    status: { code: 14, message: "later" },
    finalState: { case: "error", value: { nonRetryable } },
  });
}

export function uploadMessage(msg: UploadInit["msg"]): Uint8Array {
  return toBinary(schemas.UploadAsset.request, create(schemas.UploadAsset.request, msg === undefined ? {} : { msg }));
}

export const metadata = (taskId: string): Uint8Array =>
  uploadMessage({ case: "metadata", value: { hostId: host, taskId } });
export const data = (bytes: Uint8Array): Uint8Array => uploadMessage({ case: "data", value: { data: bytes } });
export const eof = (sha256Checksum: Uint8Array): Uint8Array =>
  uploadMessage({ case: "eof", value: { sha256Checksum } });

/** The whole right stream for a file. */
export function uploadStream(taskId: string, file: Buffer, chunkBytes = 512 * 1024): Uint8Array[] {
  const chunks = Array.from({ length: Math.ceil(file.length / chunkBytes) }, (_, at) =>
    data(file.subarray(at * chunkBytes, (at + 1) * chunkBytes)),
  );
  return [metadata(taskId), ...chunks, eof(createHash("sha256").update(file).digest())];
}
