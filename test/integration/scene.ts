import type { C1Options, C1Server } from "../fakes/c1-server.ts";
import { startC1Server } from "../fakes/c1-server.ts";
import { type CursorOptions, type CursorServer, startCursorServer } from "../fakes/cursor-server.ts";
import { type Daemon, type DaemonOptions, type DaemonProcess, daemonEnv, startDaemon } from "../helpers/daemon.ts";
import { until } from "../helpers/until.ts";

/** Stand-ins of C1 and Cursor and the daemon between them. Disposing ends the daemon first. */
export interface Scene extends AsyncDisposable {
  readonly c1: C1Server;
  readonly cursor: CursorServer;
  readonly daemon: Daemon;
}

export interface SceneOptions extends Omit<DaemonOptions, "c1" | "cursor"> {
  readonly c1?: C1Options;
  readonly cursor?: CursorOptions;
  /** Done before the daemon starts. */
  readonly before?: (c1: C1Server, cursor: CursorServer) => void;
}

/** A team small enough to read, with somebody who has left. */
export const smallTeam = { active: 4, removed: 1 } as const;

/** Starts everything in this process. */
export async function setScene(options: SceneOptions = {}): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const c1 = stack.use(await startC1Server(options.c1));
  const cursor = stack.use(await startCursorServer({ team: smallTeam, ...options.cursor }));
  options.before?.(c1, cursor);
  const daemon = stack.use(await startDaemon({ ...options, c1, cursor }));
  const kept = stack.move();
  return { c1, cursor, daemon, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** The two stand-ins alone, for daemons in processes of their own. */
export async function startStandIns(
  options: { readonly c1?: C1Options; readonly cursor?: CursorOptions } = {},
): Promise<Omit<Scene, "daemon">> {
  await using stack = new AsyncDisposableStack();
  const c1 = stack.use(await startC1Server(options.c1));
  const cursor = stack.use(await startCursorServer({ team: smallTeam, ...options.cursor }));
  const kept = stack.move();
  return { c1, cursor, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** The variables for a process that speaks to the stand-ins; its temporary directory is its own business. */
export function processEnv(
  { c1, cursor }: Omit<Scene, "daemon">,
  env: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const { BATON_TMPDIR: _own, ...rest } = daemonEnv({ c1, cursor, env }, "");
  return { ...rest, SSL_CERT_FILE: c1.caFile, ...(env["BATON_TMPDIR"] && { BATON_TMPDIR: env["BATON_TMPDIR"] }) };
}

/** Resolves when the daemon has logged `words` at least `times` times. */
export function logged({ logLines }: Daemon, words: string, times = 1): Promise<void> {
  return until(() => logLines.filter((line) => line.includes(words)).length >= times, `${times} × "${words}"`);
}

/**
 * The waits of more than polls take (100 ms), in whole seconds. A loop sleeps for what is left of its wait when it gets there, which on
 * a fast clock is noticeably less than the wait itself: what is asked for is rounded up.
 */
export function longWaits({ clock }: Daemon): number[] {
  return clock.sleeps.filter((ms) => ms > 150).map((ms) => Math.ceil(ms / 1000));
}

/** Resolves when a process has written `words` to standard error. */
export function printed(process: DaemonProcess, words: string): Promise<void> {
  return until(() => process.stderr().includes(words), `"${words}" on standard error`);
}

/** A full sync as C1 asks for it. */
export const syncTask = { taskType: { case: "syncFull", value: {} } } as const;
