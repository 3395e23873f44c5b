import type { C1Request } from "../../fakes/c1-server.ts";
import type { CursorRequest } from "../../fakes/cursor-server.ts";
import type { ScimRequest } from "../../fakes/scim-server.ts";
import type { AccountStage } from "../../integration/account-stage.ts";

/**
 * How far a request has come: the other side has it and has done nothing; it has done everything but answer; its answer has
 * left, which is told apart for the hand-out of a task alone.
 */
export type Moment = "received" | "took effect" | "answered";

/** What the program is busy with: it starts with a task waiting for it, it waits for work, it does the task. */
export type Busy = "starting" | "idle" | "working";

/** A moment of one request that stand-ins see. */
export interface Point {
  readonly busy: Busy;
  /** What a person calls the request, without names and ids. */
  readonly name: string;
  /** Counted from 1 among the requests of this name since the program became busy with this. */
  readonly count: number;
  readonly moment: Moment;
}

/** The point as people write it; unique within a scenario. */
export function pointName({ busy, name, count, moment }: Point): string {
  return `${busy}, ${name}${count > 1 ? ` (${count})` : ""}: ${moment}`;
}

/** Called at every moment of every request; "drop" resets its connection there. */
type OnMoment = (name: string, moment: Moment) => "drop" | undefined | Promise<"drop" | undefined>;

/** Tells of every request to the three stand-ins until disposed. */
export function watchMoments({ c1, cursor, scim }: AccountStage, onMoment: OnMoment): Disposable {
  const moment = (phase: "received" | "done"): Moment => (phase === "done" ? "took effect" : phase);
  c1.setOnRequest(({ name }: C1Request, phase) => onMoment(name, moment(phase)));
  cursor.setOnRequest((request, phase) => onMoment(`Cursor ${nameOf(request)}`, moment(phase)));
  scim.setOnRequest(async (request, phase) => await onMoment(nameOf(request), moment(phase)));
  return {
    [Symbol.dispose]() {
      for (const standIn of [c1, cursor, scim]) standIn.setOnRequest(undefined);
    },
  };
}

/** Whether the request asks for a task. */
export function isPoll(name: string): boolean {
  return name === "GetTask" || name === "GetTasks";
}

/** Counts the moments by name. */
export function createCounter(): (name: string, moment: Moment) => number {
  const counts = new Map<string, number>();
  return (name, moment) => {
    const key = `${name} ${moment}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count;
  };
}

/** Method, path and kind of filter. */
function nameOf({ method, path, query }: CursorRequest | ScimRequest): string {
  const { filter, startIndex, count } = query;
  const place = path.replace(/^\/Users\/.+$/, "/Users/{id}");
  const by = filter?.replace(/".*"/, '""');
  const detail = by ?? (startIndex === undefined ? undefined : `${startIndex}+${count}`);
  return `${method} ${place}${detail === undefined ? "" : ` ${detail}`}`;
}
