import assert from "node:assert/strict";
import type { StatusCode, StatusError } from "../../src/baton/status-error.ts";
import type { Lookup } from "../../src/scim/lookup.ts";
import type { NewScimUser, ScimUser } from "../../src/scim/schema.ts";
import {
  type ScimFake,
  type ScimOptions,
  type ScimQuirks,
  type ScimRequest,
  startScimServer,
} from "../fakes/scim-server.ts";
import {
  createTestScimClient,
  failsWith,
  forever,
  type TestScimClient,
  type TestScimClientOptions,
} from "./scim-client.ts";

export interface ScimSceneOptions extends ScimOptions {
  readonly client?: Partial<TestScimClientOptions>;
}

/** A client and our stand-in of a directory. Disposing fails when the client sent what no careful client sends. */
export interface ScimScene extends TestScimClient, AsyncDisposable {
  readonly scim: ScimFake;
  find(email: string, thorough?: boolean): Promise<Lookup>;
  /** The one record with this address; fails when there is not exactly one. */
  only(email: string): Promise<ScimUser>;
  /** As `failsWith`, with the token of the stand-in as the secret. */
  fails(promise: Promise<unknown>, code: StatusCode, message: RegExp): Promise<StatusError>;
  /** What was asked for since the last call of this, as "GET /Users", filters behind it. */
  asked(): readonly string[];
}

/** Starts a stand-in and connects a client to it. */
export async function setScimScene({ client: clientOptions, ...options }: ScimSceneOptions = {}): Promise<ScimScene> {
  const scim = await startScimServer(options);
  const { endpoint, token } = scim;
  const made = createTestScimClient({ endpoint, token, ...clientOptions });
  let told = 0;
  const find: ScimScene["find"] = (email, thorough = false) => made.client.findUsers(email, thorough, forever);
  return {
    ...made,
    scim,
    find,
    async only(email) {
      const { users } = await find(email);
      assert.equal(users.length, 1);
      return users[0]!;
    },
    fails: (promise, code, message) => failsWith(promise, code, message, [token]),
    asked() {
      const fresh = scim.requests.slice(told);
      told = scim.requests.length;
      return fresh.map(inWords);
    },
    async [Symbol.asyncDispose]() {
      made[Symbol.dispose]();
      await scim[Symbol.asyncDispose]();
      assert.deepEqual(scim.violations, []);
    },
  };
}

function inWords({ method, path, query }: ScimRequest): string {
  return [method, path, ...(query["filter"] === undefined ? [] : [query["filter"]])].join(" ");
}

/** A new user with this address. */
export const newUser = (email: string): NewScimUser => ({ email, givenName: "Ada", familyName: "Byron" });

/** `size` addresses that differ. */
export const crowd = (size: number): string[] => Array.from({ length: size }, (_, at) => `Person${at}@example.com`);

const ada = "Ada@example.com";
const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/** A record whose id has to be encoded, with attributes and groups that somebody else looks after. */
export const adaRecord = {
  id: "a/b c?d#\u00e9@x",
  userName: ada,
  active: true,
  emails: [
    { value: ada, primary: true, type: "work" },
    { value: "ada@home.example", type: "home" },
  ],
  groups: [{ value: "1", display: "Developers" }],
  extra: { title: "Countess", locale: "en-GB", [enterprise]: { department: "Engines" } },
};

/** A directory that holds `adaRecord` alone, and a client that waits half a second for an answer. */
export async function setAda(quirks: ScimQuirks = {}, active = true): Promise<ScimScene> {
  const scene = await setScimScene({ quirks, client: { totalTimeoutMs: 500 } });
  scene.scim.seed({ ...adaRecord, active });
  return scene;
}
