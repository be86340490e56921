/** Manners of other people's engines, the same for the real one and the fake. */
import type { Manners } from "./fixture.ts";

export const VLLM_MANNERS: Manners = {
  refusesRunningIds: false,
  swapClearsCache: false,
  continuesSame: false,
  refusesAsleep: false,
  scoresApart: true,
  keepsSteps: false,
  // Deltas without positions; the usage at the end counts them.
  undetectable: ["reorder"],
};

export const SGLANG_MANNERS: Manners = {
  countsHeld: false,
  uncounted: 2,
  swapClearsCache: false,
  pauseFlushes: false,
  refusesAsleep: false,
  scoresApart: true,
  keepsSteps: false,
};
