/**
 * Many adapters of one base, asked for by Zipf's law with exponent 1, a Poisson stream of groups at about two thirds of what
 * the fleet can make; a worker holds an eighth of the adapters at once.
 */
import type { Random } from "../../contract/clock.ts";
import type { Workload } from "../workload.ts";
import type { PresetChanges } from "./changes.ts";
import { type FleetShape, uniformFleet } from "./fleets.ts";
import { type GroupShape, groupOf } from "./groups.ts";
import { zipf } from "./zipf.ts";

const ADAPTERS = 64;
const GROUPS = 1_024;
const GROUPS_PER_SECOND = 5;
const FLEET: FleetShape = {
  workers: 8,
  kvTokens: 500_000,
  step: { a: 0.008, s: 0.000_08 },
  prefillTokensPerSecond: 20_000,
  adapterSlots: 8,
};
const GROUP: GroupShape = {
  size: 8,
  lengths: { mu: 6.458, sigma: 1.05, within: 0.65, cap: 16_384, runaway: 0 },
  prompts: { median: 300, sigma: 0.6, cap: 4_096 },
};

export function multiTenant(random: Random, changes: PresetChanges): Omit<Workload, "name"> {
  const { groups = GROUPS, workers = FLEET.workers, resume = "recompute", hostShare } = changes;
  const { within = GROUP.lengths.within } = changes;
  const shape: GroupShape = { ...GROUP, lengths: { ...GROUP.lengths, within } };
  const draw = zipf(ADAPTERS);
  let arrivalSeconds = 0;
  const rollouts = Array.from({ length: groups }, (_, g) => {
    arrivalSeconds -= Math.log(1 - random.next()) / GROUPS_PER_SECOND;
    const policy = `tenant-${draw(random)}`;
    return groupOf(random, shape, { name: `g-${g}`, policy, arrivalSeconds });
  }).flat();
  const adapters = Array.from({ length: ADAPTERS }, (_, i) => ({
    name: `tenant-${i}`,
    base: "policy",
  }));
  return {
    policies: [{ name: "policy", base: null }, ...adapters],
    rollouts,
    fleet: uniformFleet({ ...FLEET, workers }, resume, hostShare),
  };
}
