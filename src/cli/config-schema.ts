import { create, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import type { ConnectorMetadata } from "../baton/connector.ts";
import type { OptionRow } from "../config/option.ts";
import { options, optionTable } from "../config/options.ts";
import { ConfigurationSchema, ConstraintKind, type FieldSchema } from "../wire/gen/c1/config/v1/config_pb.ts";
import type { Output } from "./output.ts";

/**
 * Prints the schema of the configuration as C1's catalogue reads it: `c1.config.v1.Configuration` in proto3 JSON, without
 * a newline at the end. Needs no configuration.
 */
export async function configCommand(deps: {
  readonly out: Output;
  readonly metadata: Pick<ConnectorMetadata, "displayName" | "helpUrl">;
}): Promise<number> {
  const { displayName, helpUrl } = deps.metadata;
  const operators = optionTable.filter((row) => row.exported === "ops");
  const form = optionTable.filter((row) => row.exported === "gui");
  const message = create(ConfigurationSchema, {
    displayName,
    helpUrl,
    fields: [...operators, ...form].map(field),
    constraints: [
      {
        kind: ConstraintKind.REQUIRED_TOGETHER,
        fieldNames: [options.cursorScimEndpoint, options.cursorScimToken].map((row) => row.flag ?? ""),
      },
    ],
  });
  deps.out.stdout(JSON.stringify(toJson(ConfigurationSchema, message), undefined, 2));
  return 0;
}

type FieldInit = MessageInitShape<typeof FieldSchema>;

function field(row: OptionRow): FieldInit {
  return {
    name: row.flag ?? "",
    displayName: row.displayName,
    description: row.help === "" ? `Accepted without effect: ${row.reason}` : row.help,
    placeholder: row.placeholder,
    isRequired: row.required,
    isOps: row.exported === "ops",
    // The endpoint travels with the credentials, but people have to see what they typed.
    isSecret: row.secret && row.flag !== options.cursorScimEndpoint.flag,
    field: valueField(row),
  };
}

function valueField({ type, defaultText, required }: OptionRow): NonNullable<FieldInit["field"]> {
  if (type.kind === "bool") return { case: "boolField", value: { defaultValue: defaultText === "true" } };
  if (type.range !== undefined) {
    const { min, max } = type.range;
    // Zero as the lower bound (ports, sizes) restricts nothing worth telling.
    const rules = min > 0 ? { rules: { gte: BigInt(min), lte: BigInt(max) } } : {};
    return { case: "intField", value: { defaultValue: BigInt(defaultText), ...rules } };
  }
  const rules = required ? { rules: { isRequired: true } } : {};
  return { case: "stringField", value: { defaultValue: defaultText, ...rules } };
}
