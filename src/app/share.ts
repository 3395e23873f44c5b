/**
 * This replica's part of a budget that several replicas have together. Rounded down, so that all parts never exceed it; at
 * least 1, unless the budget is 0.
 */
export function share(budget: number, replicas: number): number {
  return budget === 0 ? 0 : Math.max(1, Math.floor(budget / replicas));
}
