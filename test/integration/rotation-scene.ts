import assert from "node:assert/strict";
import type { CursorOptions } from "../fakes/cursor-server.ts";
import type { ScimOptions } from "../fakes/scim-server.ts";
import type { DaemonOptions } from "../helpers/daemon.ts";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { type MountedSecret, mountSecret, plainSecret, type SecretKeys } from "../helpers/mounted-secret.ts";
import { until } from "../helpers/until.ts";
import { team } from "./account-scene.ts";
import { type AccountStage, startAccountStage } from "./account-stage.ts";
import type { SceneOptions } from "./scene.ts";

export { syncTask } from "./scene.ts";

/** What the Secret is called. */
export const secretName = "prod-baton";

/** The variables that the files stand for. */
export const fileNames = [
  "BATON_CLIENT_ID",
  "BATON_CLIENT_SECRET",
  "BATON_CURSOR_API_KEY",
  "BATON_CURSOR_SCIM_ENDPOINT",
  "BATON_CURSOR_SCIM_TOKEN",
] as const;

type Keys = Readonly<Record<string, string>>;

/** Stand-ins and a Secret with their credentials; disposing removes both. */
export interface RotationStage extends AccountStage {
  readonly secret: MountedSecret;
  /** Everything that is right at the start. */
  readonly keys: Keys;
  /** Writes a new version of the Secret: everything that is right at the start, with these changes; `undefined` takes a key away. */
  write(changes?: Readonly<Record<string, string | Uint8Array | undefined>>): Promise<void>;
  /** Makes a new client of the connector, as Rotate does; nobody knows its credentials yet. */
  rotateC1(host?: string): { readonly BATON_CLIENT_ID: string; readonly BATON_CLIENT_SECRET: string };
  /** Every text that was ever in the Secret. */
  readonly everWritten: ReadonlySet<string>;
}

export interface RotationStageOptions {
  readonly c1?: SceneOptions["c1"];
  readonly cursor?: CursorOptions;
  readonly scim?: ScimOptions;
  /** What the first version has in place of what is right. */
  readonly first?: Readonly<Record<string, string | Uint8Array | undefined>>;
  /** A directory without `..data`. */
  readonly plain?: boolean;
}

/** Starts the stand-ins and mounts the Secret. */
export async function startRotationStage(options: RotationStageOptions = {}): Promise<RotationStage> {
  await using stack = new AsyncDisposableStack();
  const stage = stack.use(
    await startAccountStage({
      // On a fast clock, C1's usual pace would keep the machine busy with polls and heartbeats.
      c1: { nextPollMs: 2_000, nextHeartbeatMs: 5_000, c1zDepth: "counts", ...options.c1 },
      cursor: { members: team, ...options.cursor },
      scim: options.scim ?? {},
    }),
  );
  const { c1, cursor, scim } = stage;
  const keys = {
    BATON_CLIENT_ID: c1.clientId,
    BATON_CLIENT_SECRET: c1.clientSecret,
    BATON_CURSOR_API_KEY: cursor.apiKey,
    BATON_CURSOR_SCIM_ENDPOINT: scim.endpoint,
    BATON_CURSOR_SCIM_TOKEN: scim.token,
  };
  const everWritten = new Set<string>();
  const remember = (version: SecretKeys): SecretKeys => {
    for (const text of Object.values(version)) everWritten.add(String(text).trim());
    return version;
  };
  const changed = (changes: Readonly<Record<string, string | Uint8Array | undefined>>): SecretKeys => {
    const all: Record<string, string | Uint8Array> = {};
    for (const [name, text] of Object.entries({ ...keys, ...changes })) if (text !== undefined) all[name] = text;
    return remember(all);
  };
  const make = options.plain === true ? plainSecret : mountSecret;
  const secret = stack.use(await make(changed(options.first ?? {})));
  const kept = stack.move();
  return {
    ...stage,
    secret,
    keys,
    everWritten,
    write: (changes = {}) => secret.write(changed(changes)),
    rotateC1(host) {
      const { clientId, clientSecret } = c1.addClient(host);
      return { BATON_CLIENT_ID: clientId, BATON_CLIENT_SECRET: clientSecret };
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** The variables of a daemon that follows the Secret, in place of those that hold credentials. */
export function rotationEnv({ secret }: RotationStage, env: Keys = {}): Record<string, string> {
  return {
    BATON_SECRETS_DIR: secret.directory,
    BATON_SECRET_NAME: secretName,
    BATON_SERVICE: "true",
    BATON_PROVISIONING: "true",
    BATON_SCIM_REQUESTS_PER_MINUTE: "10000",
    ...env,
  };
}

/** A daemon that follows a mounted Secret, between stand-ins. */
export interface RotationScene extends RotationStage {
  readonly daemon: Daemon;
}

export interface RotationSceneOptions
  extends RotationStageOptions,
    Pick<DaemonOptions, "env" | "factor" | "deadlines"> {
  /** Variables that hold credentials all the same. */
  readonly kept?: readonly (typeof fileNames)[number][];
  /** Done before the daemon starts. */
  readonly before?: (stage: RotationStage) => void;
}

/**
 * Starts everything in this process, on a clock 100 times as fast. Disposing ends the daemon first and fails when anything
 * that was ever in the Secret is in its log.
 */
export async function setRotationScene(options: RotationSceneOptions = {}): Promise<RotationScene> {
  await using stack = new AsyncDisposableStack();
  const stage = stack.use(await startRotationStage(options));
  options.before?.(stage);
  const daemon = stack.use(
    await startDaemon({
      ...options,
      c1: stage.c1,
      cursor: stage.cursor,
      prove: true,
      env: rotationEnv(stage, options.env),
      unset: fileNames.filter((name) => options.kept?.includes(name) !== true),
    }),
  );
  const kept = stack.move();
  return {
    ...stage,
    daemon,
    async [Symbol.asyncDispose]() {
      await kept.disposeAsync();
      assertUnseen(stage, daemon.logLines.join(""));
    },
  };
}

/** Fails when `text` shows any part of the Secret, in any of its versions. */
export function assertUnseen({ everWritten }: RotationStage, text: string): void {
  for (const value of everWritten) {
    const parts = [value, value.split(":").at(-1) ?? value, value.split("@")[0] ?? value];
    for (const part of parts) if (part.length >= 6) assert.ok(!text.includes(part), `${part} is in: ${text}`);
  }
}

/** One line of the log by its words, as it was written. */
export function linesWith({ logLines }: Daemon, words: string): readonly Readonly<Record<string, unknown>>[] {
  return logLines.filter((line) => line.includes(words)).map((line) => JSON.parse(line));
}

/** Resolves when the `n`th new version of this credential is in use. */
export function activated({ daemon }: RotationScene, credential: string, n = 1): Promise<void> {
  const count = (): number =>
    linesWith(daemon, "a new version of a credential is in use").filter((line) => line["credential"] === credential)
      .length;
  return until(() => count() >= n, `version ${n} of ${credential} in use`);
}

/** The answer of /ready: its status and what it says is wrong. */
export async function readiness(url: string): Promise<{ readonly status: number; readonly error: string }> {
  const response = await fetch(`${url}/ready`);
  const body: { details?: { error?: string } } = JSON.parse(await response.text());
  return { status: response.status, error: body.details?.error ?? "" };
}

/** Resolves when /ready has this status, with what it says. */
export async function ready(url: string, status: number): Promise<string> {
  const giveUpAt = performance.now() + 10_000;
  for (;;) {
    const answer = await readiness(url);
    if (answer.status === status) return answer.error;
    if (performance.now() > giveUpAt) throw new Error(`/ready is ${answer.status}, not ${status}: ${answer.error}`);
  }
}

/** A line of /metrics as a number; NaN where there is none. */
export async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? Number.NaN : Number(line.slice(name.length));
}

/** What the metrics say of one credential. */
export async function credentialMetrics(url: string, credential: string) {
  const of = (name: string, labels = ""): Promise<number> =>
    metric(url, `baton_credential_${name}{credential="${credential}"${labels}}`);
  const [activations, rejections, unreadable, pending, activeSince] = await Promise.all([
    of("reloads_total", ',outcome="activated"'),
    of("reloads_total", ',outcome="rejected"'),
    of("reloads_total", ',outcome="unreadable"'),
    of("pending"),
    of("active_since_timestamp_seconds"),
  ]);
  return { activations, rejections, unreadable, pending, activeSince };
}
