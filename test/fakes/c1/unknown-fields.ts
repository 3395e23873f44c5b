import { fromBinary, isMessage, type Registry } from "@bufbuild/protobuf";

/** A part of a message that its type does not know, or an Any that is not what it says. */
export interface Oddity {
  /** Where, like `connectorMetadata.annotations[0]`. */
  readonly path: string;
  readonly message: string;
}

const anyUrl = /^type\.googleapis\.com\/([A-Za-z_][\w]*(?:\.[A-Za-z_][\w]*)+)$/;

/**
 * Every unknown field in `value`, however deep, also inside an Any whose type `registry` knows; and every Any whose URL is
 * not `type.googleapis.com/<full name>` or whose bytes do not decode.
 */
export function findOddities(value: unknown, registry: Registry, path = ""): Oddity[] {
  if (Array.isArray(value)) return value.flatMap((item, at) => findOddities(item, registry, `${path}[${at}]`));
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return [];
  const found: Oddity[] = [];
  if (isMessage(value)) {
    for (const field of value.$unknown ?? []) found.push({ path, message: `has the unknown field ${field.no}` });
    if (value.$typeName === "google.protobuf.Any") found.push(...insideAny(value, registry, path));
  }
  for (const [name, child] of Object.entries(value)) {
    if (name !== "$unknown") found.push(...findOddities(child, registry, path === "" ? name : `${path}.${name}`));
  }
  return found;
}

function insideAny(any: object, registry: Registry, path: string): Oddity[] {
  const url = "typeUrl" in any ? String(any.typeUrl) : "";
  const name = anyUrl.exec(url)?.[1];
  if (name === undefined) return [{ path, message: `has the type URL "${url}"` }];
  const schema = registry.getMessage(name);
  if (schema === undefined || !("value" in any) || !(any.value instanceof Uint8Array)) return [];
  try {
    return findOddities(fromBinary(schema, any.value), registry, `${path}<${name}>`);
  } catch (reason) {
    return [{ path, message: `is no ${name}: ${String(reason)}` }];
  }
}
