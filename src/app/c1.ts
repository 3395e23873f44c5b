import type { C1Credentials } from "../baton/c1-credentials.ts";
import { createTokenSource } from "../c1/auth.ts";
import { createC1Client } from "../c1/client.ts";
import { defaultDeadlines } from "../c1/client-options.ts";
import { createRotatingClient, type RotatingC1Client } from "../c1/rotating-client.ts";
import { createFormPoster } from "../http/post-form.ts";
import { resolveProxy } from "../http/proxy.ts";
import { c1Metrics } from "../observability/hooks.ts";
import type { AppDeps } from "./deps.ts";
import type { Parts } from "./parts.ts";

const tokenTimeoutMs = 30_000;
const maxTokenAnswerBytes = 1024 * 1024;
/** The kubelet brings a changed Secret within a minute and a half. */
const waitForNewMs = 2 * 60_000;

/** Makes the client of the control plane, without credentials yet. */
export function openC1(deps: AppDeps, { credentials, metrics, transport, trust }: Parts): RotatingC1Client {
  const { build, clock, config, log, random } = deps;
  const hooks = c1Metrics(metrics);
  const postForm = createFormPoster(transport, { totalTimeoutMs: tokenTimeoutMs, maxBodyBytes: maxTokenAnswerBytes });
  let hasWorked = false;
  return createRotatingClient({
    clock,
    waitForNewMs: credentials.rotates ? waitForNewMs : 0,
    open: (pair) =>
      createC1Client({
        credentials: pair,
        apiHost: config.c1ApiHost,
        hostId: config.hostId,
        build: { package: "baton-cursor", version: build.version },
        postForm,
        proxy: resolveProxy(new URL(`https://${config.c1ApiHost ?? pair.tokenHost}`), deps.proxy),
        trust,
        clock,
        random,
        log,
        hooks: {
          ...hooks,
          onTokenExpiry(expiryMs) {
            hooks.onTokenExpiry(expiryMs);
            deps.status?.onTokenExpiry(expiryMs);
          },
          onRpc(call) {
            hooks.onRpc(call);
            log.debug("a call to C1 ended", {
              method: call.method,
              code: call.code,
              durationMs: Math.round(call.durationMs),
            });
            deps.tracing?.called(`C1 ${call.method}`, call.durationMs, { "baton.code": call.code }, call.code !== "ok");
            // A token alone proves little: C1 may reject the calls that are made with it.
            if (call.code !== "ok" || call.method === "token") return;
            hasWorked = true;
            if (pair === credentials.c1.active()) credentials.c1.trusted();
          },
        },
        ...(deps.deadlines === undefined ? {} : { deadlines: deps.deadlines }),
      }),
    onRejected(error) {
      // Where no other pair can come, one that has worked is to blame no sooner than polls have failed for long enough.
      credentials.c1.suspect(error, hasWorked && !credentials.rotates);
      credentials.look();
    },
  });
}

/** Tries a pair out by asking for a token, which is all that C1 gives without taking work. Rejects as C1 answers. */
export async function proveC1Pair(
  { clock, config }: AppDeps,
  { transport }: Parts,
  pair: C1Credentials,
  signal: AbortSignal,
): Promise<void> {
  const limits = { totalTimeoutMs: tokenTimeoutMs, maxBodyBytes: maxTokenAnswerBytes };
  const tokens = createTokenSource({
    credentials: pair,
    host: config.c1ApiHost ?? pair.tokenHost,
    postForm: createFormPoster(transport, limits),
    clock,
    timeoutMs: defaultDeadlines.token,
  });
  await tokens.get(signal);
}
