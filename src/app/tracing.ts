import { addToLogScope } from "../baton/log-scope.ts";
import { traceTarget } from "../config/tracing-options.ts";
import type { Tracing } from "../observability/tracing.ts";
import type { AppDeps } from "./deps.ts";

/** Starts tracing where the configuration asks for it. OpenTelemetry is large, and is not even loaded otherwise. */
export async function openTracing({ build, clock, config, log }: AppDeps): Promise<Tracing | undefined> {
  const target = traceTarget(config);
  if (target === undefined) return undefined;
  const { startTracing } = await import("../observability/otlp.ts");
  return startTracing({ ...target, serviceVersion: build.version, instanceId: config.hostId, clock, log });
}

/** How the worker runs a task: in a span, whose trace every log line of the task names. `undefined` without tracing. */
export function taskTracer(tracing: Tracing | undefined) {
  if (tracing === undefined) return undefined;
  return (id: string, type: string, work: () => Promise<void>): Promise<void> =>
    tracing.task(id, type, (traceId) => {
      addToLogScope({ traceId });
      return work();
    });
}
