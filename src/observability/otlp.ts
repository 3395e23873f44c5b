import { AsyncLocalStorage } from "node:async_hooks";
import {
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as HttpExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { Clock } from "../baton/clock.ts";
import { outsideLogScope } from "../baton/log-scope.ts";
import type { Logger } from "../baton/logger.ts";
import type { Tracing } from "./tracing.ts";

export interface TracingOptions {
  readonly protocol: "grpc" | "http/protobuf";
  /** `undefined`: the exporter reads OTEL_EXPORTER_OTLP_ENDPOINT and its like, which it does for all its other settings. */
  readonly url: string | undefined;
  readonly serviceVersion: string;
  /** Names this instance. */
  readonly instanceId: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const exportTimeoutMs = 10_000;
/** A collector that is away must not hold up the end of the process. */
const lastExportMs = 2_000;

/**
 * Sends traces over OTLP, in batches every five seconds and when disposed. A collector that does not answer costs spans,
 * never work: 2,048 wait at most, then new ones are dropped, and each failure is a warning in the log.
 */
export function startTracing(options: TracingOptions): Tracing {
  const { clock } = options;
  tellFailures(options.log);
  const exporterOptions = {
    timeoutMillis: exportTimeoutMs,
    ...(options.url === undefined ? {} : { url: options.url }),
  };
  const exporter = options.protocol === "grpc" ? new GrpcExporter(exporterOptions) : new HttpExporter(exporterOptions);
  const ours = resourceFromAttributes({
    "service.name": "baton-cursor",
    "service.version": options.serviceVersion,
    "service.instance.id": options.instanceId,
  });
  const provider = new TracerProvider({
    resource: defaultResource().merge(ours),
    spanProcessors: [new BatchSpanProcessor({ exporter, exportTimeoutMillis: exportTimeoutMs })],
  });
  const tracer = provider.getTracer("baton-cursor", options.serviceVersion);
  const current = new AsyncLocalStorage<Span>();
  const child = (name: string, durationMs: number, how: SpanOptions, failed = false): void => {
    const parent = current.getStore();
    if (parent === undefined) return;
    const endMs = clock.nowMs();
    const span = tracer.startSpan(name, { ...how, startTime: endMs - durationMs }, trace.setSpan(ROOT_CONTEXT, parent));
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(endMs);
  };
  return {
    async task(id, type, work) {
      const attributes = { "baton.task.id": id, "baton.task.type": type };
      const span = tracer.startSpan(`task ${type}`, { attributes, startTime: clock.nowMs() }, ROOT_CONTEXT);
      try {
        await current.run(span, () => work(span.spanContext().traceId));
      } finally {
        span.end(clock.nowMs());
      }
    },
    taskDone(outcome, code) {
      const span = current.getStore();
      span?.setAttribute("baton.task.outcome", outcome);
      if (code === undefined) return;
      span?.setAttribute("baton.task.code", code);
      if (outcome === "failure") span?.setStatus({ code: SpanStatusCode.ERROR, message: code });
    },
    stepped: (name, durationMs) => child(name, durationMs, { kind: SpanKind.INTERNAL }),
    called: (name, durationMs, attributes, failed) =>
      child(name, durationMs, { kind: SpanKind.CLIENT, attributes }, failed),
    async [Symbol.asyncDispose]() {
      const sent = new AbortController();
      const tooLong = clock.sleep(lastExportMs, sent.signal).catch(() => undefined);
      await Promise.race([provider.shutdown().catch(() => undefined), tooLong]);
      sent.abort();
    },
  };
}

/** The exporter's own words may quote its settings, headers with credentials among them: they are not repeated. */
function tellFailures(log: Logger): void {
  // The failure belongs to no task, also when it is noticed within one.
  const tell = (): void =>
    outsideLogScope(() =>
      log.warn("traces could not be sent: check OTEL_EXPORTER_OTLP_ENDPOINT or --otel-collector-endpoint"),
    );
  const nothing = (): void => undefined;
  const logger = { error: tell, warn: tell, info: nothing, debug: nothing, verbose: nothing };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}
