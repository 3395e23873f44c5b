import type { AppDeps } from "../app/deps.ts";
import { createParts } from "../app/parts.ts";
import { proveAtStart } from "../app/proofs.ts";
import { createService } from "../app/service.ts";
import { withStatus } from "../app/status.ts";
import { openTracing } from "../app/tracing.ts";
import { StatusError } from "../baton/status-error.ts";
import { limitRepeats } from "../observability/repeat-limit.ts";
import type { Output } from "./output.ts";
import { reportError } from "./report.ts";

export interface ServiceCommandDeps extends AppDeps {
  readonly out: Output;
  /** Aborts at the first SIGTERM or SIGINT. */
  readonly stop: AbortSignal;
}

/**
 * Works for C1 until `stop` aborts, then drains: tasks that may finish get the shutdown grace. Resolves with the exit code:
 * 0 after a clean stop, with every task reported, else the gRPC number of what ended it.
 */
export async function serviceCommand(deps: ServiceCommandDeps): Promise<number> {
  using repeats = limitRepeats(deps.log, deps.clock);
  // The status page counts every one.
  const shown = withStatus({ ...deps, log: repeats.log });
  const { config, log, stop } = shown;
  try {
    await using tracing = await openTracing(shown);
    const watched = tracing === undefined ? shown : { ...shown, tracing };
    await using parts = await createParts(watched, stop);
    await using service = await createService(watched, parts);
    log.info("baton-cursor started", {
      version: deps.build.version,
      host_id: config.hostId,
      c1_host: config.c1ApiHost ?? parts.credentials.c1.active()?.tokenHost,
      health_port: service.server?.port,
      metrics_port: service.server?.metricsPort,
      status_port: service.statusPort,
    });
    using grace = endGrace(deps);
    await using _proofs = await proveAtStart(watched, parts, stop);
    await service.run({ stop, abort: grace.signal });
    log.info("baton-cursor stopped");
    return 0;
  } catch (reason) {
    const { code, message } = StatusError.from(reason);
    log.error("baton-cursor ends because of an error", { code, error: message });
    return reportError(reason, deps.out);
  }
}

/** A signal that aborts when the shutdown grace after `stop` is over; disposing stops the timer. */
function endGrace({ config, clock, stop }: ServiceCommandDeps): Disposable & { readonly signal: AbortSignal } {
  const grace = new AbortController();
  const disposed = new AbortController();
  const start = (): void => {
    clock.sleep(config.shutdownGraceMs, disposed.signal).then(
      () => grace.abort(new StatusError("unavailable", "connector shutting down", { retryable: true })),
      () => undefined,
    );
  };
  if (stop.aborted) start();
  else stop.addEventListener("abort", start, { once: true });
  return {
    signal: grace.signal,
    [Symbol.dispose]() {
      stop.removeEventListener("abort", start);
      disposed.abort();
    },
  };
}
