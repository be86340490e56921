/** TailSieve's optimum (2026) where lengths are known. */
import type { Workload } from "../../server/simulator/workload.ts";

/**
 * A replica that starts all of its rollouts at once ends after a·L_1 + s·Σ L, L_1 its longest. Whoever holds a shorter longest one
 * may hold more, so the best split takes them in order of length; the least T for which that fits, by bisection.
 */
export function bestSplitSeconds({ rollouts, fleet }: Workload): number {
  const [worker] = fleet.workers;
  if (worker === undefined) throw new Error("a fleet without a worker");
  const { a, s } = worker.step;
  const lengths = rollouts.map(({ outputTokens }) => outputTokens).sort((x, y) => y - x);
  const fits = (seconds: number): boolean => {
    let replicas = 0;
    let room = -1;
    for (const tokens of lengths) {
      if (room < s * tokens) {
        replicas++;
        room = seconds - a * tokens;
      }
      room -= s * tokens;
      if (room < 0 || replicas > fleet.workers.length) return false;
    }
    return true;
  };
  let low = 0;
  let high = lengths.reduce((sum, tokens) => sum + (a + s) * tokens, 0);
  while (high - low > 1e-6 * high) {
    const middle = (low + high) / 2;
    if (fits(middle)) high = middle;
    else low = middle;
  }
  return high;
}
