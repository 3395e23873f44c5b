import { ClientGone, type GrpcCall } from "./grpc.ts";
import type { State } from "./state.ts";
import type { Method } from "./types.ts";

/** A request to C1; of an upload stream, each message. */
export interface C1Request {
  readonly name: "token" | Exclude<Method, "UploadAsset"> | `UploadAsset ${"metadata" | "data" | "eof"}`;
}

/**
 * Awaited when a right request is there and nothing is done yet ("received"), and when everything is done but the answer
 * ("done"). "drop" resets the connection there. Messages in the middle of an upload have no answer of their own.
 */
export type C1Hook = (
  request: C1Request,
  phase: "received" | "done",
) => "drop" | undefined | Promise<"drop" | undefined>;

/** Asks the hook about a gRPC call; rejects with `ClientGone` when it drops the connection. */
export async function askHook(
  state: Pick<State, "hook" | "drop">,
  call: GrpcCall,
  name: C1Request["name"],
  phase: "received" | "done",
): Promise<void> {
  if ((await state.hook?.({ name }, phase)) !== "drop") return;
  state.drop(call.peerPort);
  throw new ClientGone("a hook broke the connection");
}
