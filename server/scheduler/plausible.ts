/** What reports may say: beyond it they are a fault of the measurement or a lie, and say nothing. */
import type { SchedulerEvent } from "./events.ts";

type Telemetry = Extract<SchedulerEvent, { type: "telemetry" }>;

const SLOWEST_STEP_SECONDS = 3_600;
const FASTEST_PREFILL = 1e9;
/** More tokens, or requests, than any machine holds. */
const LARGEST = 2 ** 40;

/** A capacity: at least 1, so that a slot that says nothing of use takes nothing large. */
export const plausibleSize = (size: number): number => (size >= 1 ? Math.min(size, LARGEST) : 1);

export const isCount = (count: number): boolean => count >= 0 && count <= LARGEST;

export const isStep = (step: Telemetry["step"]): step is NonNullable<Telemetry["step"]> =>
  step !== null && step.a > 0 && step.s >= 0 && step.a + step.s < SLOWEST_STEP_SECONDS;

export const isPrefillRate = (rate: number | null): rate is number =>
  rate !== null && rate > 0 && rate < FASTEST_PREFILL;
