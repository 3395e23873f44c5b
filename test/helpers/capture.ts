import { findCanaries } from "./canaries.ts";

/** What a channel may show; secrets never. */
export interface CaptureOptions {
  /**
   * `people` where the switch for that is on, or where a command prints for the operator who typed it; `anything` for programs that
   * are not ours.
   */
  readonly shows?: "people" | "anything" | undefined;
}

/** Everything that one piece of the product gives out. */
export interface Capture {
  /** Looks at a text, whole: a canary in two halves is not found. */
  look(channel: string, text: string): void;
  /** Throws when anything was found since the last call. */
  end(): void;
}

interface Leak {
  readonly channel: string;
  readonly what: string;
  readonly line: string;
}

/** What was found and has not failed a test yet. */
const untold = new Set<Leak>();

/** Begins to look at what one piece of the product gives out. What nobody asks about fails the process at its end. */
export function openCapture({ shows }: CaptureOptions = {}): Capture {
  const found = new Set<Leak>();
  return {
    look(channel, text) {
      if (shows === "anything") return;
      for (const line of text.split("\n")) {
        for (const each of findCanaries(line, { people: shows !== "people" })) {
          const leak = { channel, ...each };
          found.add(leak);
          untold.add(leak);
        }
      }
    },
    end() {
      if (found.size === 0) return;
      const message = words(found);
      for (const leak of found) untold.delete(leak);
      found.clear();
      throw new Error(message);
    },
  };
}

/** For what has no end of its own: it fails the whole test file. */
export const capture: Capture = openCapture();
/** The same for what a command prints for the operator who typed it. */
export const operatorCapture: Capture = openCapture({ shows: "people" });

/** What the listeners of a daemon answer now; one that does not answer within a second tells nothing. */
export async function lookAtBodies(into: Capture, urls: readonly string[]): Promise<void> {
  const looks = urls.map(async (url) => {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
      into.look(`body of ${new URL(url).pathname}`, await response.text());
    } catch {
      // Stopped, or not open at all: then it shows nothing.
    }
  });
  await Promise.all(looks);
}

function words(leaks: Iterable<Leak>): string {
  const lines = Array.from(leaks, ({ channel, line, what }) => `\n  ${channel} has ${what}: ${shortened(line)}`);
  return `the product gave out what it must not:${[...new Set(lines)].slice(0, 20).join("")}`;
}

function shortened(line: string): string {
  return line.length > 600 ? `${line.slice(0, 600)}…` : line;
}

process.on("exit", () => {
  if (untold.size === 0) return;
  process.exitCode = 1;
  process.stderr.write(`${words(untold)}\n`);
});
