import assert from "node:assert/strict";
import { cleanDetails, rpcError } from "../../../src/c1/rpc-error.ts";
import { createLeaseApi } from "../../../src/kubernetes/lease-api.ts";
import { mutateBytes, repeatPart } from "../harness/mutate-bytes.ts";
import { mutateJson } from "../harness/mutate-json.ts";
import { attemptAsync, checkMessage } from "../harness/oracle.ts";
import type { FuzzTarget } from "../harness/target.ts";

/** The first line is the status, the rest are the words of the server or of a proxy in between. */
const grpcTarget: FuzzTarget = {
  name: "grpc-error",
  covers: ["src/c1/rpc-error.ts", "src/wire/text.ts"],
  seeds: [
    "14\nNo connection established. Last error: self-signed certificate",
    "16\ntoken Bearer eyJhbGciOiJFZERTQSJ9.e30.c2ln was refused",
    "3\nno such person: ada@example.com <ada@example.com>",
    "1\nCall cancelled",
    "8\nBandwidth exhausted or memory limit exceeded",
    "2\nsecret-token:conductorone.com:v1:abc\r\nnext line\u2028and one more",
    "99\n",
    "0\nOK",
  ],
  mutators: [mutateBytes, mutateBytes, repeatPart],
  maxBytes: 20_000,
  cpuLimitMs: 500,
  run(input) {
    const [first = "", ...rest] = Buffer.from(input).toString("utf8").split("\n");
    const details = rest.join("\n");
    const error = rpcError("GetTask", "acme.conductor.one", { code: Number.parseInt(first, 10), details }, 30_000);
    checkMessage(error.message);
    const said = cleanDetails(details);
    assert.ok(Buffer.byteLength(said) <= 300 + 3, `${Buffer.byteLength(said)} bytes of the server's words`);
    assert.doesNotMatch(said, /[^\s"'<>()]@[^\s"'<>()…]/, "addresses are withheld");
    assert.doesNotMatch(said, /\b(?:bearer|basic|mac)\s+(?!\[redacted\]|\[redac|\[re|\[|…)\S/i, "tokens are withheld");
    assert.notEqual(error.code as string, "ok");
    return said === "" ? "refused" : "accepted";
  },
};

const lease = (spec: object): string =>
  JSON.stringify({
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "x", namespace: "y", resourceVersion: "41", labels: { app: "z" } },
    spec,
  });
const signal = new AbortController().signal;

const leaseTarget: FuzzTarget = {
  name: "lease",
  covers: ["src/kubernetes/lease-api.ts"],
  seeds: [
    lease({
      holderIdentity: "pod-1",
      leaseDurationSeconds: 15,
      leaseTransitions: 3,
      renewTime: "2026-11-24T10:00:00.000000Z",
    }),
    lease({}),
    lease({ holderIdentity: 7, leaseDurationSeconds: "15", preferredHolder: "pod-2" }),
    lease({ leaseDurationSeconds: -1 }).replace("-1", "1e999"),
    '{"kind":"Lease","metadata":{"resourceVersion":"1"}}',
    '{"kind":"Status","metadata":{},"status":"Failure"}',
    "[]",
    "null",
  ],
  mutators: [mutateJson, mutateJson, mutateBytes],
  maxBytes: 5_000,
  cpuLimitMs: 500,
  async run(input) {
    let answer: unknown;
    try {
      answer = JSON.parse(Buffer.from(input).toString("utf8"));
    } catch {
      return "refused";
    }
    const bodies: unknown[] = [];
    const call = async ({ body }: { readonly body?: object }): Promise<unknown> => {
      bodies.push(body);
      return answer;
    };
    const api = createLeaseApi({ namespace: "y", call, [Symbol.dispose]: () => undefined }, "x");
    const { error, value } = await attemptAsync(() => api.read(signal), ["internal"]);
    if (error !== undefined) {
      checkMessage(error.message);
      return "refused";
    }
    for (const number of [value.durationMs, value.transitions]) {
      assert.ok(Number.isFinite(number) && number >= 0, `a number of ${number}`);
    }
    for (const text of [value.version, value.holder, value.acquireTime, value.renewTime]) {
      assert.equal(typeof text, "string");
    }
    await api.update(value, signal);
    // What others have written into the object goes back as it came.
    const sent = JSON.parse(JSON.stringify(bodies.at(-1)));
    const { metadata, spec = {} } = answer as { metadata: Record<string, unknown>; spec?: Record<string, unknown> };
    for (const [name, kept] of Object.entries(metadata)) {
      if (!["name", "namespace", "resourceVersion"].includes(name)) assert.deepEqual(sent.metadata[name], again(kept));
    }
    for (const name of Object.keys(spec)) assert.ok(name in sent.spec, `${name} of the Lease is lost`);
    return "accepted";
  },
};

const again = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

export const answerTargets: readonly FuzzTarget[] = [grpcTarget, leaseTarget];
