import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { output, root, run } from "./tools.ts";

const work = `${root}build/image-test/`;
// Storage of our own, so that nothing else on the machine is seen or changed.
const storage = ["--root", `${work}storage`, "--runroot", `${work}run`, "--storage-driver", "vfs"];

/** Why images cannot be built here, or undefined where they can. */
export function whyNoImages(): string | undefined {
  if (process.getuid?.() !== 0) return "building needs root";
  for (const tool of ["buildah", "bwrap"]) {
    if (run("sh", ["-c", `command -v ${tool}`]).code !== 0) return `${tool} is not installed`;
  }
  return undefined;
}

/** Removes all images of earlier runs. */
export function forgetImages(): void {
  rmSync(work, { recursive: true, force: true });
}

/** Removes what an earlier run left, and gives a fresh directory. */
function freshDirectory(name: string): string {
  const path = work + name;
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  return path;
}

function buildah(...args: readonly string[]): string {
  return output("buildah", [...storage, ...args]);
}

/** Builds without ever asking a registry for an image. */
export function buildImage(context: string, tag: string, buildArgs: Readonly<Record<string, string>> = {}): void {
  const given = Object.entries(buildArgs).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
  const fixed = ["--isolation", "chroot", "--pull-never", "--format", "oci", "--timestamp", "0", "--layers=false"];
  buildah("build", ...fixed, ...given, "--tag", tag, context);
}

/** What an image says of itself. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd?: readonly string[] | null;
  readonly WorkingDir: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly StopSignal: string;
}

export function imageConfig(image: string): ImageConfig {
  return JSON.parse(buildah("inspect", "--type", "image", image)).OCIv1.config;
}

/** A layer: its digest, what it takes unpacked, and the files in it. */
export interface Layer {
  readonly digest: string;
  readonly bytes: number;
  readonly files: readonly string[];
}

/** The layers of an image that its base has not. */
export function addedLayers(image: string, base: string): Layer[] {
  const known = diffIds(base);
  const layout = freshDirectory("layout");
  buildah("push", "--quiet", image, `oci:${layout}:image`);
  const blob = (digest: string) => readFileSync(join(layout, "blobs", digest.replace(":", "/")));
  const [entry] = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")).manifests;
  const { layers }: { layers: { digest: string }[] } = JSON.parse(blob(entry.digest).toString());
  const ids = diffIds(image);
  return layers.flatMap(({ digest }, index) => {
    const id = ids[index] ?? digest;
    if (known.includes(id)) return [];
    const archive = join(layout, "layer.tar");
    writeFileSync(archive, gunzipSync(blob(digest)));
    const files = output("tar", ["--list", "--file", archive]).trim().split("\n");
    return [{ digest: id, bytes: statSync(archive).size, files }];
  });
}

/** The digests of an image's unpacked layers. */
function diffIds(image: string): readonly string[] {
  return JSON.parse(buildah("inspect", "--type", "image", image)).OCIv1.rootfs.diff_ids;
}

/** Unpacks an image, readable for everybody. */
export function unpack(image: string, target: string): void {
  const container = buildah("from", "--pull-never", image).trim();
  const mounted = buildah("mount", container).trim();
  output("cp", ["--archive", mounted, target]);
  chmodSync(target, 0o755);
  buildah("rm", container);
}

/** The names that the Dockerfile gives its bases. */
export interface Bases {
  readonly build: string;
  readonly base: string;
}

/**
 * Makes stand-ins of both bases under their real names, out of this machine's files: Node of this project with its libraries,
 * and for the build npm. They prove every instruction of the Dockerfile, not the content of the real bases.
 */
export function makeStandIns({ build, base }: Bases): void {
  const node = realpathSync(`${root}node_modules/.bin/node`);
  standIn(build, (rootfs) => {
    addProgram(rootfs, node, "/usr/local/bin/node");
    addProgram(rootfs, "/usr/bin/env", "/usr/bin/env");
    const npm = dirname(dirname(realpathSync(output("sh", ["-c", "command -v npm"]).trim())));
    cpSync(npm, `${rootfs}/usr/local/lib/node_modules/npm`, { recursive: true });
    symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", `${rootfs}/usr/local/bin/npm`);
    addFile(rootfs, "/etc/ssl/certs/ca-certificates.crt");
    return [
      "ENV PATH=/usr/local/bin:/usr/bin:/bin NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt",
      'CMD ["node"]',
    ];
  });
  standIn(base, (rootfs) => {
    addProgram(rootfs, node, "/nodejs/bin/node");
    writeFileSync(
      `${rootfs}/etc/passwd`,
      "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n",
    );
    mkdirSync(`${rootfs}/home/nonroot`, { recursive: true });
    return [
      "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
      "USER 65532",
      "WORKDIR /home/nonroot",
      'ENTRYPOINT ["/nodejs/bin/node"]',
    ];
  });
}

function standIn(name: string, fill: (rootfs: string) => readonly string[]): void {
  const context = freshDirectory("stand-in");
  const rootfs = join(context, "rootfs");
  for (const folder of ["etc", "tmp", "usr/bin", "proc", "dev", "run"])
    mkdirSync(`${rootfs}/${folder}`, { recursive: true });
  const instructions = fill(rootfs);
  writeFileSync(join(context, "Dockerfile"), ["FROM scratch", "COPY rootfs/ /", ...instructions, ""].join("\n"));
  buildImage(context, name);
}

/** Copies a program and every library that it loads. */
function addProgram(rootfs: string, from: string, to: string): void {
  addFile(rootfs, from, to);
  const libraries = output("ldd", [from]).match(/\/\S+/g) ?? [];
  for (const library of libraries.filter((path) => !path.endsWith(":"))) addFile(rootfs, library);
}

function addFile(rootfs: string, from: string, to = from): void {
  mkdirSync(dirname(rootfs + to), { recursive: true });
  copyFileSync(realpathSync(from), rootfs + to);
}
