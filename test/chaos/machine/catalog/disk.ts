import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { type Bench, type MachineFault, machineFault, type Planted } from "../fault.ts";
import { type MomentName, playAt } from "../moment.ts";

/** Bytes that the files of a sync of this team take. */
function sizesOf({ lane: { stage } }: Bench): { readonly database: number; readonly file: number } {
  const upload = stage.c1.uploads.findLast(({ ok, contents }) => ok && contents !== undefined);
  if (upload?.contents === undefined) throw new Error("no sync to take the measure of");
  return { database: upload.contents.databaseBytes, file: upload.bytes };
}

const page = 4096;

/** Bytes that are left, from what a sync needs. */
const rooms: Readonly<Record<string, (sizes: ReturnType<typeof sizesOf>) => number>> = {
  "no-room": () => 0,
  "room-for-a-page": () => page,
  "room-for-a-quarter-of-the-database": ({ database }) => database / 4,
  "room-for-most-of-the-database": ({ database }) => database - 4 * page,
  "room-for-the-database": ({ database }) => database,
  "room-for-half-the-file": ({ database, file }) => database + file / 2,
  "room-for-all": ({ database, file }) => database + file + 64 * page,
};

/** The private directory, its lock, the database, and the packed file. */
const inodes = [0, 1, 2, 3];

type Fill = (bench: Bench) => void;

/** Fills the disk now or at the moment. It has happened when the system was seen to refuse more. */
function filled(fill: Fill, phase: MomentName): MachineFault["plant"] {
  return async (bench) => {
    const { disk, lane } = bench;
    if (disk === undefined) throw new Error("no small disk");
    const ambush = await playAt(lane.stage, phase, () => fill(bench));
    return {
      seen: () => ambush.happened,
      async end() {
        ambush[Symbol.dispose]();
        disk.clear();
      },
    };
  };
}

function room(effect: string): Fill {
  return (bench) => bench.disk?.leaveBytes(rooms[effect]?.(sizesOf(bench)) ?? 0);
}

const setting = "small-disk";
const call = "disk";

const fullDisks: readonly MachineFault[] = [
  ...Object.keys(rooms).flatMap((effect) =>
    (["small", "large"] as const).map((lane) => {
      const named = lane === "small" ? call : "disk of a large team";
      return {
        ...machineFault({
          call: named,
          phase: "polling",
          effect,
          setting,
          lane,
          plant: filled(room(effect), "polling"),
        }),
        call,
      };
    }),
  ),
  ...inodes.map((count) => {
    const fill: Fill = ({ disk }) => disk?.leaveInodes(count);
    return machineFault({ call, phase: "polling", effect: `${count}-inodes`, setting, plant: filled(fill, "polling") });
  }),
  ...(["collecting", "uploading"] as const).map((phase) =>
    machineFault({ call, phase, effect: "no-room", setting, lane: "large", plant: filled(room("no-room"), phase) }),
  ),
  machineFault({
    call,
    phase: "provisioning",
    effect: "no-room",
    task: "create",
    setting,
    plant: filled(room("no-room"), "polling"),
  }),
];

const readOnly = machineFault({
  call,
  phase: "polling",
  effect: "read-only",
  setting,
  async plant({ disk }) {
    if (disk === undefined) throw new Error("no small disk");
    disk.setReadOnly(true);
    return { seen: () => true, end: async () => disk.setReadOnly(false) };
  },
});

/** The temporary directory goes, and is there again afterwards. */
function gone(how: (path: string) => Promise<void>, phase: MomentName): MachineFault["plant"] {
  return async ({ lane: { stage } }, { tempDir }): Promise<Planted> => {
    const ambush = await playAt(stage, phase, async () => {
      await how(tempDir);
      if (existsSync(tempDir)) throw new Error("the directory is still there");
    });
    return {
      seen: () => ambush.happened,
      async end() {
        ambush[Symbol.dispose]();
        await rm(`${tempDir}.away`, { recursive: true, force: true });
        await mkdir(tempDir, { recursive: true });
      },
    };
  };
}

const removed = (path: string): Promise<void> => rm(path, { recursive: true });
const renamed = (path: string): Promise<void> => rename(path, `${path}.away`);

const lostDirectories = (["polling", "collecting", "uploading"] as const).flatMap((phase) => [
  machineFault({ call: "directory", phase, effect: "removed", setting: "plain", plant: gone(removed, phase) }),
  machineFault({ call: "directory", phase, effect: "renamed", setting: "plain", plant: gone(renamed, phase) }),
]);

export const diskFaults: readonly MachineFault[] = [...fullDisks, readOnly, ...lostDirectories];
