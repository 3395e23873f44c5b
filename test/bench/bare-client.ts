import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  CreateAccountResponseSchema,
  DeleteResourceResponseSchema,
} from "../../src/wire/gen/c1/connector/v2/account_pb.ts";
import { createRawClient } from "../fakes/c1/raw-client.ts";
import { schemas } from "../fakes/c1/wire.ts";
import type { Addresses, AskedRequest, Kind } from "./account-stand-ins.ts";

const hostId = "bare";

/** The calls of a task and nothing else: no checks, no limits, no log. */
export interface BareClient extends Disposable {
  /** Fetches the task that C1 has, makes `requests` one after the other, and reports a success. */
  work(kind: Kind, requests: readonly AskedRequest[]): Promise<void>;
}

/** A client of the stand-ins that has its token and its connections. */
export async function createBareClient(addresses: Addresses): Promise<BareClient> {
  const { bare, cursor, scim } = addresses;
  const c1 = createRawClient(bare);
  await c1.login();
  await c1.callFor(schemas.GetTask.response, "GetTask", toBinary(schemas.GetTask.request, poll()));

  async function send({ body, method, path, query, to }: AskedRequest): Promise<void> {
    const base = to === "cursor" ? cursor.url : scim.endpoint;
    const search = new URLSearchParams(query).toString();
    const response = await fetch(`${base}${path}${search === "" ? "" : `?${search}`}`, {
      method,
      headers: {
        accept: "application/scim+json, application/json;q=0.9",
        authorization:
          to === "cursor" ? `Basic ${Buffer.from(`${cursor.apiKey}:`).toString("base64")}` : `Bearer ${scim.token}`,
        ...(body === undefined ? {} : { "content-type": "application/scim+json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    await response.arrayBuffer();
  }

  return {
    async work(kind, requests) {
      const { task } = await c1.callFor(schemas.GetTask.response, "GetTask", toBinary(schemas.GetTask.request, poll()));
      if (task === undefined) throw new Error("C1 has no task for the bare client");
      for (const request of requests) await send(request);
      await c1.call("FinishTask", toBinary(schemas.FinishTask.request, success(task.id, kind)));
    },
    [Symbol.dispose]: () => c1[Symbol.dispose](),
  };
}

const poll = () => create(schemas.GetTask.request, { hostId });

function success(taskId: string, kind: Kind) {
  const inProgress = { case: "inProgress", value: { isCreateAccountResult: true } } as const;
  const response =
    kind === "create"
      ? anyPack(CreateAccountResponseSchema, create(CreateAccountResponseSchema, { result: inProgress }))
      : anyPack(DeleteResourceResponseSchema, create(DeleteResourceResponseSchema));
  return create(schemas.FinishTask.request, { hostId, taskId, finalState: { case: "success", value: { response } } });
}
