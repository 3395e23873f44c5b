import type { Clock, Random } from "../baton/clock.ts";
import type { Logger } from "../baton/logger.ts";
import type { C1Deadlines } from "../c1/client-options.ts";
import type { FoundCredentials } from "../config/credentials.ts";
import type { Config } from "../config/options.ts";
import type { ProxySettings } from "../http/proxy.ts";
import type { LoggerOptions } from "../observability/logger.ts";
import type { Tracing } from "../observability/tracing.ts";
import type { StatusModel } from "../status/status-model.ts";

/** What this build is. */
export interface Build {
  readonly version: string;
  /** Source revision; empty when unknown. */
  readonly revision: string;
}

/** What the parts are built from, whatever the mode. */
export interface AppDeps {
  readonly config: Config;
  /** The five credentials, with these texts as the files of the secrets directory. */
  readonly findCredentials: (files: ReadonlyMap<string, string>) => FoundCredentials;
  /** Told of every credential that was read, so that it is kept out of the logs. */
  readonly onSecrets: (texts: readonly string[]) => void;
  readonly build: Build;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly logger: Omit<LoggerOptions, "level" | "format" | "sinks">;
  readonly proxy: ProxySettings;
  /** PEM texts of private certificate authorities. */
  readonly extraCertificates: readonly string[];
  /** What the status page shows; absent where there is none. */
  readonly status?: StatusModel;
  /** Where traces go; absent where there are none. */
  readonly tracing?: Tracing;
  /** Milliseconds that calls to C1 may take, where the defaults do not suit (tests). */
  readonly deadlines?: Partial<C1Deadlines>;
}
