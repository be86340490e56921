/** The two sets of weights in the engine's memory: the serving one, and one staged beside it. */
import { createHash } from "node:crypto";
import { PacelineError } from "../contract/errors.ts";
import type { HeldWeights } from "./core.ts";
import type { ModelConfig } from "./model-config.ts";
import { loadWeights, openFitting, type WeightLayout } from "./model-weights.ts";
import type { Transformer } from "./transformer.ts";

export interface WeightHolder {
  readonly held: HeldWeights | null;
  /** The serving set. Throws while none is held. */
  readonly serving: WeightLayout;
  stage(source: { policy: string; version: number; path: string }): { digest: string };
  swap(target: { policy: string; version: number }): HeldWeights;
  discard(target: { policy: string; version: number }): void;
  /** See `Core.load`. */
  load(
    source: { policy: string; version: number; path: string },
    wanted?: (tensor: string) => boolean,
  ): HeldWeights;
  relabel(target: { policy: string; version: number }): HeldWeights;
}

/** Of a mixture: no checkpoint has it. */
export function mixedDigest(below: string, above: string): string {
  return createHash("sha256").update(`${below} under ${above}`).digest("hex");
}

export function createWeightHolder(config: ModelConfig, transformer: Transformer): WeightHolder {
  const [first, second] = transformer.weightSets;
  if (first === undefined || second === undefined)
    throw new Error("two sets of weights are needed");
  let serving = first;
  let spare = second;
  let held: HeldWeights | null = null;
  let staged: Omit<HeldWeights, "load"> | null = null;
  let loads = 0;
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
      loads += 1;
      held = { ...staged, load: loads };
      staged = null;
      [serving, spare] = [spare, serving];
      return held;
    },
    discard(target) {
      if (isStaged(target)) staged = null;
    },
    load({ policy, version, path }, wanted) {
      openFitting(path, config);
      const before = held;
      // Nothing is vouched for while it is overwritten, nor if that fails half-way.
      held = null;
      const read = loadWeights(path, config, transformer.kernels.buffer, serving, wanted);
      const digest = wanted === undefined ? read : mixedDigest(before?.digest ?? "", read);
      loads += 1;
      held = { policy, version, digest, load: loads };
      return held;
    },
    relabel({ policy, version }) {
      if (held === null) throw new PacelineError("version_conflict", "no weights are held");
      held = { ...held, policy, version };
      return held;
    },
  };
}
