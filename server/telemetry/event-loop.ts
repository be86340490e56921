/** How late the event loop is: what every timer, lease and stream of this process feels. */
import { monitorEventLoopDelay } from "node:perf_hooks";

/** Between two looks, ms. Node's figures count from look to look, so an idle loop shows this much; it is taken off. */
const LOOK_MS = 10;

export interface LoopDelay {
  /** Seconds, by quantile (0 to 1), since the last call; then it begins anew. */
  take(quantiles: readonly number[]): readonly number[];
  close(): void;
}

export function watchLoopDelay(): LoopDelay {
  const looks = monitorEventLoopDelay({ resolution: LOOK_MS });
  looks.enable();
  return {
    take(quantiles) {
      const seconds = quantiles.map((quantile) =>
        Math.max(0, looks.percentile(quantile * 100) / 1e9 - LOOK_MS / 1_000),
      );
      looks.reset();
      return seconds;
    },
    close: () => void looks.disable(),
  };
}
