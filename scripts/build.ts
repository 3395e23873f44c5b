/** Bundles the daemon into dist/ and puts the executable `dist/baton-cursor` beside it. */
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build, type Plugin } from "esbuild";

const root = new URL("../", import.meta.url).pathname;
const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));

/** CommonJS dependencies call `require`, which an ES module does not have. */
const banner = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);";

/**
 * Runs the bundle with the project's own Node where it is installed, else with a new enough one on PATH. The settings keep
 * memory flat over many syncs (`make bench` shows it): a small young generation, collections on request after each sync, and
 * a C allocator that gives large blocks back instead of keeping them in pools of its own.
 */
const launcher = `#!/bin/sh
self=$(readlink -f "$0")
here=$(dirname "$self")
node="$here/../node_modules/.bin/node"
[ -x "$node" ] || node=node
: "\${MALLOC_ARENA_MAX=2}" "\${MALLOC_MMAP_THRESHOLD_=32768}" "\${MALLOC_TRIM_THRESHOLD_=32768}"
export MALLOC_ARENA_MAX MALLOC_MMAP_THRESHOLD_ MALLOC_TRIM_THRESHOLD_
exec "$node" --expose-gc --max-semi-space-size=2 "$here/main.mjs" "$@"
`;

/**
 * The modules of the Kubernetes client only define things, but its package does not say so. Told, esbuild leaves out its
 * thousand models: without that, a replica takes 16 MiB more.
 */
const pureKubernetesClient: Plugin = {
  name: "pure-kubernetes-client",
  setup({ onResolve, resolve }) {
    onResolve(
      { filter: /^(@kubernetes\/client-node$|\.)/ },
      async ({ path, importer, resolveDir, kind, pluginData }) => {
        const own = path.startsWith("@kubernetes/") || importer.includes("/@kubernetes/client-node/");
        if (!own || pluginData === "asked here") return undefined;
        const found = await resolve(path, { importer, resolveDir, kind, pluginData: "asked here" });
        return { ...found, sideEffects: false };
      },
    );
  },
};

/**
 * The ES module form of OpenTelemetry's gRPC exporter hides its `require` of grpc-js from bundlers; the CommonJS form shows it,
 * and the bundle holds one grpc-js for both uses.
 */
const commonJsExporter: Plugin = {
  name: "common-js-exporter",
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^@opentelemetry\/exporter-trace-otlp-grpc$/ }, async ({ path, importer, resolveDir, kind }) =>
      kind === "require-call" ? undefined : await resolve(path, { importer, resolveDir, kind: "require-call" }),
    );
  },
};

rmSync(`${root}dist`, { recursive: true, force: true });
await build({
  entryPoints: [`${root}src/main.ts`],
  outdir: `${root}dist`,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  splitting: true,
  platform: "node",
  format: "esm",
  target: "node24",
  minify: true,
  keepNames: true,
  legalComments: "none",
  plugins: [pureKubernetesClient, commonJsExporter],
  banner: { js: banner },
  define: {
    "process.env.BATON_BUILD_VERSION": JSON.stringify(version),
    "process.env.BATON_BUILD_REVISION": JSON.stringify(process.env["SOURCE_REVISION"] ?? ""),
  },
  logLevel: "warning",
});
writeFileSync(`${root}dist/baton-cursor`, launcher);
chmodSync(`${root}dist/baton-cursor`, 0o755);
