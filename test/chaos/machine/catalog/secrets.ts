import { rename } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Bench, type MachineFault, machineFault } from "../fault.ts";
import { moments, when } from "../moment.ts";
import { secretOf } from "../settings.ts";

const phases = ["polling", "collecting", "uploading"] as const;
/** It looks every thirty seconds (credentials/directory-watch.ts), and soon where the watch tells. */
const waitMs = 50;
const longestWaits = 900;

interface Loss {
  lose(bench: Bench): Promise<void>;
  restore(bench: Bench): Promise<void>;
}

const directoryOf = ({ secret }: Bench): string => secret?.directory ?? "";
const rewrite = async (bench: Bench): Promise<void> => {
  await bench.secret?.write({ placeholder: "" });
  await bench.secret?.write(secretOf(bench.lane.stage));
};

function without(name: string): Loss {
  return {
    async lose(bench) {
      const { [name]: _lost, ...others } = secretOf(bench.lane.stage);
      await bench.secret?.write(others);
    },
    restore: rewrite,
  };
}

function moved(name: string): Loss {
  return {
    lose: (bench) => rename(join(directoryOf(bench), name), join(directoryOf(bench), `${name}.away`)),
    restore: (bench) => rename(join(directoryOf(bench), `${name}.away`), join(directoryOf(bench), name)),
  };
}

const losses: Readonly<Record<string, Loss>> = {
  "cursor-key-removed": without("BATON_CURSOR_API_KEY"),
  "client-secret-removed": without("BATON_CLIENT_SECRET"),
  "all-removed": { lose: async ({ secret }) => secret?.write({ placeholder: "" }), restore: rewrite },
  "version-link-away": moved("..data"),
  "key-file-away": moved(join("..data", "BATON_CURSOR_API_KEY")),
  "directory-away": {
    lose: (bench) => rename(directoryOf(bench), `${directoryOf(bench)}.away`),
    restore: (bench) => rename(`${directoryOf(bench)}.away`, directoryOf(bench)),
  },
};

/** Of a change that the watch on the directory does not see, the process hears when it looks again by itself. */
const slowlyNoticed = new Set(["key-file-away"]);

/** The files of the Secret vanish and come back; what was in use stays in use. */
export const secretFaults: readonly MachineFault[] = Object.entries(losses).flatMap(([effect, { lose, restore }]) =>
  (slowlyNoticed.has(effect) ? (["polling"] as const) : phases).map((phase) =>
    machineFault({
      call: "secret",
      phase,
      effect,
      setting: "secret",
      fresh: true,
      async plant(bench, process) {
        const from = process.log().length;
        const complained = (): boolean => process.log().slice(from).includes("secrets directory");
        const act = async (): Promise<void> => {
          await lose(bench);
          for (let waits = 0; waits < longestWaits && !complained(); waits += 1) await delay(waitMs);
        };
        if (phase === "polling") await act();
        const ambush = phase === "polling" ? undefined : when(bench.lane.stage, moments[phase], act);
        return {
          seen: complained,
          async end() {
            ambush?.[Symbol.dispose]();
            await restore(bench);
          },
        };
      },
    }),
  ),
);
