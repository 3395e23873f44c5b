import assert from "node:assert/strict";

/** What everything inherits from; input that changes it changes the whole program. */
const shared = [Object, Array, Function, String, Number, Boolean, Map, Set, Promise, Error, Uint8Array, RegExp].map(
  ({ name, prototype }) => ({ name, prototype: Object(prototype) as object }),
);

const before = new Map(shared.map(({ prototype }) => [prototype, Reflect.ownKeys(prototype)]));

/** Throws when a built-in prototype has got or lost a property since the program started; what is new is taken away again. */
export function assertPrototypesIntact(): void {
  for (const { name, prototype } of shared) {
    const known = before.get(prototype) ?? [];
    const now = Reflect.ownKeys(prototype);
    if (now.length === known.length && now.every((key, at) => key === known[at])) continue;
    for (const key of now) if (!known.includes(key)) Reflect.deleteProperty(prototype, key);
    assert.fail(`${name}.prototype was changed`);
  }
}
