import { readFileSync } from "node:fs";
import { arch, hostname, release } from "node:os";

/** What Hello says about the machine. No field is ever empty: C1 refuses a registration with an empty one. */
export interface OsInfo {
  readonly hostname: string;
  readonly os: string;
  readonly platform: string;
  readonly platformVersion: string;
  readonly platformFamily: string;
  readonly kernelVersion: string;
  readonly kernelArch: string;
  readonly virtualizationSystem: string;
}

/** What Hello says about the program. No field is ever empty. */
export interface BuildInfo {
  readonly langVersion: string;
  readonly package: string;
  readonly packageVersion: string;
}

/** What the machine told us, unedited. */
export interface HostFacts {
  readonly hostname: string;
  /** `process.platform`. */
  readonly platform: string;
  readonly kernelVersion: string;
  /** `process.arch`. */
  readonly arch: string;
  /** Text of /etc/os-release; empty where there is none. */
  readonly osRelease: string;
}

/** The longest text that C1 takes in these fields, in characters. */
const maxLength = 256;

const architectures: ReadonlyMap<string, string> = new Map([
  ["x64", "x86_64"],
  ["arm64", "aarch64"],
  ["ia32", "i686"],
]);

/** Reads the facts of this machine; what cannot be read is left empty. */
export function readHostFacts(): HostFacts {
  return {
    hostname: hostname(),
    platform: process.platform,
    kernelVersion: release(),
    arch: arch(),
    osRelease: readOrEmpty("/etc/os-release"),
  };
}

/** The facts in C1's words, every gap filled by the next best value. */
export function osInfo(facts: HostFacts): OsInfo {
  const distribution = parseOsRelease(facts.osRelease);
  const os = firstOf(facts.platform === "win32" ? "windows" : facts.platform, "unknown");
  const platform = firstOf(distribution.get("ID"), os);
  const kernelVersion = firstOf(facts.kernelVersion, "unknown");
  return {
    hostname: firstOf(facts.hostname, "unknown"),
    os,
    platform,
    platformFamily: firstOf(distribution.get("ID_LIKE")?.split(" ")[0], platform),
    platformVersion: firstOf(distribution.get("VERSION_ID"), kernelVersion),
    kernelVersion,
    kernelArch: firstOf(architectures.get(facts.arch), facts.arch, "unknown"),
    virtualizationSystem: "none",
  };
}

/** What runs here, with the fall-backs that baton-sdk uses. */
export function buildInfo(build: { readonly package: string; readonly version: string }): BuildInfo {
  return {
    langVersion: firstOf(process.version, "0.0.0"),
    package: firstOf(build.package, "/dummy/path"),
    packageVersion: firstOf(build.version, "0.0.0"),
  };
}

/** KEY=value lines with optional quotes (os-release(5)). */
function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const entries = [...text.matchAll(/^([A-Z_]+)=(["']?)(.*?)\2\s*$/gm)];
  return new Map(entries.map(([, key = "", , value = ""]) => [key, value]));
}

/** The first text that says something, within C1's limit; the last one always does. */
function firstOf(...texts: readonly (string | undefined)[]): string {
  const text = texts.map((each) => each?.trim() ?? "").find((each) => each !== "") ?? "unknown";
  return [...text].slice(0, maxLength).join("");
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
