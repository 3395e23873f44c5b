import { once } from "node:events";
import { until } from "./until.ts";

/** The variables with which a program lets a test look inside; `openInspector` reads its address from standard error. */
export const inspectable = { NODE_OPTIONS: "--inspect=127.0.0.1:0" } as const;

/** A look into a running Node process that needs nothing of its program (https://chromedevtools.github.io/devtools-protocol/v8/). */
export interface Inspector extends Disposable {
  /** Evaluates an expression there; what it gives must survive JSON. Rejects with what it throws. */
  evaluate<T>(expression: string): Promise<T>;
  /**
   * Collects garbage, then hands every living object whose prototype is `prototype` (an expression) to `reduce` (the source
   * of a function of their array).
   */
  overAll<T>(prototype: string, reduce: string): Promise<T>;
}

interface Reply {
  readonly id?: number;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** What Runtime.evaluate and Runtime.callFunctionOn give. */
interface Evaluated {
  readonly result: { readonly value?: unknown; readonly objectId?: string };
  readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } };
}

/** Connects to a process that was started with `inspectable`. Disposing lets it alone again. */
export async function openInspector(process: { stderr(): string }): Promise<Inspector> {
  const address = (): string | undefined => /Debugger listening on (ws:\S+)/.exec(process.stderr())?.[1];
  await until(() => address() !== undefined, "the address of the inspector");
  const socket = new WebSocket(address() ?? "");
  const waiting = new Map<number, PromiseWithResolvers<Readonly<Record<string, unknown>>>>();
  let last = 0;
  socket.addEventListener("message", ({ data }) => {
    const { error, id, result }: Reply = JSON.parse(String(data));
    const asker = waiting.get(id ?? 0);
    waiting.delete(id ?? 0);
    if (error === undefined) asker?.resolve(result ?? {});
    else asker?.reject(new Error(error.message));
  });
  socket.addEventListener("close", () => {
    for (const { reject } of waiting.values()) reject(new Error("the process has ended"));
  });
  await once(socket, "open");

  async function ask<T>(method: string, params: object): Promise<T> {
    if (socket.readyState !== WebSocket.OPEN) throw new Error("the process has ended");
    last += 1;
    const answer = Promise.withResolvers<Readonly<Record<string, unknown>>>();
    waiting.set(last, answer);
    socket.send(JSON.stringify({ id: last, method, params }));
    return (await answer.promise) as T;
  }
  async function object(expression: string, byValue: boolean): Promise<Evaluated["result"]> {
    return checked(await ask("Runtime.evaluate", { expression, returnByValue: byValue, awaitPromise: true }));
  }

  return {
    async evaluate<T>(expression: string) {
      return (await object(expression, true)).value as T;
    },
    async overAll<T>(prototype: string, reduce: string) {
      const { objectId: prototypeObjectId } = await object(prototype, false);
      const group = { objectGroup: "over-all" };
      const { objects } = await ask<{ objects: { objectId: string } }>("Runtime.queryObjects", {
        prototypeObjectId,
        ...group,
      });
      const call = { functionDeclaration: `function () { return (${reduce})(this); }`, returnByValue: true };
      const answer = await ask<Evaluated>("Runtime.callFunctionOn", { objectId: objects.objectId, ...call });
      await ask("Runtime.releaseObjectGroup", group);
      await ask("Runtime.releaseObject", { objectId: prototypeObjectId });
      return checked(answer).value as T;
    },
    [Symbol.dispose]: () => socket.close(),
  };
}

function checked({ exceptionDetails, result }: Evaluated): Evaluated["result"] {
  if (exceptionDetails === undefined) return result;
  throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
}

/**
 * Puts the wall clock of the process `aheadMs` before (or, negative, behind) the machine's. Timers and `performance.now()` go
 * on as they do when an operator or NTP steps a real clock.
 */
export async function shiftClock(inspector: Inspector, aheadMs: number): Promise<void> {
  await inspector.evaluate(`(() => {
    const real = globalThis.realDate ??= Date;
    const now = () => real.now() + ${aheadMs};
    globalThis.Date = new Proxy(real, {
      apply: () => new real(now()).toString(),
      construct: (target, args, self) => Reflect.construct(target, args.length === 0 ? [now()] : args, self),
      get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
    });
  })()`);
}
