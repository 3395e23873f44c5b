import { existsSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Bench, type MachineFault, machineFault } from "../fault.ts";
import { type MomentName, playAt } from "../moment.ts";
import { secretOf } from "../settings.ts";

/** It looks every thirty seconds (credentials/directory-watch.ts), and soon where the watch tells. */
const waitMs = 50;
const longestWaits = 900;

interface Loss {
  /** Below the directory: what is no longer there. */
  readonly missing: string;
  /** What needs it, where that is not the sync. */
  readonly task?: "create";
  lose(bench: Bench): Promise<void>;
  restore(bench: Bench): Promise<void>;
}

const directoryOf = ({ secret }: Bench): string => secret?.directory ?? "";
const rewrite = async (bench: Bench): Promise<void> => {
  await bench.secret?.write({ placeholder: "" });
  await bench.secret?.write(secretOf(bench.lane.stage));
};

function without(...names: readonly string[]): Loss {
  return {
    missing: names[0] ?? "",
    async lose(bench) {
      const others = Object.entries(secretOf(bench.lane.stage)).filter(([name]) => !names.includes(name));
      await bench.secret?.write(Object.fromEntries(others));
    },
    restore: rewrite,
  };
}

function moved(name: string): Loss {
  return {
    missing: name,
    lose: (bench) => rename(join(directoryOf(bench), name), join(directoryOf(bench), `${name}.away`)),
    restore: (bench) => rename(join(directoryOf(bench), `${name}.away`), join(directoryOf(bench), name)),
  };
}

const allRemoved: Loss = {
  missing: "BATON_CLIENT_ID",
  lose: async ({ secret }) => secret?.write({ placeholder: "" }),
  restore: rewrite,
};

const losses: Readonly<Record<string, Loss>> = {
  "cursor-key-removed": without("BATON_CURSOR_API_KEY"),
  "client-secret-removed": without("BATON_CLIENT_SECRET"),
  "all-removed": allRemoved,
  "version-link-away": moved("..data"),
  "key-file-away": moved(join("..data", "BATON_CURSOR_API_KEY")),
  "directory-away": {
    missing: "",
    lose: (bench) => rename(directoryOf(bench), `${directoryOf(bench)}.away`),
    restore: (bench) => rename(`${directoryOf(bench)}.away`, directoryOf(bench)),
  },
  "scim-token-removed": { ...without("BATON_CURSOR_SCIM_TOKEN"), task: "create" },
  "scim-endpoint-removed": { ...without("BATON_CURSOR_SCIM_ENDPOINT"), task: "create" },
  "scim-removed": { ...without("BATON_CURSOR_SCIM_TOKEN", "BATON_CURSOR_SCIM_ENDPOINT"), task: "create" },
  "all-removed-from-accounts": { ...allRemoved, task: "create" },
};

/** Of a change that the watch on the directory does not see, the process hears when it looks again by itself. */
const slowlyNoticed = new Set(["key-file-away"]);

function phasesOf(effect: string, { task }: Loss): readonly MomentName[] {
  if (slowlyNoticed.has(effect)) return ["polling"];
  return task === "create" ? ["polling", "provisioning"] : ["polling", "collecting", "uploading"];
}

/** The files of the Secret vanish and come back; what was in use stays in use. */
export const secretFaults: readonly MachineFault[] = Object.entries(losses).flatMap(([effect, loss]) =>
  phasesOf(effect, loss).map((phase) =>
    machineFault({
      call: "secret",
      phase,
      effect,
      task: loss.task ?? "sync",
      setting: "secret",
      fresh: true,
      plant: losing(loss, phase),
    }),
  ),
);

/** It has happened when the file is gone and the process has said so, by which it is known to have looked. */
function losing({ lose, missing, restore }: Loss, phase: MomentName): MachineFault["plant"] {
  return async (bench, process) => {
    const from = process.log().length;
    const complained = (): boolean => process.log().slice(from).includes("secrets directory");
    let gone = false;
    const ambush = await playAt(bench.lane.stage, phase, async () => {
      await lose(bench);
      gone = !existsSync(join(directoryOf(bench), missing));
      for (let waits = 0; waits < longestWaits && !complained(); waits += 1) await delay(waitMs);
    });
    return {
      seen: () => gone && ambush.happened && complained(),
      async end() {
        ambush[Symbol.dispose]();
        await restore(bench);
      },
    };
  };
}
