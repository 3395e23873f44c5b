import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createRegistry, toJson } from "@bufbuild/protobuf";
import { SkipEntitlementsAndGrantsSchema } from "../../src/wire/gen/c1/connector/v2/annotation_pb.ts";
import {
  ConnectorAccountCreationSchemaSchema,
  ConnectorCapabilitiesSchema,
} from "../../src/wire/gen/c1/connector/v2/connector_pb.ts";
import {
  accountTask,
  always,
  type CreateValue,
  creation,
  effectsOf,
  outcome,
  people,
  refused,
  setAccountScene,
  syncedUsers,
} from "./account-scene.ts";
import { createTask, deleteTask } from "./account-stage.ts";
import { setScene } from "./scene.ts";

const limit = { timeout: 40_000 };
const zoe = "zoe@example.com";
const good = [{ address: zoe, isPrimary: true }];
const noOptions = { options: { case: undefined } } as const;

suite("T7 create_account: what is refused, in this order", { concurrency: 3 }, () => {
  /** Each task is wrong in its own way and in all the ways that come after it. */
  const tasks: readonly (readonly [string, CreateValue])[] = [
    ["malformed", { resourceTypeId: "x".repeat(1025), credentialOptions: noOptions }],
    [
      "e-mail",
      { accountInfo: { emails: [{ address: "zoe" }] }, resourceTypeId: "x".repeat(1025), credentialOptions: noOptions },
    ],
    ["long type", { accountInfo: {}, resourceTypeId: "x".repeat(1025), credentialOptions: noOptions }],
    ["other type", { accountInfo: {}, resourceTypeId: "role", credentialOptions: noOptions }],
    ["no arm", { accountInfo: {}, resourceTypeId: "user", credentialOptions: noOptions }],
    ["encrypted", { accountInfo: {}, credentialOptions: { options: { case: "encryptedPassword", value: {} } } }],
    ["no e-mail", { accountInfo: {} }],
  ];
  type Refusal = readonly [number, RegExp];
  const always: Readonly<Record<string, Refusal>> = {
    malformed: [3, /^malformed create account task$/],
    "e-mail": [3, /^entry 0 of the account's e-mail addresses is not one plain, valid address$/],
    "long type": [3, /^the resource type of the account is longer than 1024 bytes$/],
  };
  const rest = (refusal: Refusal): Readonly<Record<string, Refusal>> =>
    Object.fromEntries(["other type", "no arm", "encrypted", "no e-mail"].map((name) => [name, refusal]));
  const withDirectory: Readonly<Record<string, Refusal>> = {
    ...always,
    "other type": [12, /^connector does not have account manager configured for resource type: role$/],
    "no arm": [3, /^invalid credential options$/],
    encrypted: [3, /^invalid credential options: Cursor accounts have no password/],
    "no e-mail": [3, /^the account has no e-mail address: fill in the field email/],
  };
  const off: Refusal = [9, /^provisioning is not enabled$/];
  const noManager: Refusal = [12, /^connector does not have account manager configured$/];

  for (const [what, env, expected] of [
    ["switch off, with directory", { BATON_PROVISIONING: "false" }, { ...always, ...rest(off) }],
    [
      "switch on, without directory",
      { BATON_CURSOR_SCIM_ENDPOINT: "", BATON_CURSOR_SCIM_TOKEN: "" },
      { ...always, ...rest(noManager) },
    ],
    ["switch on, with directory", {}, withDirectory],
  ] as const) {
    test(`${what}: nobody is asked anything`, limit, async () => {
      await using scene = await setAccountScene({ env });
      for (const [name, value] of tasks) {
        const [code, text] = expected[name] ?? assert.fail(name);
        await refused(scene, accountTask(value), code, text);
      }
      assert.deepEqual(scene.asked(), { cursor: [], scim: [] });
    });
  }
});

suite("T7 create_account: the answer follows from what directory and roster held", { concurrency: 3 }, () => {
  type Before = "active" | "inactive" | "none";
  interface Row {
    readonly directory: Before;
    readonly roster: "active" | "removed" | "absent";
    readonly effects: readonly string[];
    readonly arm: number;
  }
  const rows: readonly Row[] = [
    { directory: "active", roster: "active", effects: [], arm: 102 },
    { directory: "active", roster: "absent", effects: [], arm: 103 },
    { directory: "active", roster: "removed", effects: [], arm: 103 },
    { directory: "inactive", roster: "active", effects: ["patched"], arm: 100 },
    { directory: "inactive", roster: "absent", effects: ["patched"], arm: 103 },
    { directory: "inactive", roster: "removed", effects: ["patched"], arm: 103 },
    { directory: "none", roster: "active", effects: ["created"], arm: 102 },
    { directory: "none", roster: "absent", effects: ["created"], arm: 103 },
    { directory: "none", roster: "removed", effects: ["created"], arm: 103 },
  ];
  for (const { arm, directory, effects, roster } of rows) {
    test(`directory ${directory}, roster ${roster}: ${effects[0] ?? "nothing done"}, arm ${arm}`, limit, async () => {
      const zoeRow = { ...people.cleo, id: "user_zoe", name: "Zoë Ågren", email: "Zoe@Example.com" };
      const shown = roster === "removed" ? { ...zoeRow, role: "removed", isRemoved: true } : zoeRow;
      const members = roster === "absent" ? [people.ada, people.cleo] : [people.ada, people.cleo, shown];
      const record = { userName: zoe, active: directory === "active" };
      const others = ["ada@example.com", "cleo@example.com"];
      await using scene = await setAccountScene({
        members,
        scim: { users: directory === "none" ? others : [...others, record] },
      });
      const synced = await syncedUsers(scene);

      const [number, fields] = await creation(scene, createTask(zoe));
      assert.equal(number, arm);
      assert.equal(fields.get(2), 1, "is_create_account_result");
      const resource = fields.get(1);
      assert.equal(typeof resource, arm === 103 ? "undefined" : "object");
      const hex = resource === undefined ? undefined : Buffer.from(resource as Uint8Array).toString("hex");
      assert.equal(hex, arm === 103 ? undefined : synced.get("user_zoe"));
      assert.deepEqual(
        effectsOf(scene),
        effects.map((effect) => `${effect} ${zoe}`),
      );
      assert.deepEqual(
        scene.scim.records.filter(({ userName }) => userName === zoe).map(({ active }) => active),
        [true],
      );

      // Asked again, nothing changes any more.
      assert.equal((await creation(scene, createTask(zoe)))[0], roster === "active" ? 102 : 103);
      assert.equal(scene.scim.effects.length, effects.length);
    });
  }

  test("the record is made of address and names, and of nothing else", limit, async () => {
    await using scene = await setAccountScene();
    const profile = { email: " Zoe@Example.com ", first_name: "Zoë", last_name: 'Ågren "Z"', department: "R&D" };
    assert.equal((await outcome(scene, accountTask({ accountInfo: { profile } }))).ok, true);
    const [post] = scene.scim.requests.filter(({ method }) => method === "POST");
    assert.deepEqual(post?.body, {
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
      userName: "Zoe@Example.com",
      name: { givenName: "Zoë", familyName: 'Ågren "Z"' },
      emails: [{ value: "Zoe@Example.com", type: "work", primary: true }],
      active: true,
    });
  });

  const sources: readonly (readonly [string, NonNullable<CreateValue["accountInfo"]>, string])[] = [
    ["the primary address", { emails: [{ address: "x@example.com" }, ...good], profile: { email: "y@x.y" } }, zoe],
    ["the form's address", { profile: { email: zoe }, login: "y@x.y" }, zoe],
    ["the login", { login: zoe }, zoe],
    ["an address beyond ASCII", { profile: { email: "zoë+1@example.com" } }, "zoë+1@example.com"],
  ];
  for (const [what, accountInfo, expected] of sources) {
    test(`whose account: ${what}`, limit, async () => {
      await using scene = await setAccountScene();
      assert.equal((await outcome(scene, accountTask({ accountInfo }))).ok, true);
      assert.deepEqual(effectsOf(scene), [`created ${expected}`]);
    });
  }

  test("BATON_CURSOR_PENDING_ACCOUNT=action_required: only where there is no account yet", limit, async () => {
    await using scene = await setAccountScene({
      env: { BATON_CURSOR_PENDING_ACCOUNT: "action_required" },
      scim: { users: ["cleo@example.com"] },
    });
    const [number, fields] = await creation(scene, createTask(zoe));
    assert.deepEqual([number, [...fields.keys()], fields.get(3)], [101, [2, 3], 1]);
    assert.match(Buffer.from(fields.get(2) as Uint8Array).toString(), /signed in to Cursor for the first time/);
    assert.equal((await creation(scene, createTask("cleo@example.com")))[0], 102);
  });

  test("whoever has just been deleted is not there any more, although the roster lags", limit, async () => {
    await using scene = await setAccountScene({
      delay: "manual",
      scim: { users: ["ada@example.com", "bob@example.com", "cleo@example.com"] },
    });
    assert.equal((await outcome(scene, deleteTask("user_cleo"))).ok, true);
    assert.equal((await creation(scene, createTask("cleo@example.com")))[0], 103);
    assert.deepEqual(effectsOf(scene), ["deleted cleo@example.com", "created cleo@example.com"]);
  });
});

suite("create_account: somebody of whom it is not known whether they were deleted", { concurrency: 2 }, () => {
  const others = ["ada@example.com", "bob@example.com", "cleo@example.com"];
  for (const [what, answer, effects, arm] of [
    ["the record is gone: no account yet", { status: 503, afterEffect: true }, ["deleted", "created"], 103],
    ["the record is there: the member", { status: 503 }, [], 102],
  ] as const) {
    test(what, limit, async () => {
      await using scene = await setAccountScene({ delay: "manual", factor: 200, scim: { users: others } });
      scene.scim.script(always("DELETE", answer));
      assert.equal((await outcome(scene, deleteTask("user_cleo"), 20_000)).code, 14);
      for (const _ of [1, 2]) assert.equal((await creation(scene, createTask("cleo@example.com")))[0], arm);
      assert.deepEqual(
        effectsOf(scene),
        effects.map((effect) => `${effect} cleo@example.com`),
      );
    });
  }
});

suite("T7 create_account: credential options", { concurrency: 3 }, () => {
  const base = {
    accountInfo: { emails: good },
    encryptionConfigs: [{ provider: "baton/jwk/v1", keyId: "k", config: { case: undefined as undefined } }],
  } satisfies CreateValue;
  const accepted: readonly (readonly [string, Pick<CreateValue, "credentialOptions">])[] = [
    ["absent", {}],
    ["no_password", { credentialOptions: { options: { case: "noPassword", value: {} } } }],
    ["sso", { credentialOptions: { options: { case: "sso", value: { ssoProvider: "okta" } } } }],
    ["random_password", { credentialOptions: { options: { case: "randomPassword", value: { length: 20n } } } }],
  ];
  for (const [what, value] of accepted) {
    test(`${what}, with encryption configs: no secret is made, none is sent`, limit, async () => {
      await using scene = await setAccountScene();
      assert.equal((await creation(scene, accountTask({ ...base, ...value })))[0], 103);
      assert.doesNotMatch(JSON.stringify(scene.scim.requests), /password/i);
    });
  }

  test("none of the arms, or a password that C1 encrypted: 3", limit, async () => {
    await using scene = await setAccountScene();
    const encryptedPasswords = [{ encryptedBytes: Uint8Array.of(1), keyIds: ["k"] }];
    for (const credentialOptions of [
      noOptions,
      { options: { case: "encryptedPassword", value: { encryptedPasswords } } } as const,
    ]) {
      const task = accountTask({ accountInfo: { emails: good }, credentialOptions });
      await refused(scene, task, 3, /^invalid credential options/);
    }
  });
});

suite("what Hello says of accounts", { concurrency: 3 }, () => {
  const registry = createRegistry(SkipEntitlementsAndGrantsSchema);
  for (const [what, env] of [
    ["switch on", {}],
    ["switch off", { BATON_PROVISIONING: "false" }],
  ] as const) {
    test(`with a directory, ${what}: both capabilities, no password, and the form`, limit, async () => {
      await using scene = await setAccountScene({ env });
      const { request } = await scene.c1.awaitHello("");
      const { accountCreationSchema: form, capabilities } = request?.connectorMetadata ?? assert.fail("no metadata");
      const said = toJson(ConnectorCapabilitiesSchema, capabilities ?? assert.fail("no capabilities"), { registry });
      assert.match(
        JSON.stringify(said),
        /CAPABILITY_ACCOUNT_PROVISIONING.*CAPABILITY_RESOURCE_DELETE.*"preferredCredentialOption":"CAPABILITY_DETAIL_CREDENTIAL_OPTION_NO_PASSWORD"/,
      );
      const { fieldMap } = toJson(ConnectorAccountCreationSchemaSchema, form ?? assert.fail("no form")) as {
        readonly fieldMap: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
      };
      assert.deepEqual(
        Object.entries(fieldMap).map(([key, { order, required, stringField }]) => [key, order, required, stringField]),
        [
          ["email", 1, true, {}],
          ["first_name", 2, undefined, {}],
          ["last_name", 3, undefined, {}],
        ],
      );
    });
  }

  test("without one: sync alone and no form, even with the switch on", limit, async () => {
    await using scene = await setScene({ env: { BATON_PROVISIONING: "true" } });
    const { request } = await scene.c1.awaitHello("");
    const { accountCreationSchema, capabilities } = request?.connectorMetadata ?? assert.fail("no metadata");
    assert.equal(accountCreationSchema, undefined);
    const said = JSON.stringify(
      toJson(ConnectorCapabilitiesSchema, capabilities ?? assert.fail("no capabilities"), { registry }),
    );
    assert.doesNotMatch(said, /PROVISIONING|DELETE|CREDENTIAL_OPTION/);
  });
});
