import type { CatalogEntry } from "../injection.ts";
import { plainOutcome } from "../manifest/manifest.ts";
import { type Code, grpc, type Outcome } from "../manifest/outcome.ts";
import type { Row } from "../manifest/team.ts";

/**
 * What may come of a fault of the machine, from its words and from the team. A sync that fails is always worth another attempt;
 * whatever happens, C1 never accepts a sync that does not say what the team is.
 */
export function machineManifest(entry: CatalogEntry, rows: readonly Row[]): readonly Outcome[] {
  const task = entry.task === "create" ? "create" : "sync";
  const plain = plainOutcome(task, rows);
  return verdicts(entry).map((verdict) => {
    if (verdict === "ok") return plain;
    const ending = verdict.startsWith("exit") ? verdict : `code ${grpc[verdict as Code]} retryable`;
    return { ending, content: "-", directory: "-", team: "-", effects: "-" };
  });
}

type Verdict = "ok" | Code | `exit ${number}`;

/** What a failure of each kind means where nothing else is said. */
function verdicts({ call, effect, phase, task }: CatalogEntry): readonly Verdict[] {
  switch (call) {
    case "wall clock":
      // C1 refuses assertions of another time (RFC 7523 section 3), which ends a start.
      return task === "start" ? [`exit ${grpc.UNAUTHENTICATED}`] : ["ok"];
    case "memory":
    case "secret":
      return ["ok"];
    case "disk":
      return diskVerdict(effect, phase, task);
    case "directory":
      if (phase === "uploading") return ["ok"];
      return phase === "collecting" ? ["INTERNAL"] : ["FAILED_PRECONDITION"];
    case "descriptors":
      return descriptorVerdict(effect, phase);
    default:
      return callVerdict(call, effect, phase);
  }
}

/** A full disk is our own limit, which the code says; it matters until the file is packed. */
function diskVerdict(effect: string, phase: CatalogEntry["phase"], task: CatalogEntry["task"]): readonly Verdict[] {
  if (task === "create" || phase === "uploading" || effect === "room-for-all") return ["ok"];
  return effect === "read-only" ? ["FAILED_PRECONDITION"] : ["RESOURCE_EXHAUSTED"];
}

/** Without any, nothing can be opened in the temporary directory. With some, which call is the first to get none is chance. */
function descriptorVerdict(effect: string, phase: CatalogEntry["phase"]): readonly Verdict[] {
  if (effect === "EMFILE-for-connections") return ["ok"];
  if (effect === "EMFILE-after-0" && phase === "polling") return ["FAILED_PRECONDITION"];
  if (effect === "EMFILE-after-0" && phase !== "uploading") return ["INTERNAL"];
  return ["ok", "INTERNAL", "UNAVAILABLE", "FAILED_PRECONDITION"];
}

/** One system call that fails. Removing what an accepted sync has left must not make a failure of it. */
function callVerdict(call: string, effect: string, phase: CatalogEntry["phase"]): readonly Verdict[] {
  if (phase === "reporting") return ["ok"];
  if (effect === "ENOSPC") return ["RESOURCE_EXHAUSTED"];
  // SQLite tries once more to open a file that is there.
  if (call.startsWith("openat lock")) return ["ok", "INTERNAL"];
  // Nothing can be made in the temporary directory: that is for the operator to see to.
  return /^(mkdir|openat O_CREAT lock)/.test(call) ? ["FAILED_PRECONDITION"] : ["INTERNAL"];
}
