import { unaryFaults } from "./calls.ts";
import { cursorFaults } from "./cursor.ts";
import { exclusions } from "./exclusions.ts";
import type { Fault } from "./fault.ts";
import { scimFaults } from "./scim.ts";
import { tokenFaults } from "./token.ts";
import { uploadFaults } from "./upload.ts";

/** The whole products. */
export const candidates: readonly Fault[] = [
  ...tokenFaults,
  ...unaryFaults,
  ...uploadFaults,
  ...cursorFaults,
  ...scimFaults,
];

/** Every fault of the network that is played, each once. */
export const catalog: readonly Fault[] = candidates.filter(({ id }) => !exclusions.some(({ ids }) => ids.test(id)));
