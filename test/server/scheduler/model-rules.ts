/** Who may run where and under what, said once more and plainly: what the scheduler's grants are held against (I3, I5, I6). */
import { allows, type VersionConstraint } from "../../../server/contract/policy.ts";
import type { Card } from "../../../server/scheduler/card.ts";
import type { WorkerView } from "../../../server/scheduler/events.ts";

export const pick = <T>(items: readonly T[], n: number): T | undefined => items[n % items.length];

export const CONSTRAINTS: readonly (VersionConstraint | null)[] = [
  null,
  null,
  { exact: 2 },
  { min: 2 },
  { max_lag: 1 },
  { min_step: 20 },
];

export const inPool = (asker: Card, view: WorkerView): boolean =>
  asker.pool === null || asker.pool === view.pool;

export function honours(asker: Card, { capabilities }: WorkerView): boolean {
  return (
    asker.features.every((feature) => capabilities.sampling.includes(feature)) &&
    asker.logprobModes.some((mode) => capabilities.logprobModes.includes(mode)) &&
    (!asker.resume.seeded || capabilities.resume.seeded)
  );
}

export const canServe = (asker: Card, view: WorkerView): boolean =>
  inPool(asker, view) && honours(asker, view);

export function fitsEmpty(asker: Card, view: WorkerView): boolean {
  const least =
    asker.promptTokens + asker.outputTokens + Math.min(1, asker.maxNewTokens - asker.outputTokens);
  const usable = Math.floor(Math.max(...view.slots.map(({ kvTokens }) => kvTokens)) * 0.9);
  return least <= Math.min(usable, view.maxModelLen);
}

/** `committed`: the newest of the card's policy. */
export function versionAllowed(
  asker: Card,
  each: WorkerView["holds"][number],
  committed: number | undefined,
): boolean {
  if (committed === undefined || each.version > committed) return false;
  if (each.policy !== asker.policy || each.version < (asker.lastVersion ?? 0)) return false;
  return allows(asker.constraint, each, committed);
}
