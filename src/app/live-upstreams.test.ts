import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createRecordingLogger } from "../../test/fakes/recording-logger.ts";
import { startScimServer } from "../../test/fakes/scim-server.ts";
import { createVirtualClock } from "../../test/fakes/virtual-clock.ts";
import { createTestScimClient, forever } from "../../test/helpers/scim-client.ts";
import { until } from "../../test/helpers/until.ts";
import { Secret } from "../baton/secret.ts";
import { type CredentialReading, createSlot } from "../credentials/slot.ts";
import type { ScimClient } from "../scim/client.ts";
import type { ScimAccess } from "./credential-readings.ts";
import { type OpenScim, scimInUse } from "./live-upstreams.ts";

const reading = (endpoint: string, token: string): CredentialReading<ScimAccess> => ({
  digest: `${endpoint} ${token}`,
  value: { endpoint, token: new Secret(token) },
  problem: undefined,
});

/** What a client was opened with. */
interface Opened {
  readonly endpoint: string;
  readonly token: () => Secret;
  readonly onResponse: Parameters<OpenScim>[2];
  /** A list of users was answered so. */
  readonly answered: (status: number) => void;
}

function setUp(first: CredentialReading<ScimAccess>) {
  const opened: Opened[] = [];
  const looks = { count: 0 };
  const scim = createSlot<ScimAccess>(
    {
      name: "cursor_scim",
      verify: async () => undefined,
      activate: () => undefined,
      clock: createVirtualClock(),
      random: () => 0.5,
      log: createRecordingLogger(),
      hooks: {},
    },
    first,
  );
  const look = (): void => {
    looks.count += 1;
  };
  const inUse = scimInUse({ scim, rotates: true, look }, (endpoint, token, onResponse) => {
    const answered = (status: number): void => onResponse({ operation: "list_users", status });
    opened.push({ endpoint, token, onResponse, answered });
    // Only told apart here, never called.
    return Object.freeze({}) as ScimClient;
  });
  return {
    scim,
    opened,
    looks,
    inUse,
    async rotate(endpoint: string, token: string): Promise<void> {
      scim.offer(reading(endpoint, token));
      await until(() => scim.active()?.token.reveal() === token, "the new version in use");
    },
    [Symbol.dispose]: () => scim.close(),
  };
}

suite("the directory in use", () => {
  test("a new token counts at once, in the same client", async () => {
    using s = setUp(reading("https://one", "t1"));
    const client = s.inUse();
    await s.rotate("https://one", "t2");
    assert.equal(s.inUse(), client);
    assert.deepEqual(
      s.opened.map(({ token }) => token().reveal()),
      ["t2"],
    );
  });

  test("another directory has a client of its own; the first keeps the last token that was its own", async () => {
    using s = setUp(reading("https://one", "t1"));
    const client = s.inUse();
    await s.rotate("https://one", "t2");
    s.inUse();
    await s.rotate("https://two", "t3");
    assert.notEqual(s.inUse(), client);
    assert.deepEqual(
      s.opened.map(({ endpoint, token }) => `${endpoint} ${token().reveal()}`),
      ["https://one t2", "https://two t3"],
    );
  });

  test("what a directory that is no longer in use answers says nothing about the token in use", async () => {
    using s = setUp(reading("https://one", "t1"));
    s.inUse();
    await s.rotate("https://two", "t2");
    s.opened[0]?.answered(401);
    assert.deepEqual([s.scim.problem(), s.looks.count], [undefined, 0]);
    s.inUse();
    s.opened[1]?.answered(401);
    assert.match(s.scim.problem() ?? "", /rejected BATON_CURSOR_SCIM_TOKEN/);
    s.opened[0]?.answered(200);
    assert.match(s.scim.problem() ?? "", /rejected BATON_CURSOR_SCIM_TOKEN/);
    s.opened[1]?.answered(200);
    assert.deepEqual([s.scim.problem(), s.looks.count], [undefined, 1]);
  });

  test("what the directory says to being asked for its description says nothing about the token", async () => {
    await using server = await startScimServer({ users: ["ada@example.com"] });
    using s = setUp(reading(server.endpoint, server.token));
    s.inUse();
    const [own] = s.opened;
    assert.ok(own);
    const answers: string[] = [];
    using directory = createTestScimClient({
      endpoint: own.endpoint,
      token: own.token().reveal(),
      onResponse(event) {
        answers.push(`${event.operation} ${event.status}`);
        own.onResponse(event);
      },
    });
    server.script({ on: { path: /ServiceProviderConfig$/ }, status: 401 }, { on: { path: /Users$/ }, status: 401 });
    await directory.client.describe(forever).catch(() => undefined);
    assert.deepEqual(answers, ["service_provider_config 401", "list_users 401"]);
    assert.deepEqual(s.looks.count, 1, "only the list of users counts");
    assert.match(s.scim.problem() ?? "", /rejected BATON_CURSOR_SCIM_TOKEN/);
    own.onResponse({ operation: "service_provider_config", status: 200 });
    assert.match(s.scim.problem() ?? "", /rejected BATON_CURSOR_SCIM_TOKEN/);
    await directory.client.validate(forever);
    assert.equal(s.scim.problem(), undefined);
    own.onResponse({ operation: "service_provider_config", status: 401 });
    assert.deepEqual([s.scim.problem(), s.scim.rejection(), s.looks.count], [undefined, undefined, 1]);
  });
});
