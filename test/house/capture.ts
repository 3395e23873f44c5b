import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A way for the product to give something out past `test/helpers/capture.ts`. */
interface Way {
  readonly what: string;
  readonly pattern: RegExp;
  /** Files that may, with the reason. */
  readonly except: Readonly<Record<string, string>>;
}

const captures = "is the capture";
const otherPrograms = "starts programs that are not ours";

const ways: readonly Way[] = [
  {
    what: "starts a program and does not look at what it gives out (captureProcess)",
    pattern: /from "node:child_process"/,
    except: {
      "src/c1z/temp-dir.test.ts": "starts a script of the test alone",
      "src/config/files.test.ts": otherPrograms,
      "src/credentials/secret-directory.test.ts": otherPrograms,
      "src/http/exchange.test.ts": "starts a server of the test alone",
      "test/apiserver/cluster.ts": otherPrograms,
      "test/apiserver/tools.ts": otherPrograms,
      "test/bench/cursor.ts": "starts the stand-ins",
      "test/bench/run-others.ts": otherPrograms,
      "test/chaos/machine/tool.ts": otherPrograms,
      "test/conformance/c1z-save.test.ts": otherPrograms,
      "test/conformance/c1z.test.ts": otherPrograms,
      "test/deploy/suites/monitoring.ts": otherPrograms,
      "test/deploy/tools.ts": otherPrograms,
      "test/deploy/tools/install.ts": otherPrograms,
      "test/helpers/inspector.test.ts": "starts a script of the test alone",
      "test/helpers/lock-files.ts": otherPrograms,
      "test/helpers/scim-servers.ts": otherPrograms,
      "test/helpers/strace.ts": otherPrograms,
      "test/helpers/verbs-process.ts": "starts the stand-ins",
      "test/house/lint.test.ts": otherPrograms,
      "test/integration/hostile-clients.test.ts": "starts a client of the test alone",
      "test/integration/sync.test.ts": otherPrograms,
      "test/interop/sdk-connector.ts": otherPrograms,
      "test/interop/tools.ts": otherPrograms,
      "test/monitoring/prometheus.ts": otherPrograms,
      "test/monitoring/rules.ts": otherPrograms,
      "test/monitoring/scrape.ts": otherPrograms,
      "test/monitoring/tool.ts": otherPrograms,
      "test/scim-servers/servers.test.ts": otherPrograms,
      "test/scoreboard/machine.ts": "starts a run of faults, which looks itself",
      "test/scoreboard/scoreboard.ts": "starts benchmarks, which look themselves",
      "test/security/audit.ts": otherPrograms,
      "test/status/browser.ts": otherPrograms,
    },
  },
  {
    what: "makes a logger of its own (createRecordingLogger)",
    pattern: /\bcreateLogger\(|\bteeLogger\(|: Logger = \{|\bchild: \(/,
    except: {
      "src/observability/logger-people.test.ts": "tests what the logger hides",
      "src/observability/logger.test.ts": "tests what the logger hides",
      "test/fakes/recording-logger.ts": captures,
      "test/helpers/daemon.ts": captures,
    },
  },
  {
    what: "makes an output of its own (recorder)",
    pattern: /\bstdout\(\w+\) \{|\bstdout: \(\w+(?:: string)?\) =>/,
    except: { "test/helpers/recorder.ts": captures },
  },
  {
    what: "puts the application together by itself (startDaemon)",
    pattern: /\b(?:createParts|createService|serviceCommand)\(/,
    except: { "test/helpers/daemon.ts": captures },
  },
  {
    what: "looks away from what a program gives out",
    pattern: /shows: "anything"/,
    except: { "test/chaos/programs/go-sdk.ts": otherPrograms },
  },
];

const looks = /\bcaptureProcess\(/;

/** Test sources below `root` that have a way past the capture, as `file: what`. */
export function waysPastTheCapture(root: string): string[] {
  const files = globSync(["src/**/*.test.ts", "test/**/*.ts"], {
    cwd: root,
    exclude: (path) => /node_modules|^test\/(?:fixtures|house)\b/.test(path),
  });
  return files.toSorted().flatMap((file) => {
    const text = readFileSync(join(root, file), "utf8");
    return ways
      .filter(({ except, pattern, what }) => {
        if (!pattern.test(text) || (what.includes("captureProcess") && looks.test(text))) return false;
        return !(file in except) || startsOurs(file, what, text);
      })
      .map(({ what }) => `${file}: ${what}`);
  });
}

/** Exceptions that there is no reason for any more. */
export function needlessExceptions(root: string): string[] {
  return ways.flatMap(({ except, pattern }) =>
    Object.keys(except).filter((file) => !pattern.test(textOf(join(root, file)))),
  );
}

/** Whoever may start other programs may not start ours with them. */
function startsOurs(file: string, what: string, text: string): boolean {
  if (!what.includes("captureProcess") || file.startsWith("test/helpers/")) return false;
  return /dist\/baton-cursor["'`]|src\/main\.ts/.test(text);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
