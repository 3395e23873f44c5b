import assert from "node:assert/strict";
import { constants } from "node:http2";
import { suite, test } from "node:test";
import { grpcCodes, startC1Server, type WireFault } from "../c1-server.ts";
import { createRawClient } from "./raw-client.ts";
import { hello } from "./samples.ts";

/** What grpc-js makes of each (PROTOCOL-HTTP2, and "HTTP to gRPC Status Code Mapping"). */
const faults: readonly (readonly [WireFault, number])[] = [
  [{ kind: "status", code: grpcCodes.DATA_LOSS }, grpcCodes.DATA_LOSS],
  [{ kind: "rst-stream", code: constants.NGHTTP2_INTERNAL_ERROR }, grpcCodes.INTERNAL],
  [{ kind: "http", status: 502, body: "no", contentType: "text/html" }, grpcCodes.UNAVAILABLE],
  [{ kind: "no-status" }, grpcCodes.INTERNAL],
  [{ kind: "no-message" }, grpcCodes.UNIMPLEMENTED],
  [{ kind: "cut-message" }, grpcCodes.UNIMPLEMENTED],
  [{ kind: "compressed" }, grpcCodes.INTERNAL],
];

suite("answers that no gRPC server gives", () => {
  for (const [wire, code] of faults) {
    for (const undone of [false, true]) {
      test(`${wire.kind} arrives as code ${code}, the work ${undone ? "not " : ""}done`, async () => {
        await using c1 = await startC1Server();
        using client = createRawClient(c1);
        await client.login();
        let greeted = false;
        c1.onEvent(({ type }) => {
          greeted ||= type === "hello";
        });
        const answer = { wire, ...(undone ? { undone } : {}) } as const;
        c1.script("Hello", [answer]);
        await assert.rejects(client.call("Hello", hello()), { code });
        const [call] = c1.calls("Hello");
        assert.equal(call?.scripted, answer);
        assert.equal(call?.code, undefined);
        assert.equal(greeted, !undone);
      });
    }
  }

  test("garbage arrives, and is no message", async () => {
    await using c1 = await startC1Server();
    using client = createRawClient(c1);
    await client.login();
    c1.script("Hello", [{ wire: { kind: "garbage" } }]);
    assert.deepEqual([...(await client.call("Hello", hello()))], [7, 255, 255]);
  });
});
