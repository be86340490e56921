/** The two sets of weights in the engine's memory: the serving one, and one staged beside it. */
import { PacelineError } from "../contract/errors.ts";
import type { HeldWeights } from "./core.ts";
import type { ModelConfig } from "./model-config.ts";
import { loadWeights, type WeightLayout } from "./model-weights.ts";
import type { Transformer } from "./transformer.ts";

export interface WeightHolder {
  readonly held: HeldWeights | null;
  /** The serving set. Throws while none is held. */
  readonly serving: WeightLayout;
  stage(source: { policy: string; version: number; path: string }): { digest: string };
  swap(target: { policy: string; version: number }): HeldWeights;
  discard(target: { policy: string; version: number }): void;
}

export function createWeightHolder(config: ModelConfig, transformer: Transformer): WeightHolder {
  const [first, second] = transformer.weightSets;
  if (first === undefined || second === undefined)
    throw new Error("two sets of weights are needed");
  let serving = first;
  let spare = second;
  let held: HeldWeights | null = null;
  let staged: Omit<HeldWeights, "load"> | null = null;
  const isStaged = (target: { policy: string; version: number }): boolean =>
    staged?.policy === target.policy && staged.version === target.version;
  return {
    get held() {
      return held;
    },
    get serving() {
      if (held === null) throw new Error("no weights are held");
      return serving;
    },
    stage({ policy, version, path }) {
      staged = null;
      const digest = loadWeights(path, config, transformer.kernels.buffer, spare);
      staged = { policy, version, digest };
      return { digest };
    },
    swap(target) {
      if (staged === null || !isStaged(target)) {
        const { policy, version } = target;
        throw new PacelineError("version_conflict", `${policy}@${version} is not staged here`, {
          details: { policy, version, staged: staged?.version ?? null },
        });
      }
      held = { ...staged, load: (held?.load ?? 0) + 1 };
      staged = null;
      [serving, spare] = [spare, serving];
      return held;
    },
    discard(target) {
      if (isStaged(target)) staged = null;
    },
  };
}
