import { globSync } from "node:fs";
import { createRegistry, type DescFile, fromBinary, type Message, type Registry, toBinary } from "@bufbuild/protobuf";

/** A message as `interop wire encode` prints it. */
export interface WireLine {
  readonly type: string;
  readonly base64: string;
  /** True where the protocol itself names the message, false where it is only reachable from one. */
  readonly named?: boolean;
}

export interface RoundTrip {
  /** One line per message that our wire code knows, for `interop wire check`. */
  readonly lines: readonly string[];
  /** Names of messages that the protocol names and our wire code does not declare. */
  readonly undeclared: readonly string[];
  /** Messages that the protocol names with fields that our declaration lacks (they survive as unknown fields). */
  readonly incomplete: readonly string[];
}

const generated = new URL("../../src/wire/gen/", import.meta.url).pathname;

/** Everything that src/wire/gen declares. */
export async function wireRegistry(): Promise<Registry> {
  const files: DescFile[] = [];
  for (const path of globSync("**/*_pb.ts", { cwd: generated })) {
    const module: Readonly<Record<string, unknown>> = await import(generated + path);
    files.push(...Object.values(module).filter(isFile));
  }
  return createRegistry(...files);
}

function isFile(value: unknown): value is DescFile {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "file";
}

/** Decodes and encodes each message with our wire code. */
export function roundTrip(registry: Registry, messages: readonly WireLine[]): RoundTrip {
  const lines: string[] = [];
  const undeclared = new Set<string>();
  const incomplete = new Set<string>();
  for (const { type, base64, named } of messages) {
    const descriptor = registry.getMessage(type);
    if (descriptor === undefined) {
      if (named) undeclared.add(type);
      continue;
    }
    const message: Message = fromBinary(descriptor, Buffer.from(base64, "base64"));
    if (named && message.$unknown !== undefined) incomplete.add(type);
    const encoded = Buffer.from(toBinary(descriptor, message)).toString("base64");
    lines.push(JSON.stringify({ type, original: base64, base64: encoded }));
  }
  return { lines, undeclared: [...undeclared].sort(), incomplete: [...incomplete].sort() };
}
