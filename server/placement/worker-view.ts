import type { HeldVersion } from "../contract/policy.ts";
import type { WorkerRecord } from "../fleet/fleet.ts";
import type { SchedulerEvent, WorkerView } from "../scheduler/events.ts";

/**
 * What the scheduler sees of a worker: the fleet's record, what the ledger says that it proved, adapters that it would load too;
 * and which of its adapters it has `loaded`.
 */
export function viewOf(
  record: WorkerRecord,
  proven: readonly HeldVersion[],
  loaded: readonly HeldVersion[],
): WorkerView {
  const { id, engine, pool, policies, description } = record;
  const { incarnation, slots, maxModelLen, capabilities } = description;
  // A worker that was registered for some policies serves no others, whatever it holds.
  const holds =
    policies.length === 0 ? proven : proven.filter(({ policy }) => policies.includes(policy));
  const open = record.state === "ready";
  const shape = { id, incarnation, engine, pool, slots, maxModelLen, capabilities, holds, open };
  if (capabilities.weights.adapters === undefined) return shape;
  return { ...shape, loaded: loaded.map(({ policy, version }) => ({ policy, version })) };
}

/** Engines tell their load as a whole: each slot is given its share of KV and requests. */
export function telemetryOf({ id, load, rates, description }: WorkerRecord): SchedulerEvent[] {
  if (load === null) return [];
  const { slots } = description;
  const capacity = slots.reduce((sum, { kvTokens }) => sum + kvTokens, 0);
  return slots.map(({ index, kvTokens }) => ({
    type: "telemetry",
    worker: id,
    slot: index,
    kvUsedTokens: capacity === 0 ? 0 : Math.round((load.kvUsedTokens * kvTokens) / capacity),
    running: Math.round(load.running / slots.length),
    waiting: Math.round(load.waiting / slots.length),
    step: rates.step,
    prefillTokensPerSecond: rates.prefillTokensPerSecond,
  }));
}
