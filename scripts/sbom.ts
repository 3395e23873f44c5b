/**
 * Writes build/sbom.cdx.json: what the bundle is made of, in CycloneDX form. From the lock file rather than from `npm sbom`, which
 * leaves out packages that tools of the development want too. The same sources give the same document.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type LockedPackage, readLock } from "./locked-packages.ts";

const root = new URL("../", import.meta.url).pathname;
const seconds = Number(process.env["SOURCE_DATE_EPOCH"] || 0);

const purl = (name: string, version: string): string => `pkg:npm/${name.replace("@", "%40")}@${version}`;

function component({ name, version, license, integrity }: LockedPackage): object {
  const [algorithm, digest = ""] = integrity.split(/-(.*)/);
  if (algorithm !== "sha512") throw new Error(`${name}@${version}: no SHA-512 in the lock file`);
  const expression = /\s(?:AND|OR|WITH)\s/.test(license);
  return {
    type: "library",
    "bom-ref": purl(name, version),
    name,
    version,
    hashes: [{ alg: "SHA-512", content: Buffer.from(digest, "base64").toString("hex") }],
    licenses: [expression ? { expression: license.replace(/^\((.*)\)$/, "$1") } : { license: { id: license } }],
    purl: purl(name, version),
  };
}

/** A version 5 style UUID of a text. */
function uuidOf(text: string): string {
  const hash = createHash("sha256").update(text).digest("hex");
  const parts = [hash.slice(0, 8), hash.slice(8, 12), `5${hash.slice(13, 16)}`, `8${hash.slice(17, 20)}`];
  return [...parts, hash.slice(20, 32)].join("-");
}

function billOfMaterials(): object {
  const { name, version, description, license } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
  const { direct, packages } = readLock(root);
  // Two folders may hold the same package in the same version.
  const byRef = new Map(packages.map((locked) => [purl(locked.name, locked.version), locked]));
  const refs = new Map(packages.map((locked) => [locked.folder, purl(locked.name, locked.version)]));
  const dependsOn = (folders: readonly string[]) => [...new Set(folders.flatMap((folder) => refs.get(folder) ?? []))];
  const self = purl(name, version);
  const body = {
    metadata: {
      timestamp: new Date(seconds * 1000).toISOString(),
      component: {
        type: "application",
        "bom-ref": self,
        name,
        version,
        description,
        licenses: [{ license: { id: license } }],
        purl: self,
      },
    },
    components: [...byRef.values()].map(component),
    dependencies: [
      { ref: self, dependsOn: dependsOn(direct) },
      ...Array.from(byRef, ([ref, { needs }]) => ({ ref, dependsOn: dependsOn(needs) })),
    ],
  };
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(body))}`;
  return { bomFormat: "CycloneDX", specVersion: "1.5", serialNumber, version: 1, ...body };
}

mkdirSync(`${root}build`, { recursive: true });
writeFileSync(`${root}build/sbom.cdx.json`, `${JSON.stringify(billOfMaterials(), null, 2)}\n`);
