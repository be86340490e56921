/**
 * What prompt logprobs of fixed prompts tell of weights that nobody hashed. A canary *disproves*; it proves little:
 *
 * - It finds a worker whose weights are garbage, of another checkpoint or half of one, where that moves some logprob by
 *   more than its number format explains, or where there are workers to compare it with.
 * - It finds that nothing changed where the engine computes the same twice in the same bits.
 * - It cannot tell two neighbouring training steps apart in a low precision: a step of 1e-6 moves logprobs by less than
 *   bf16 rounds. It cannot find what all workers have wrong alike, nor what the prompts do not touch (an expert).
 *
 * A checksum of the engine's memory is judged by the same rules and finds each bit that differs; what all have wrong alike
 * it cannot find either.
 */
import type { EngineDescription } from "../../../contract/worker.ts";
import type { Canary, Shown } from "./external-events.ts";

/**
 * Largest difference between two workers' logprobs of one token that rounding explains, nat. A logit is a sum whose
 * relative error is about the format's epsilon (2⁻²³, 2⁻¹⁰, 2⁻⁷, 2⁻³ for e4m3), logits are some 30 large, and kernels
 * differ by batch: 30·ε each way. Measured: 0.004 between real vLLM in bfloat16 and transformers in float32 on a tiny model
 * (`reference/real-engines.md`), so this is wide; what it must not pass is weights that are not the same.
 */
const TOLERANCE: Readonly<Record<string, number>> = {
  float32: 0.001,
  float16: 0.06,
  bfloat16: 0.5,
};
/** Eight bits and fewer, or a name that we do not know. */
const COARSE = 4;

export const toleranceOf = (dtype: string): number => TOLERANCE[dtype] ?? COARSE;

/** Who computes alike, or lies in memory alike: only within these is one canary held against another. */
export const cohortOf = (
  { kind, model, dtype }: Pick<EngineDescription, "kind" | "model" | "dtype">,
  canary: Canary | null,
): Pick<Shown, "cohort" | "tolerance"> => {
  const layout = canary !== null && "layout" in canary ? ` ${canary.layout}` : "";
  return { cohort: `${kind} ${model} ${dtype}${layout}`, tolerance: toleranceOf(dtype) };
};

/** Largest difference at any token; infinite for canaries of other prompts, and for checksums that differ. */
export function distance(a: Canary, b: Canary): number {
  if ("checksum" in a || "checksum" in b) {
    const same = "checksum" in a && "checksum" in b && a.checksum === b.checksum;
    return same ? 0 : Number.POSITIVE_INFINITY;
  }
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    most = Math.max(most, Math.abs((a[i] as number) - (b[i] as number)));
  }
  return most;
}

/** Why the canaries of some workers cannot be believed, by worker. Those without one are not judged. */
export function judgeCanaries(shown: readonly Shown[]): ReadonlyMap<string, string> {
  const verdicts = new Map<string, string>();
  const cohorts = new Map<string, Shown[]>();
  for (const one of shown) {
    if (one.canary === null) continue;
    if (unchanged(one)) {
      const what = nameOf(one.canary);
      verdicts.set(one.worker, `its ${what} is what it was before the move: nothing was loaded`);
    } else cohorts.set(one.cohort, [...(cohorts.get(one.cohort) ?? []), one]);
  }
  for (const cohort of cohorts.values()) judgeCohort(cohort, verdicts);
  return verdicts;
}

/** Bit for bit: anything looser would take a small step for none. */
const unchanged = ({ canary, before, sameContent }: Shown): boolean =>
  !sameContent && canary !== null && before !== null && distance(canary, before) === 0;

/** More than half must agree with one another; whoever does not agree with them is out, and without them all are. */
function judgeCohort(cohort: readonly Shown[], verdicts: Map<string, string>): void {
  const agree = (a: Shown, b: Shown): boolean =>
    distance(a.canary ?? [], b.canary ?? []) <= Math.max(a.tolerance, b.tolerance);
  let best: readonly Shown[] = [];
  for (const centre of cohort) {
    const around = cohort.filter((other) => agree(centre, other));
    if (around.length > best.length) best = around;
  }
  const majority = best.length * 2 > cohort.length;
  for (const one of cohort) {
    if (majority && best.includes(one)) continue;
    const what = nameOf(one.canary);
    verdicts.set(
      one.worker,
      majority
        ? `its ${what} differs from that of ${best.length} of ${cohort.length} workers`
        : `no more than ${best.length} of ${cohort.length} workers have the same ${what}`,
    );
  }
}

const nameOf = (canary: Canary | null): string =>
  canary !== null && "checksum" in canary ? "checksum" : "canary";
