import type { KubeApi, KubeFault } from "../fakes/kube-api.ts";

/** How the API server was during a run. */
export interface Weather {
  /** Share of calls that were made to fail. */
  failed(): number;
}

/** One of so many calls in a row fails. */
const every = 10;
const dayMs = 86_400_000;
/** Longer than a replica waits for an answer. */
const tooLateMs = 6_000;

/**
 * One call in ten fails, each time in another way: errors, conflicts without reason, connections that break before or
 * after the call took effect, answers that come too late. The others take up to 300 ms. The holder's clock is days off.
 */
export function badWeather(kube: KubeApi, random: () => number): Weather {
  const counts = { calls: 0, failed: 0, unlucky: 0 };
  const faults: readonly KubeFault[] = [
    { status: 500 },
    { status: 503 },
    { status: 429 },
    { status: 409 },
    { status: 410 },
    { drop: "before" },
    { drop: "after" },
    { answerDelayMs: tooLateMs },
    { delayMs: tooLateMs },
  ];
  kube.setSkew((random() - 0.5) * 6 * dayMs);
  kube.setWeather(() => {
    if (counts.calls % every === 0) counts.unlucky = counts.calls + Math.floor(random() * every);
    counts.calls += 1;
    if (counts.calls - 1 !== counts.unlucky) return { delayMs: random() * 150, answerDelayMs: random() * 150 };
    counts.failed += 1;
    return faults[Math.floor(random() * faults.length)] ?? {};
  });
  return { failed: () => counts.failed / Math.max(1, counts.calls) };
}
