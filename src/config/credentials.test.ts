import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  clientId,
  clientSecret,
  configInput,
  oneShotEnv,
  serviceEnv,
  type World,
} from "../../test/helpers/config-input.ts";
import { findCredentials, secretFileNames } from "./credentials.ts";
import { parseConfig } from "./parse.ts";
import { ConfigError } from "./problem.ts";

const otherId = "other-client-54321@acme.example.com/ccc";

/** The five credentials in `world`, with these texts as the files of the secrets directory. */
function find(world: World, files: Readonly<Record<string, string>> = {}) {
  return findCredentials(configInput(world), new Map(Object.entries(files)));
}

const mounted = { BATON_SECRETS_DIR: "/secrets" };

/** A directory as the kubelet mounts a Secret, at `/secrets`. */
function mount(files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}): World {
  const version = "/secrets/..2026_01_01_00_00_00.1";
  const paths = Object.entries(files).map(([name, text]) => [`${version}/${name}`, text]);
  return {
    env: { ...mounted, ...env },
    files: { "/secrets/.keep": "", [`${version}/.keep`]: "", ...Object.fromEntries(paths) },
    links: { "/secrets/..data": version },
  };
}

function problemsOf(world: World): readonly string[] {
  try {
    parseConfig(configInput(world));
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ field, message }) => `${field} ${message}`);
  }
}

suite("where credentials come from", () => {
  test("the five names of the files are those of the variables", () => {
    assert.deepEqual([...secretFileNames].sort(), [
      "BATON_CLIENT_ID",
      "BATON_CLIENT_SECRET",
      "BATON_CURSOR_API_KEY",
      "BATON_CURSOR_SCIM_ENDPOINT",
      "BATON_CURSOR_SCIM_TOKEN",
    ]);
  });

  test("files win over the environment", () => {
    const found = find({ env: serviceEnv }, { BATON_CURSOR_API_KEY: "key_file\n" });
    assert.equal(found.cursorApiKey.value?.reveal(), "key_file");
    assert.deepEqual([found.cursorApiKey.origin, found.clientId.origin], ["secrets", "environment"]);
    assert.equal(found.cursorApiKey.text, "key_file", "white space around it makes no new version");
  });

  test("flags win over both", () => {
    const argv = ["--cursor-api-key=key_flag"];
    const found = find({ argv, env: serviceEnv }, { BATON_CURSOR_API_KEY: "key_file" });
    assert.deepEqual([found.cursorApiKey.value?.reveal(), found.cursorApiKey.origin], ["key_flag", "flag"]);
  });

  test("a file that is missing or empty leaves the environment in force", () => {
    for (const files of [{}, { BATON_CURSOR_API_KEY: " \n" }]) {
      assert.equal(find({ env: serviceEnv }, files).cursorApiKey.value?.reveal(), "key_1");
    }
  });

  test("the files given are those in force, whatever the directory holds by now", () => {
    const world = mount({ BATON_CURSOR_API_KEY: "key_directory" });
    assert.equal(find(world, { BATON_CURSOR_API_KEY: "key_given" }).cursorApiKey.value?.reveal(), "key_given");
    assert.equal(find(world).cursorApiKey.value, undefined);
  });

  test("one that is not there has neither value nor problem", () => {
    const { cursorScimToken } = find({ env: serviceEnv });
    assert.deepEqual(cursorScimToken, { value: undefined, problem: undefined, text: "", origin: "default" });
  });

  test("the client id comes taken apart", () => {
    const found = find({}, { BATON_CLIENT_ID: `${clientId}\n`, BATON_CLIENT_SECRET: clientSecret });
    assert.deepEqual(found.clientId.value, {
      clientName: "test-client-12345",
      tokenHost: "acme.example.com",
      full: clientId,
    });
    assert.equal(found.clientSecret.value?.reveal(), clientSecret);
  });

  const wrong = {
    BATON_CLIENT_ID: "canary-without-at-sign",
    BATON_CLIENT_SECRET: "secret-token:conductorone.com:v1:canary",
    BATON_CURSOR_API_KEY: "canary with blanks",
    BATON_CURSOR_SCIM_ENDPOINT: "ftp://canary.example.com",
    BATON_CURSOR_SCIM_TOKEN: "canary with blanks",
  };
  for (const [index, key] of Object.keys(find({})).entries()) {
    test(`${key} of the wrong shape: a problem that names the variable and the place, never the text`, () => {
      const found = Object.values(find({}, wrong))[index];
      assert.equal(found?.value, undefined);
      assert.match(found?.problem ?? "", /\(BATON_[A-Z_]+\) .*\(in the secrets directory\): /);
      assert.ok(!found?.problem?.includes("canary"));
      assert.notEqual(found?.text, "");
    });
  }
});

suite("the start with a secrets directory", () => {
  const complete = { BATON_CLIENT_ID: clientId, BATON_CLIENT_SECRET: clientSecret, BATON_CURSOR_API_KEY: "key_file" };

  test("one warning names the variables that the files overrule, and not those that agree or that a flag decides", () => {
    const env = { ...serviceEnv, BATON_CLIENT_ID: otherId, BATON_CURSOR_SCIM_TOKEN: "token" };
    const world = mount({ ...complete, BATON_CURSOR_SCIM_TOKEN: "another" }, env);
    const scim = "--cursor-scim-endpoint=https://scim.example.com";
    const { config, warnings } = parseConfig(configInput({ ...world, argv: ["--cursor-scim-token=third", scim] }));
    assert.equal(config.clientId?.full, clientId);
    assert.equal(config.cursorScimToken?.reveal(), "third");
    assert.deepEqual(
      warnings.filter((line) => line.includes("secrets directory")),
      ["the secrets directory and the environment differ on BATON_CLIENT_ID, BATON_CURSOR_API_KEY: the directory wins"],
    );
    assert.ok(!warnings.join().includes("key_file"));
  });

  test("other options never come from it", () => {
    const world = mount({ ...complete, BATON_PROVISIONING: "true" });
    assert.equal(parseConfig(configInput(world)).config.provisioning, false);
  });

  test("a client id in it makes a service", () => {
    assert.equal(parseConfig(configInput(mount(complete))).service, true);
  });

  for (const [what, files] of [
    ["without files", {}],
    ["with a client id alone", { BATON_CLIENT_ID: clientId }],
    [
      "with credentials of the wrong shape",
      { BATON_CLIENT_ID: "x", BATON_CLIENT_SECRET: "y", BATON_CURSOR_API_KEY: "a b" },
    ],
    [
      "with an address of a directory and no token",
      { ...complete, BATON_CURSOR_SCIM_ENDPOINT: "https://scim.example.com" },
    ],
  ] as const) {
    test(`a service starts ${what}, and waits`, () => {
      const { config, service } = parseConfig(configInput(mount(files, { BATON_SERVICE: "true" })));
      assert.deepEqual([service, config.secretsDir], [true, "/secrets"]);
    });
  }

  test("a service starts with a file that cannot be read; a one-shot run does not, and says which file", () => {
    const version = "/secrets/..2026_01_01_00_00_00.1";
    const world = { ...mount(complete), unreadable: [`${version}/BATON_CURSOR_API_KEY`] };
    assert.equal(parseConfig(configInput(world)).service, true);
    const oneShot = { ...mount({ BATON_CURSOR_API_KEY: "key_file" }), unreadable: [`${version}/BATON_CURSOR_API_KEY`] };
    assert.match(
      problemsOf(oneShot).join("\n"),
      /\(BATON_CURSOR_API_KEY\) is a file of the secrets directory that cannot be read \(EACCES\)/,
    );
  });

  test("a service without its directory does not start: nothing could ever come", () => {
    assert.deepEqual(problemsOf({ env: { ...serviceEnv, ...mounted } }), [
      "--secrets-dir (BATON_SECRETS_DIR) is /secrets, which does not exist",
    ]);
  });

  test("a service whose directory has no SCIM credentials yet may remove members whom SCIM does not know, later", () => {
    const on = { BATON_CURSOR_REMOVE_UNMANAGED: "true" };
    assert.deepEqual(problemsOf(mount(complete, on)), []);
    assert.match(problemsOf({ env: { ...serviceEnv, ...on } }).join(), /needs the SCIM directory/);
  });

  test("a service without a client id and without a directory does not wait for what cannot come", () => {
    assert.deepEqual(problemsOf({ env: { ...oneShotEnv, BATON_SERVICE: "true" } }), [
      "--client-id (BATON_CLIENT_ID) is missing, and nothing can bring it later",
    ]);
  });

  test("without a directory everything is as strict as ever", () => {
    assert.match(problemsOf({ env: { ...oneShotEnv, BATON_CLIENT_ID: clientId } }).join(), /client-secret.*is missing/);
    assert.match(problemsOf({ env: { BATON_CLIENT_ID: "x", BATON_CLIENT_SECRET: "y" } }).join("\n"), /cursor-api-key/);
  });

  test("a version that goes while it is read is not taken for one that lacks files", () => {
    const [old, now] = ["/secrets/..old", "/secrets/..now"];
    const texts = new Map(Object.entries(complete).map(([name, text]) => [`${now}/${name}`, text]));
    const input = configInput({ env: mounted });
    let looks = 0;
    const files = {
      ...input.files,
      directoryProblem: () => undefined,
      realPath() {
        looks += 1;
        return looks === 1 ? old : now;
      },
      readText: (path: string) => texts.get(path),
    };
    assert.equal(parseConfig({ ...input, files }).service, true);
    assert.equal(looks, 4, "both readings looked at the link before and after");
  });
});
