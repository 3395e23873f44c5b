import { fieldName, type OptionRow } from "./option.ts";
import { type Config, options } from "./options.ts";
import type { Problem } from "./problem.ts";

/** What the published manifest sets for every replica alike. */
const publishedHostId = "baton-cursor";

/** What leader election and Events cannot do without. */
export function kubernetesProblems(values: Partial<Config>): readonly Problem[] {
  const needs = (on: boolean | undefined, by: OptionRow, row: OptionRow, value: unknown, fix: string): Problem[] =>
    on === true && value === undefined
      ? [{ field: fieldName(row), message: `is missing although ${fieldName(by)} is on`, fix }]
      : [];
  return [
    ...needs(
      values.leaderElection,
      options.leaderElection,
      options.leaseName,
      values.leaseName,
      "name an existing, empty Lease of the pod's namespace, or switch leader election off",
    ),
    ...needs(
      values.kubernetesEvents,
      options.kubernetesEvents,
      options.podName,
      values.podName,
      "set it from metadata.name by the downward API, or switch Events off",
    ),
    ...activeActiveProblems(values),
  ];
}

function activeActiveProblems(values: Partial<Config>): readonly Problem[] {
  const { activeActiveReplicas: replicas = 1, leaderElection, cursorRequestsPerMinute } = values;
  const field = fieldName(options.activeActiveReplicas);
  if (replicas === 1) return [];
  const problems: Problem[] = [];
  if (leaderElection === true) {
    const message = "lets all replicas poll, and leader election one of them";
    problems.push({ field, message, fix: "set one of the two" });
  }
  if (cursorRequestsPerMinute !== undefined && cursorRequestsPerMinute < replicas) {
    const message = `is ${replicas}, more than there are requests to Cursor per minute (${cursorRequestsPerMinute})`;
    problems.push({ field, message, fix: `let fewer poll, or raise ${fieldName(options.cursorRequestsPerMinute)}` });
  }
  return problems;
}

/** What is likely to go wrong with several replicas. */
export function kubernetesAdvice(values: Partial<Config>): readonly string[] {
  const { hostId, podName, leaderElection, leaderElectionStrict, leaseName } = values;
  const warnings: string[] = [];
  if (hostId === publishedHostId && hostId !== podName) {
    warnings.push(
      `${fieldName(options.hostId)} is ${publishedHostId}, as in the published manifest: two replicas would be one to C1; unset it and set POD_NAME`,
    );
  } else if (podName !== undefined && hostId !== podName) {
    warnings.push(
      `${fieldName(options.hostId)} is not the pod's name: if other replicas have the same, they are one to C1`,
    );
  }
  if (leaderElection === false && leaseName !== undefined) {
    warnings.push(`${fieldName(options.leaseName)} has no effect: leader election is off, and every replica polls`);
  }
  if (leaderElection === false && leaderElectionStrict === true) {
    warnings.push(`${fieldName(options.leaderElectionStrict)} has no effect: leader election is off`);
  }
  return warnings;
}
