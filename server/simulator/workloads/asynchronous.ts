/**
 * A trainer that takes a batch of groups whenever it is ready and publishes a version after each step. Batch and step are
 * such that the fleet of the preset could make two thirds more than a step takes, and four workers of it a seventh more.
 */
import type { Random } from "../../contract/clock.ts";
import type { Workload } from "../workload.ts";
import type { PresetChanges } from "./changes.ts";
import { type FleetShape, uniformFleet } from "./fleets.ts";
import { type GroupShape, groupOf } from "./groups.ts";

const STEPS = 12;
const TRAINER = { batchGroups: 128, stepSeconds: 30, pauseSeconds: 2 };

export function asynchronous(
  random: Random,
  changes: PresetChanges,
  shape: GroupShape & { readonly fleet: FleetShape },
): Omit<Workload, "name"> {
  const { groups = STEPS * TRAINER.batchGroups, resume = "recompute", hostShare } = changes;
  const { fleet, lengths } = shape;
  const { workers = fleet.workers, within = lengths.within } = changes;
  const place = { policy: "policy", arrivalSeconds: 0 };
  return {
    policies: [{ name: "policy", base: null }],
    rollouts: Array.from({ length: groups }, (_, g) =>
      groupOf(random, { ...shape, lengths: { ...lengths, within } }, { ...place, name: `g-${g}` }),
    ).flat(),
    fleet: uniformFleet({ ...fleet, workers }, resume, hostShare),
    trainer: TRAINER,
  };
}
