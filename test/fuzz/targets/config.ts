import assert from "node:assert/strict";
import type { OptionRow, OptionTable } from "../../../src/config/option.ts";
import { options, optionTable } from "../../../src/config/options.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import { parseDuration } from "../../../src/config/text.ts";
import { clientId, clientSecret, configInput, oneShotEnv, serviceEnv } from "../../helpers/config-input.ts";
import { mutateBytes } from "../harness/mutate-bytes.ts";
import { mutateJson } from "../harness/mutate-json.ts";
import { assertHidden, attempt, checkMessage } from "../harness/oracle.ts";
import type { FuzzTarget } from "../harness/target.ts";
import { valueTarget, yamlTarget } from "./config-texts.ts";
import { ownWords } from "./own-words.ts";
import { secretTarget } from "./secret-files.ts";

const rows: OptionTable = options;
/** Flags, variables and a YAML file as one JSON object. */
const configTarget: FuzzTarget = {
  name: "config",
  covers: ["src/config/"],
  seeds: [
    { argv: [], env: serviceEnv, yaml: "" },
    { argv: ["--log-level=debug", "-p"], env: oneShotEnv, yaml: "task-concurrency: 5\nlog-format: json\n" },
    { argv: ["--task-concurrency", "101", "--nonsense"], env: { BATON_CLIENT_ID: "x" }, yaml: "a: [1, {b: c}]" },
    {
      argv: ["--shutdown-grace=1m30s", "--health-check=false", "stray"],
      env: { ...serviceEnv, BATON_TYPO: "1" },
      yaml: "? [a]\n: b",
    },
    {
      argv: ["--", "x"],
      env: {
        ...serviceEnv,
        BATON_CURSOR_SCIM_ENDPOINT: "https://u:p@scim.example.com/?q",
        BATON_CURSOR_SCIM_TOKEN: "tok en",
      },
      yaml: "*a",
    },
    {
      argv: ["--cursor-base-url=http://127.0.0.1:1/"],
      env: { ...oneShotEnv, BATON_SYNC_RESOURCE_TYPES: 'user,"role"' },
      yaml: "~",
    },
    { argv: [], env: { ...serviceEnv, BATON_SECRETS_DIR: "/srv/secrets" }, yaml: "provisioning: true" },
  ].map((value) => JSON.stringify(value)),
  mutators: [
    mutateJson,
    mutateBytes,
    (input, _other, random, words) => {
      const world = worldOf(input);
      const row = random.from(optionTable);
      const { max, min } = row?.type.range ?? { min: 0, max: 100 };
      const edge = String(random.pick([min - 1, min, max, max + 1]));
      const value = random.pick([edge, random.from(values) ?? "", random.from(words) ?? ""]);
      if (row === undefined) return input;
      const env = random.chance(0.5) ? { ...world.env, [row.env]: value } : world.env;
      const argv = random.chance(0.4) ? [...world.argv, `--${row.flag}=${value}`] : world.argv;
      const yaml = random.chance(0.3) ? `${world.yaml}\n${row.flag}: ${value}` : world.yaml;
      return Buffer.from(JSON.stringify({ argv, env, yaml }));
    },
  ],
  maxBytes: 8000,
  cpuLimitMs: 1500,
  run(input) {
    const { argv, env, yaml } = worldOf(input);
    const files = {
      "/srv/.baton.yaml": yaml,
      "/srv/secrets/BATON_CLIENT_ID": clientId,
      "/srv/secrets/BATON_CLIENT_SECRET": clientSecret,
    };
    const world = configInput({ argv, env, files });
    const secrets = optionTable.filter(({ secret }) => secret).map(({ env: name }) => env[name] ?? "");
    const { error, value } = attempt(() => parseConfig(world), ["invalid_argument", "unimplemented"]);
    const said = error === undefined ? value.warnings.join("\n") : error.message;
    // A secret may be a text that stands elsewhere in the open, where messages quote it.
    const plain = Object.entries(env).filter(([name, text]) => !(name.startsWith("BATON_") && secrets.includes(text)));
    const quoted = [...argv, ...plain.flat()].map((text) => `${text}\n${JSON.stringify(text)},`);
    const open = [ownWords, yaml, ...quoted].join("\n");
    for (const secret of secrets) assertHidden(secret.trim(), said, open);
    if (error !== undefined) return "refused";
    for (const warning of value.warnings) checkMessage(warning);
    checkValues(value.config);
    return "accepted";
  },
};

const values = [
  "0",
  "1",
  "3",
  "-1",
  "100",
  "65535",
  "65536",
  "true",
  "F",
  "20s",
  "1h",
  "9999h",
  "0s",
  "1ns",
  "user",
  "json",
  "debug",
  "https://a.example",
  "/srv",
  "x@y",
  "a,b",
  '"a',
  "~",
  "null",
];

interface World {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly yaml: string;
}

function worldOf(input: Uint8Array): World {
  // What a process is given is UTF-8: half a character never arrives.
  const text = (value: unknown): string =>
    (typeof value === "string" ? value : (JSON.stringify(value) ?? "")).toWellFormed();
  try {
    const { argv, env, yaml } = Object(JSON.parse(Buffer.from(input).toString("utf8")));
    return {
      argv: Array.isArray(argv) ? argv.map(text) : [],
      env: Object.fromEntries(Object.entries(Object(env)).map(([name, value]) => [text(name), text(value)])),
      yaml: text(yaml ?? ""),
    };
  } catch {
    return { argv: [], env: oneShotEnv, yaml: Buffer.from(input).toString("utf8") };
  }
}

/** Every value lies in the range that its option documents, and is read the same after it was written down. */
function checkValues(config: Readonly<Record<string, unknown>>): void {
  assert.deepEqual(Object.keys(config).sort(), Object.keys(rows).sort());
  for (const [key, row] of Object.entries<OptionRow>(rows)) {
    const value = config[key];
    const { range } = row.type;
    if (range !== undefined && value !== undefined) {
      assert.ok(
        Number.isSafeInteger(value) && Number(value) >= range.min && Number(value) <= range.max,
        `${key} is ${value}`,
      );
    }
    const words = /^[a-z-]+(?:, [a-z-]+)+$/.test(row.type.shape) ? row.type.shape.split(", ") : undefined;
    if (words !== undefined && value !== undefined) assert.ok(words.includes(String(value)), `${key} is ${value}`);
    const [, min = "", max = ""] = /^(\w+)\.\.(\w+)$/.exec(row.type.shape) ?? [];
    const [minMs, maxMs] = [parseDuration(min), parseDuration(max)];
    if (typeof value === "number" && minMs !== undefined && maxMs !== undefined && range === undefined) {
      assert.ok(value >= minMs && value <= maxMs, `${key} is ${value} ms, not within ${row.type.shape}`);
    }
    if (value === undefined || row.secret) continue;
    const again = row.type.parse([row.type.format(value)]);
    if (row.type.format(value).trim() !== "")
      assert.deepEqual(again.ok ? again.value : again, value, `${key} does not survive`);
  }
}

export const configTargets: readonly FuzzTarget[] = [configTarget, yamlTarget, valueTarget, secretTarget];
