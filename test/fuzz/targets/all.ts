import type { FuzzTarget } from "../harness/target.ts";
import { answerTargets } from "./answers.ts";
import { fileTargets } from "./c1z.ts";
import { configTargets } from "./config.ts";
import { credentialTargets } from "./credentials.ts";
import { machineTargets } from "./machine.ts";
import { cursorTargets } from "./roster.ts";
import { scimTargets } from "./scim.ts";
import { wireTargets } from "./tasks.ts";

/** Every parser of outside data that is fuzzed; README.md says where the others are tested. */
export const targets: readonly FuzzTarget[] = [
  ...credentialTargets,
  ...cursorTargets,
  ...scimTargets,
  ...wireTargets,
  ...fileTargets,
  ...configTargets,
  ...answerTargets,
  ...machineTargets,
];
