/** A live run beside the same run in virtual time: how far the model is from what was measured. */
import type { Run } from "./run.ts";

export interface Calibration {
  readonly measuredSeconds: number;
  readonly simulatedSeconds: number;
  readonly boundSeconds: number;
  /** Measured over simulated, less 1. */
  readonly apart: number;
  readonly leftOut: number;
}

export function calibrate(
  run: Run,
  measured: { readonly measuredSeconds: number; readonly leftOut: number },
): Calibration {
  const { measuredSeconds, leftOut } = measured;
  const { makespanSeconds: simulatedSeconds, bound } = run;
  return {
    measuredSeconds,
    simulatedSeconds,
    boundSeconds: bound.seconds,
    apart: measuredSeconds / simulatedSeconds - 1,
    leftOut,
  };
}

export function calibrationLine(calibration: Calibration): string {
  const { measuredSeconds, simulatedSeconds, boundSeconds, apart, leftOut } = calibration;
  const ratio = (seconds: number): string => (seconds / boundSeconds).toFixed(3);
  const less = leftOut > 0 ? `; ${leftOut} rollouts without an end left out` : "";
  return (
    `measured ${measuredSeconds.toFixed(1)} s (T/LB ${ratio(measuredSeconds)}), ` +
    `simulated ${simulatedSeconds.toFixed(1)} s (T/LB ${ratio(simulatedSeconds)}): ` +
    `${(100 * apart).toFixed(1)} % apart${less}\n`
  );
}
