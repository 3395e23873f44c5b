import { AsyncLocalStorage } from "node:async_hooks";
import type { LogFields, Logger } from "./logger.ts";

/** What the lines of one piece of work have in common; it grows while more becomes known. */
interface Scope {
  fields: LogFields;
  /** Takes every line as well. */
  log?: Logger | undefined;
}

const scopes = new AsyncLocalStorage<Scope | undefined>();

/**
 * Runs `work`; every line that is written until it has ended carries `fields`, also lines of rooms that know nothing of it and
 * of what it leaves running. The fields follow calls, promises and timers, so that work at the same time is not mixed up.
 */
export function withLogScope<T>(fields: LogFields, work: () => T): T {
  return scopes.run({ fields }, work);
}

/** Adds to all lines of the work around it from now on, whichever part of it writes them. Without such work nothing happens. */
export function addToLogScope(fields: LogFields): void {
  const scope = scopes.getStore();
  if (scope !== undefined) scope.fields = { ...scope.fields, ...fields };
}

/**
 * From now on all lines of the work around it go to `log` as well, from level debug on, whichever part of it writes them; `undefined`
 * ends that. Without such work nothing happens.
 */
export function alsoLogTo(log: Logger | undefined): void {
  const scope = scopes.getStore();
  if (scope !== undefined) scope.log = log;
}

/** Where else a line that is written here belongs. */
export function scopeLogger(): Logger | undefined {
  return scopes.getStore()?.log;
}

/** What a line that is written here has to carry. */
export function logScope(): LogFields {
  return scopes.getStore()?.fields ?? none;
}

/** Runs `work` as if nothing were around it: for what goes on when the work that caused it is over. */
export function outsideLogScope<T>(work: () => T): T {
  return scopes.run(undefined, work);
}

const none: LogFields = {};
