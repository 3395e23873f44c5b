import { type GrpcAnswer, type GrpcCall, GrpcFailure, grpcCodes } from "./grpc.ts";
import type { State } from "./state.ts";
import { serveUnary, type UnaryMethod } from "./unary.ts";
import { serveUpload } from "./upload.ts";

const service = "/c1.connectorapi.baton.v1.BatonService/";
const unaryMethods: ReadonlySet<string> = new Set<UnaryMethod>([
  "Hello",
  "GetTask",
  "GetTasks",
  "Heartbeat",
  "FinishTask",
]);

/** Serves one call of C1's service. A method that no connector calls is a violation. */
export async function serveRpc(state: State, call: GrpcCall): Promise<GrpcAnswer> {
  const name = call.path.startsWith(service) ? call.path.slice(service.length) : "";
  if (name === "UploadAsset") return await serveUpload(state, call);
  if (isUnary(name)) return await serveUnary(state, name, call);
  state.recorder.violation("connection", call.path, "is called by no connector");
  throw new GrpcFailure(grpcCodes.UNIMPLEMENTED, `unknown method ${call.path}`);
}

function isUnary(name: string): name is UnaryMethod {
  return unaryMethods.has(name);
}
