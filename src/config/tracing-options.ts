import { type InferConfig, option, optional } from "./option.ts";
import { bool, choice, text } from "./value-type.ts";

const userInfo = [
  "holds a user name or a password, which addresses do not keep secret",
  "leave it out, and give the collector its credential in OTEL_EXPORTER_OTLP_HEADERS",
] as const;
const collector = text("URL or host:port", (value) => {
  // It has no use for a path, so that whatever the notation is, what comes before this sign is no host.
  if (value.includes("@")) return userInfo;
  return URL.canParse(urlOf(value, false))
    ? undefined
    : ["is not an address", "give host:port, or a URL with http or https"];
});
const url = text("URL", (value) => {
  const parsed = URL.parse(value);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    return ["is not a URL", "give one that begins with http:// or https://"];
  }
  return parsed.username === "" && parsed.password === "" ? undefined : userInfo;
});
const protocol = choice(["http/protobuf", "grpc"]);
const group = "Health and metrics";

/** Traces. The variables are those of the OpenTelemetry specification, "OpenTelemetry Protocol Exporter". */
export const tracingOptions = {
  otelCollectorEndpoint: optional({
    flag: "otel-collector-endpoint",
    group,
    help: "Send traces to this OpenTelemetry collector over gRPC (OTLP), with TLS unless it is an http URL",
    type: collector,
    exported: "ops",
  }),
  otelCollectorInsecure: option({
    flag: "otel-collector-endpoint-tls-insecure",
    group,
    help: "Reach a collector that is given as host:port without TLS",
    type: bool,
    byDefault: false,
    exported: "ops",
  }),
  otelTracingDisabled: option({
    flag: "otel-tracing-disabled",
    group,
    help: "Send no traces, whatever else is set",
    type: bool,
    byDefault: false,
    exported: "ops",
  }),
  otlpEndpoint: optional({
    env: "OTEL_EXPORTER_OTLP_ENDPOINT",
    group,
    help: "Send traces to this OTLP address (for http/protobuf, v1/traces is added)",
    type: url,
  }),
  otlpTracesEndpoint: optional({
    env: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    group,
    help: "The same, the whole address",
    type: url,
  }),
  otlpProtocol: optional({
    env: "OTEL_EXPORTER_OTLP_PROTOCOL",
    group,
    help: "How traces travel (default http/protobuf)",
    type: protocol,
  }),
  otlpTracesProtocol: optional({
    env: "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    group,
    help: "The same, before the one above",
    type: protocol,
  }),
  otelSdkDisabled: option({
    env: "OTEL_SDK_DISABLED",
    group,
    help: "Send no traces, whatever else is set",
    type: bool,
    byDefault: false,
  }),
};

/** Where traces go. */
export interface TraceTarget {
  readonly protocol: "grpc" | "http/protobuf";
  /** `undefined` where the exporter takes it from the OTEL variables, which it reads itself. */
  readonly url: string | undefined;
}

/** Where the configuration sends traces; `undefined` for nowhere. The flag comes before the variables. */
export function traceTarget(config: InferConfig<typeof tracingOptions>): TraceTarget | undefined {
  if (config.otelTracingDisabled || config.otelSdkDisabled) return undefined;
  const { otelCollectorEndpoint, otelCollectorInsecure } = config;
  if (otelCollectorEndpoint !== undefined) {
    return { protocol: "grpc", url: urlOf(otelCollectorEndpoint, otelCollectorInsecure) };
  }
  if (config.otlpTracesEndpoint === undefined && config.otlpEndpoint === undefined) return undefined;
  return { protocol: config.otlpTracesProtocol ?? config.otlpProtocol ?? "http/protobuf", url: undefined };
}

/** The flag of the Go SDK takes `host:port` as gRPC does. */
function urlOf(endpoint: string, insecure: boolean): string {
  return /^https?:\/\//.test(endpoint) ? endpoint : `${insecure ? "http" : "https"}://${endpoint}`;
}
