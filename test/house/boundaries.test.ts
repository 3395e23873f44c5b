import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Boundaries, boundaryViolations, importCycles, readImports } from "./imports.ts";

const src = new URL("../../src/", import.meta.url).pathname;
const fixtures = new URL("../fixtures/house/", import.meta.url).pathname;

const everyRoom = [
  "baton",
  "worker",
  "tasks",
  "connectors",
  "scim",
  "credentials",
  "http",
  "c1",
  "c1z",
  "wire",
  "config",
  "listener",
  "observability",
  "kubernetes",
  "status",
  "cli",
];

/** docs/architecture.md shows the same table as a picture. */
const boundaries: Boundaries = {
  main: { rooms: ["app", ...everyRoom], packages: [] },
  app: { rooms: everyRoom, packages: [] },
  baton: { rooms: [], packages: [] },
  worker: { rooms: ["baton"], packages: [] },
  tasks: { rooms: ["baton"], packages: [] },
  credentials: { rooms: ["baton"], packages: [] },
  connectors: { rooms: ["baton", "http", "scim"], packages: [] },
  scim: { rooms: ["baton", "http"], packages: [] },
  http: { rooms: ["baton"], packages: ["got", "p-queue", "https-proxy-agent"] },
  c1: { rooms: ["baton", "wire", "wire/gen", "http"], packages: ["@grpc/grpc-js", "@bufbuild/protobuf"] },
  c1z: { rooms: ["baton", "wire"], packages: [] },
  wire: { rooms: ["baton", "wire/gen"], packages: ["@bufbuild/protobuf", "@grpc/grpc-js"] },
  "wire/gen": { rooms: [], packages: ["@bufbuild/protobuf"] },
  config: { rooms: ["baton"], packages: ["yaml"] },
  listener: { rooms: ["baton"], packages: ["fastify"] },
  observability: {
    rooms: ["baton", "listener"],
    packages: [
      "fastify",
      "prom-client",
      "pino",
      "@opentelemetry/api",
      "@opentelemetry/exporter-trace-otlp-grpc",
      "@opentelemetry/exporter-trace-otlp-proto",
      "@opentelemetry/resources",
      "@opentelemetry/sdk-trace",
    ],
  },
  kubernetes: { rooms: ["baton"], packages: ["@kubernetes/client-node"] },
  status: { rooms: ["baton", "listener"], packages: ["fastify"] },
  cli: { rooms: ["app", ...everyRoom, "wire/gen"], packages: ["@bufbuild/protobuf"] },
};

const ownSources = (imports: ReturnType<typeof readImports>) =>
  imports.filter(({ from }) => !from.endsWith(".test.ts"));

suite("import boundaries", () => {
  test("every import in src is allowed by the table", () => {
    assert.deepEqual(boundaryViolations(ownSources(readImports(src)), boundaries), []);
  });

  test("there is no import cycle in src, type imports included", () => {
    assert.deepEqual(importCycles(readImports(src)), []);
  });

  test("nothing in src imports a test", () => {
    const offenders = ownSources(readImports(src)).filter(({ target }) => target?.startsWith("../test") === true);
    assert.deepEqual(offenders, []);
  });

  test("a planted forbidden import is found", () => {
    const found = boundaryViolations(readImports(`${fixtures}boundary`), boundaries);
    assert.deepEqual(found, [
      "worker/forbidden.ts: worker may not import c1/client.ts (c1)",
      "worker/forbidden.ts: worker may not import the package got",
    ]);
  });

  test("a planted cycle that a type import closes is found", () => {
    assert.deepEqual(importCycles(readImports(`${fixtures}cycle`)), ["baton/one.ts <-> baton/two.ts"]);
  });
});
