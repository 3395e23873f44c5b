import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Manifest } from "./objects.ts";
import { restrictedViolations } from "./pod-security.ts";

interface Parts {
  readonly pod?: object;
  readonly context?: object;
  readonly container?: object;
}

function pod({ pod = {}, context = {}, container = {} }: Parts = {}): Manifest {
  const securityContext = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
    ...context,
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p" },
    spec: {
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      containers: [{ name: "c", securityContext, ...container }],
      ...pod,
    },
  };
}

const planted: readonly (readonly [string, Parts])[] = [
  ["hostNetwork is set", { pod: { hostNetwork: true } }],
  ["hostPID is set", { pod: { hostPID: true } }],
  ["volume of type hostPath", { pod: { volumes: [{ name: "v", hostPath: { path: "/" } }] } }],
  ["container c: is privileged", { context: { privileged: true } }],
  ["container c: may escalate privileges", { context: { allowPrivilegeEscalation: undefined } }],
  ["container c: may run as root", { context: { runAsNonRoot: false } }],
  ["container c: runs as user 0", { context: { runAsUser: 0 } }],
  ["container c: has no seccomp profile", { context: { seccompProfile: { type: "Unconfined" } } }],
  ["container c: does not drop all capabilities", { context: { capabilities: { drop: ["NET_RAW"] } } }],
  ["container c: adds capabilities SYS_TIME", { context: { capabilities: { drop: ["ALL"], add: ["SYS_TIME"] } } }],
  ["container c: takes a port of the host", { container: { ports: [{ containerPort: 1, hostPort: 1 }] } }],
  ["container c: changes how /proc is mounted", { context: { procMount: "Unmasked" } }],
];

suite("the check of Pod Security restricted", () => {
  test("lets a restricted pod pass", () => assert.deepEqual(restrictedViolations(pod()), []));

  for (const [problem, parts] of planted) {
    test(`finds: ${problem}`, () => assert.deepEqual(restrictedViolations(pod(parts)), [`Pod/p: ${problem}`]));
  }

  test("looks into the template of a Deployment, and at init containers", () => {
    const { spec } = pod({ pod: { initContainers: [{ name: "i" }] } });
    const deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "d" },
      spec: { template: { spec } },
    };
    assert.deepEqual(restrictedViolations(deployment), [
      "Deployment/d: container i: may escalate privileges",
      "Deployment/d: container i: does not drop all capabilities",
    ]);
  });

  test("has nothing to say of objects without pods", () => {
    assert.deepEqual(restrictedViolations({ apiVersion: "v1", kind: "Secret", metadata: { name: "s" } }), []);
  });
});
