import type { Clock } from "../baton/clock.ts";
import type { CredentialState, CredentialView } from "./view.ts";

/** One credential as its slot knows it. */
export interface CredentialFacts {
  readonly name: CredentialName;
  readonly inUse: boolean;
  /** Why it cannot be used now, naming no value. */
  readonly problem: string | undefined;
}

type CredentialName = "c1" | "cursor_api" | "cursor_scim";

export interface CredentialLogDeps {
  readonly clock: Clock;
  readonly clean: (text: string) => string;
  readonly onChange: () => void;
}

interface Memory {
  sinceMs: number | undefined;
  pending: boolean;
  rotations: number;
  rejections: number;
  lastNote: string;
}

const labels: Readonly<Record<CredentialName, string>> = {
  c1: "C1 client",
  cursor_api: "Cursor API key",
  cursor_scim: "SCIM token",
};

/** Remembers what became of each credential. The hooks fit those of rotation. */
export function createCredentialLog({ clock, clean, onChange }: CredentialLogDeps) {
  const memories = new Map<CredentialName, Memory>();
  let tokenExpiresMs: number | undefined;

  function memoryOf(name: CredentialName): Memory {
    const memory = memories.get(name) ?? newMemory();
    memories.set(name, memory);
    return memory;
  }

  return {
    hooks: {
      onReload(name: CredentialName, outcome: "activated" | "rejected" | "unreadable", note: string): void {
        const memory = memoryOf(name);
        if (outcome === "activated") memory.rotations += 1;
        else memory.rejections += 1;
        memory.lastNote = clean(note);
        onChange();
      },
      onPending(name: CredentialName, pending: boolean): void {
        memoryOf(name).pending = pending;
        onChange();
      },
      onActive(name: CredentialName): void {
        memoryOf(name).sinceMs = clock.nowMs();
        onChange();
      },
    },
    tokenExpires(expiryMs: number): void {
      tokenExpiresMs = expiryMs;
    },
    /** One row for each fact, in their order. */
    view(facts: readonly CredentialFacts[]): CredentialView[] {
      return facts.map((fact) => {
        const memory = memoryOf(fact.name);
        const state = stateOf(fact, memory);
        const note =
          state === "waiting" ? memory.lastNote || "A new version is being tried out." : clean(fact.problem ?? "");
        return {
          name: labels[fact.name],
          state,
          sinceMs: fact.inUse ? memory.sinceMs : undefined,
          tokenExpiresMs: fact.name === "c1" && fact.inUse ? tokenExpiresMs : undefined,
          rotations: memory.rotations,
          rejections: memory.rejections,
          note: state === "not configured" ? "" : note,
        };
      });
    },
  };
}

function newMemory(): Memory {
  return { sinceMs: undefined, pending: false, rotations: 0, rejections: 0, lastNote: "" };
}

function stateOf({ inUse, problem }: CredentialFacts, { pending }: Memory): CredentialState {
  if (!inUse) return problem === undefined ? "not configured" : "missing";
  if (problem !== undefined) return "rejected";
  return pending ? "waiting" : "in use";
}
