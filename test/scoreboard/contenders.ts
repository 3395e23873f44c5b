import { programPath } from "../interop/tools.ts";

/** Who takes part in the measurements of whole syncs. */
export type ContenderName = "ours" | "sdk" | "sdk-sqlite";

/** A program that does a whole sync, and how it is told what to do. All read the same variables. */
export interface Contender {
  readonly name: ContenderName;
  /** As it stands at the head of a column. */
  readonly title: string;
  /** Absent for `dist/baton-cursor`. */
  readonly program?: string;
  readonly env: Readonly<Record<string, string>>;
}

const sdkEnv = { BATON_HEALTH_CHECK: "false" };

/** Ours, and the connector on the official SDK with each of the SDK's two storage engines. */
export const contenders: readonly Contender[] = [
  {
    name: "ours",
    title: "ours",
    env: { BATON_HEALTH_CHECK_PORT: "0", BATON_STATUS: "false", BATON_CURSOR_REQUESTS_PER_MINUTE: "100000" },
  },
  { name: "sdk", title: "Go SDK, as it comes", program: programPath("sdk-connector"), env: sdkEnv },
  {
    name: "sdk-sqlite",
    title: "Go SDK, SQLite engine",
    program: programPath("sdk-connector"),
    env: { ...sdkEnv, BATON_STORAGE_ENGINE: "sqlite" },
  },
];
