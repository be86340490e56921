/** A live run beside the same run in virtual time: how far the model is from what was measured. */
import type { LowerBound } from "../scheduler/bound/bound.ts";
import type { RecordedWorkload } from "./recorded-workload.ts";
import { type Run, tailShare } from "./run.ts";

export interface Calibration {
  readonly measuredSeconds: number;
  readonly simulatedSeconds: number;
  readonly bound: LowerBound;
  /** Measured over simulated, less 1. */
  readonly apart: number;
  /** Share of the makespan in which the last tenth finished. */
  readonly tailShares: { readonly measured: number; readonly simulated: number };
  readonly leftOut: number;
}

export function calibrate(
  run: Run,
  { measuredSeconds, ends, leftOut }: Omit<RecordedWorkload, "workload">,
): Calibration {
  const { makespanSeconds: simulatedSeconds, bound } = run;
  return {
    measuredSeconds,
    simulatedSeconds,
    bound,
    apart: measuredSeconds / simulatedSeconds - 1,
    tailShares: { measured: tailShare(ends, measuredSeconds), simulated: run.tailShare },
    leftOut,
  };
}

export function calibrationLine(calibration: Calibration): string {
  const { measuredSeconds, simulatedSeconds, bound, apart, leftOut } = calibration;
  const ratio = (seconds: number): string => (seconds / bound.seconds).toFixed(3);
  const less = leftOut > 0 ? `; ${leftOut} rollouts without an end left out` : "";
  return (
    `measured ${measuredSeconds.toFixed(1)} s (T/LB ${ratio(measuredSeconds)}), ` +
    `simulated ${simulatedSeconds.toFixed(1)} s (T/LB ${ratio(simulatedSeconds)}): ` +
    `${(100 * apart).toFixed(1)} % apart${less}\n`
  );
}
