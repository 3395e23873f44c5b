import type { Phase } from "../../injection.ts";
import { nobody, taskOf } from "../../run/people.ts";
import { type CallPoint, listCalls, tamperWith } from "../../sweeps/calls.ts";
import { type MachineFault, machineFault } from "../fault.ts";
import { openBench } from "../settings.ts";

const setting = "traced";
/** What fails on a full disk. */
const filling = new Set(["mkdir", "openat", "pwrite64", "write", "fsync"]);

/** Lists the calls of a sync on its private directory and makes faults of them: each fails once, the first of a kind for good. */
export async function callFaults(): Promise<readonly MachineFault[]> {
  await using bench = await openBench({ lane: "small", setting });
  const { lane } = bench;
  const { pid, tempDir } = await lane.ready();
  const { c1 } = lane.stage;
  const points = await listCalls({ stage: lane.stage, tempDir, pid }, () =>
    c1.awaitFinish(c1.enqueue(taskOf("sync", nobody)), 60_000),
  );
  const packed = points.findIndex(({ call, file }) => call === "unlink" && file === "sync.db");
  const uploaded = points.findLastIndex(({ call }) => call === "pread64");
  if (packed < 0 || uploaded < 0) throw new Error("a sync that does not remove its database or does not read its file");
  const phaseOf = (at: number): Phase => {
    if (points[at]?.phase === "opening") return "collecting";
    if (at <= packed) return "packing";
    return at <= uploaded ? "uploading" : "reporting";
  };
  const isFirst = ({ call, file }: CallPoint, at: number): boolean =>
    points.findIndex((other) => other.call === call && other.file === file) === at;
  return points.flatMap((point, at) => errorsOf({ ...point, isFirst: isFirst(point, at), busy: phaseOf(at) }));
}

/** A call and what it means. */
interface Place extends CallPoint {
  readonly busy: Phase;
  /** Of its kind on its file: opening a file then makes it. */
  readonly isFirst: boolean;
}

function errorsOf(place: Place): readonly MachineFault[] {
  const { busy, call, isFirst, phase } = place;
  const fills = filling.has(call) && (call !== "openat" || isFirst) && busy !== "uploading" && busy !== "reporting";
  const lastings = phase === "writing" && isFirst ? (["once", "always"] as const) : (["once"] as const);
  return (fills ? ["EIO", "ENOSPC"] : ["EIO"]).flatMap((error) =>
    lastings.map((lasting) => failing(place, error, lasting)),
  );
}

/** Removing what is no longer needed. */
function isTidying({ call, file }: CallPoint): boolean {
  return call === "unlink" || call === "rmdir" || (call === "openat" && file === "");
}

function failing(place: Place, error: string, lasting: "once" | "always"): MachineFault {
  const { busy, call, file, isFirst, nth } = place;
  const making = call === "openat" && isFirst && file !== "" ? " O_CREAT" : "";
  return machineFault({
    call: `${call}${making} ${file === "" ? "directory" : file} ${nth}`,
    phase: busy,
    effect: error,
    setting,
    lasting,
    ...(isTidying(place) ? { tidiedLater: true } : {}),
    // Node closes its half of a call before it cancels it, which looks like an early end.
    ...(busy === "uploading" ? { tolerates: /^UploadAsset: msg the stream ends without eof$/ } : {}),
    async plant({ lane: { stage } }, { pid, tempDir }) {
      const always = lasting === "always" ? ({ lasting: true } as const) : {};
      const { attached, ready } = tamperWith({ stage, tempDir, pid }, place, { error, ...always });
      await ready;
      let hit = false;
      return {
        seen: () => hit,
        async end() {
          stage.cursor.setOnRequest(undefined);
          hit = (await (await attached).end()).some(({ tampered }) => tampered);
        },
      };
    },
  });
}
