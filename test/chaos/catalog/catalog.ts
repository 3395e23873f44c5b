import { unaryFaults } from "./calls.ts";
import { cursorFaults } from "./cursor.ts";
import type { Fault } from "./fault.ts";
import { scimFaults } from "./scim.ts";
import { tokenFaults } from "./token.ts";
import { uploadFaults } from "./upload.ts";

/** Every fault of the network that is played, each once. */
export const catalog: readonly Fault[] = [
  ...tokenFaults,
  ...unaryFaults,
  ...uploadFaults,
  ...cursorFaults,
  ...scimFaults,
];
