import { accountOptions } from "./account-options.ts";
import { credentialOptions } from "./credential-options.ts";
import { cursorOptions } from "./cursor-options.ts";
import { daemonOptions } from "./daemon-options.ts";
import { kubernetesOptions } from "./kubernetes-options.ts";
import type { InferConfig, OptionRow } from "./option.ts";
import { standardOptions } from "./standard-options.ts";
import { tracingOptions } from "./tracing-options.ts";

/** Every option that has an effect, by the name of its value in `Config`. */
export const options = {
  ...daemonOptions,
  ...cursorOptions,
  ...accountOptions,
  ...credentialOptions,
  ...kubernetesOptions,
  ...tracingOptions,
} as const;

/** The configuration: one value per row of `options`, already checked. */
export type Config = InferConfig<typeof options>;

/** The whole option table: what works, what is accepted without effect, and what is refused. */
export const optionTable: readonly OptionRow[] = [...Object.values<OptionRow>(options), ...standardOptions];

/** Variables that decide where options come from or how the process reaches the network, rather than being options. */
export const environmentOnly: readonly { readonly env: string; readonly help: string }[] = [
  {
    env: "BATON_CONFIG_PATH",
    help: "YAML file with options; must exist when set (default `./.baton.yaml`, if there is one)",
  },
  {
    env: "BATON_TMPDIR",
    help: "Temporary directory when `--c1z-temp-dir` is not given (default: `TMPDIR`, else the system's)",
  },
  {
    env: "HTTPS_PROXY, HTTP_PROXY, NO_PROXY",
    help: "Proxies towards C1, Cursor and the directory, in upper or lower case",
  },
  {
    env: "OTEL_EXPORTER_OTLP_HEADERS, OTEL_EXPORTER_OTLP_TIMEOUT, OTEL_EXPORTER_OTLP_CERTIFICATE",
    help: "More about sending traces, and whatever else OpenTelemetry defines for its exporter and batches",
  },
  { env: "SSL_CERT_FILE, NODE_EXTRA_CA_CERTS", help: "PEM file of further certificate authorities" },
];

/** The five credentials that may be files of the secrets directory, called like their variables. */
export const secretOptions: readonly OptionRow[] = Object.values<OptionRow>(options).filter((row) => row.secret);
