import type { Answers, Method } from "./types.ts";

/** The answers that a test has laid out, used up call by call. */
export interface Script {
  add<M extends Method>(method: M, answers: readonly Answers[M][]): void;
  clear(method: Method): void;
  /** The answer for this call; `undefined` when it is to be answered rightly. */
  next<M extends Method>(method: M): Answers[M] | undefined;
  /** The same for a call about a task ("" without one), for which nothing was laid out. */
  improvise<M extends Method>(method: M, taskId: string): Answers[M] | undefined;
}

/** Says how calls are answered that no script is about; `undefined` for rightly. `taskId` is "" where a call is about none. */
export type Improvise = <M extends Method>(method: M, taskId: string) => Answers[M] | undefined;

interface Laid<T> {
  readonly answer: T;
  left: number;
}

/** Creates an empty script. */
export function createScript(improvise: Improvise = () => undefined): Script {
  const laid: { [M in Method]: Laid<Answers[M]>[] } = {
    Hello: [],
    GetTask: [],
    GetTasks: [],
    Heartbeat: [],
    UploadAsset: [],
    FinishTask: [],
  };
  return {
    improvise,
    add(method, answers) {
      for (const answer of answers) laid[method].push({ answer, left: answer.times ?? 1 });
    },
    clear(method) {
      laid[method].length = 0;
    },
    next(method) {
      const [first] = laid[method];
      if (first === undefined) return undefined;
      first.left -= 1;
      if (first.left <= 0) laid[method].shift();
      return first.answer;
    },
  };
}
