import assert from "node:assert/strict";
import { forever } from "./scim-client.ts";
import { newUser, type ScimScene } from "./scim-scene.ts";

/** Whom the tests of creations create. */
export const ada = "Ada@example.com";
/** Whom the directory has already. */
export const others = ["bob@example.com", "cyd@example.com"];
export const onPost = { method: "POST" } as const;
export const create = ({ client }: ScimScene, email = ada) => client.createUser(newUser(email), forever);
/** The user names of the records that are stored. */
export const stored = ({ scim }: ScimScene) => scim.records.map(({ userName }) => userName);
export const posts = ({ scim }: ScimScene) => scim.requests.filter(({ method }) => method === "POST");

/** One created user, and one record of it, whatever happened on the way. */
export async function assertCreatedOnce(scene: ScimScene): Promise<void> {
  const { kind, user } = await create(scene);
  assert.deepEqual([kind, user.userName.toLowerCase(), user.active], ["created", ada.toLowerCase(), true]);
  assert.deepEqual(
    stored(scene).map((name) => name.toLowerCase()),
    [...others, ada.toLowerCase()],
  );
  assert.equal(user.id, scene.scim.records.at(-1)?.id);
  assert.deepEqual(
    scene.scim.effects.map(({ kind: effect }) => effect),
    ["created"],
  );
}
