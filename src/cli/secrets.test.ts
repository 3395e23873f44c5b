import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { configInput, serviceEnv, type World } from "../../test/helpers/config-input.ts";
import { recorder } from "../../test/helpers/recorder.ts";
import { checkConfigCommand } from "./check-config.ts";
import { dispatch } from "./dispatch.ts";
import { reportError } from "./report.ts";

/** Long enough not to be part of our own words by chance; with and without characters that matter to some format. */
const secretText = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_-]{16,40}$/),
  fc.stringMatching(/^[!-~]{16,40}$/),
  fc.string({ minLength: 16, maxLength: 40, unit: "binary" }),
);
const names = [
  "BATON_CLIENT_ID",
  "BATON_CLIENT_SECRET",
  "BATON_CURSOR_API_KEY",
  "BATON_CURSOR_SCIM_ENDPOINT",
  "BATON_CURSOR_SCIM_TOKEN",
] as const;
const name = fc.constantFrom(...names);
const flagOf = (variable: string) => `--${variable.slice("BATON_".length).toLowerCase().replaceAll("_", "-")}`;

/** One secret in one place, right or wrong; what a client id, an endpoint and a key look like is tried as well. */
const placed = fc
  .tuple(
    name,
    secretText,
    fc.constantFrom("flag", "two words", "no dash", "lost flag", "typo", "env", "dir", "yaml", "raw yaml"),
  )
  .chain(([variable, text, place]) =>
    fc
      .constantFrom(text, `${text}@host.example/x`, `name@host.example/${text}`, `https://host.example/${text}`)
      .map((value) => ({ text, world: worldOf(variable, value, place) })),
  );

function worldOf(variable: string, value: string, place: string): World {
  const flag = flagOf(variable);
  switch (place) {
    case "flag":
      return { argv: [`${flag}=${value}`] };
    case "two words":
      return { argv: [flag, value] };
    case "no dash":
      return { argv: [`${flag.slice(1)}=${value}`] };
    case "lost flag":
      return { argv: [flag, "x", `x${value}`] };
    case "typo":
      return { argv: [`${flag}x=${value}`, `${flag}y`, `x${value}`] };
    case "env":
      return { env: { [variable]: value } };
    case "dir":
      return { env: { BATON_SECRETS_DIR: "/s", [variable]: "other" }, files: { [`/s/${variable}`]: value } };
    case "yaml":
      return { files: { "/srv/.baton.yaml": `${flag.slice(2)}: ${JSON.stringify(value)}\n` } };
    default:
      return { files: { "/srv/.baton.yaml": `${flag.slice(2)}: ${value}\n${flag.slice(2)} ${value}\n` } };
  }
}

/** Everything that the program could print about this call, on either stream or in a log of the error. */
async function everything(world: World): Promise<string> {
  const out = recorder();
  const scim = { BATON_CURSOR_SCIM_ENDPOINT: "https://scim.example/v2", BATON_CURSOR_SCIM_TOKEN: "token_0" };
  const env = { ...serviceEnv, ...scim, ...world.env };
  try {
    const invocation = dispatch(configInput({ ...world, env, argv: ["--check-config", ...(world.argv ?? [])] }));
    if (invocation.command === "check-config") await checkConfigCommand({ out, parsed: invocation.parsed });
  } catch (error) {
    reportError(error, out);
    out.stderr(inspect(error, { depth: 9 }) + JSON.stringify(error));
  }
  return out.text().stdout + out.text().stderr;
}

suite("secrets", () => {
  test("never occur in any output, wherever they are put", async () => {
    await fc.assert(
      fc.asyncProperty(placed, async ({ text, world }) => {
        const printed = await everything(world);
        const shown = [text, text.trim(), JSON.stringify(text).slice(1, -1), inspect(text).slice(1, -1)];
        for (const form of shown) assert.ok(form === "" || !printed.includes(form), `shown in ${printed}`);
      }),
      { numRuns: 400 },
    );
  });
});
