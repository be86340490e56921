/** A history in which everything is said over and over: what comes of it is bounded, and no rule is broken. */
import fc from "fast-check";
import { histories, MANY_TIMES, readHistory, type Step } from "./history-steps.ts";
import { explained, failure } from "./minimise.ts";
import type { Subject } from "./subjects.ts";

/** One fleet lives through so many steps: no longer than an ended attempt is remembered. */
const PORTION_STEPS = 1_000;

/** `told`: after each fleet, duplicates so far. Throws the least history that breaks a rule. */
export function duplicates(
  count: number,
  seed: number,
  subject: Subject,
  name: string,
  told: (made: number) => void = () => undefined,
): void {
  for (let made = 0, portion = 0; made < count; portion++) {
    const steps = Math.min(PORTION_STEPS, Math.ceil((count - made) / MANY_TIMES));
    const history = repeating(steps, seed + portion);
    if (failure(history, subject) !== null) throw explained(history, name, subject);
    made += steps * MANY_TIMES;
    told(made);
  }
}

function repeating(steps: number, seed: number): Step[] {
  const each = fc.sample(histories, { seed, numRuns: steps }).flat().slice(0, steps);
  return each.flatMap((step, i) => [
    step,
    ...readHistory(`again ${(i * 7) % 1_000} ${MANY_TIMES}`),
  ]);
}
