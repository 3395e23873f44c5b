import { fork } from "node:child_process";
import { once } from "node:events";

/** What a process can be asked for; arguments and results must survive JSON. */
type AnyVerbs<V> = { readonly [K in keyof V]: (...args: never[]) => unknown };

/** Another process of the tests that answers when it is asked. Disposing ends it. */
export interface VerbsProcess<V extends AnyVerbs<V>> extends AsyncDisposable {
  /** Rejects with what the verb threw there, or when the process has ended. */
  ask<K extends keyof V>(verb: K, ...args: Parameters<V[K]>): Promise<Awaited<ReturnType<V[K]>>>;
}

interface Question<V> {
  readonly id: number;
  readonly verb: keyof V;
  readonly args: never[];
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Its id is not that of any question. */
const readyId = 0;

/** Starts `program` with `options` as JSON in its only argument; resolves when it serves its verbs. */
export async function startVerbs<V extends AnyVerbs<V>>(program: URL, options: object): Promise<VerbsProcess<V>> {
  const child = fork(program, [JSON.stringify(options)]);
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = readyId;
  const answered = (id: number): Promise<unknown> => {
    const answer = Promise.withResolvers<unknown>();
    waiting.set(id, answer);
    return answer.promise;
  };
  child.on("message", ({ error, id, result }: Answer) => {
    const asker = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) asker?.resolve(result);
    else asker?.reject(new Error(error));
  });
  const ended = once(child, "exit").then(([code, signal]) => {
    for (const { reject } of waiting.values()) reject(new Error(`${program.pathname} has ended: ${code ?? signal}`));
  });
  await answered(readyId);
  return {
    async ask<K extends keyof V>(verb: K, ...args: Parameters<V[K]>): Promise<Awaited<ReturnType<V[K]>>> {
      if (!child.connected) throw new Error(`${program.pathname} has ended`);
      last += 1;
      const answer = answered(last);
      child.send({ id: last, verb, args });
      return (await answer) as Awaited<ReturnType<V[K]>>;
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

/** The other side: answers until the parent ends or lets go. */
export function serveVerbs<V extends AnyVerbs<V>>(verbs: V): void {
  const answer = async ({ args, verb }: Question<V>): Promise<unknown> => await verbs[verb](...args);
  process.on("message", (question: Question<V>) => {
    answer(question).then(
      (result) => process.send?.({ id: question.id, result }),
      (reason: unknown) => process.send?.({ id: question.id, error: String(reason) }),
    );
  });
  process.on("disconnect", () => process.exit(0));
  process.send?.({ id: readyId });
}
