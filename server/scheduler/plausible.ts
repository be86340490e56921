/** What reports may say: beyond it they are a fault of the measurement or a lie, and say nothing. */
import type { SchedulerEvent } from "./events.ts";

type Telemetry = Extract<SchedulerEvent, { type: "telemetry" }>;

const SLOWEST_STEP_SECONDS = 3_600;
const FASTEST_PREFILL = 1e9;
/**
 * Least s / a, half of what a fit may tell, and a twentieth of what any engine was measured to have. With less a worker seems to take
 * any number of sequences at no cost to those that run there, and is given them all.
 */
const LEAST_SLOPE = 0.0005;
/** More tokens, or requests, than any machine holds. */
const LARGEST = 2 ** 40;

/** A capacity: at least 1, so that a slot that says nothing of use takes nothing large. */
export const plausibleSize = (size: number): number => (size >= 1 ? Math.min(size, LARGEST) : 1);

export const isCount = (count: number): boolean => count >= 0 && count <= LARGEST;

export const isStep = (step: Telemetry["step"]): step is NonNullable<Telemetry["step"]> =>
  step !== null &&
  step.a > 0 &&
  step.s >= LEAST_SLOPE * step.a &&
  step.a + step.s < SLOWEST_STEP_SECONDS;

export const isPrefillRate = (rate: number | null): rate is number =>
  rate !== null && rate > 0 && rate < FASTEST_PREFILL;
