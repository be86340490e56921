/** Asks torch what the logprobs of tokens are under the weights that somebody claims to have made them. */
import type { LogprobMode } from "../../../server/contract/rollout.ts";
import { askTorch } from "../torch-script.ts";

/** The output tokens up to `end`, made by `model`; `fresh`: with all of the context computed again. */
export interface Phase {
  readonly model: string;
  readonly end: number;
  readonly fresh?: boolean;
}

export interface Replayed {
  readonly prompt: readonly number[];
  readonly output: readonly number[];
  readonly phases: readonly Phase[];
  /** As on the engines' wires; absent: nothing but temperature 1. */
  readonly sampling?: Readonly<Record<string, number>>;
}

type ByMode = Readonly<Record<LogprobMode, readonly number[]>>;

/** Logprobs of each rollout's output, by mode. `python`: one that has torch and transformers. */
export const replay = (python: string, rollouts: readonly Replayed[]): Promise<readonly ByMode[]> =>
  askTorch(python, new URL("./replay.py", import.meta.url), { rollouts }) as Promise<
    readonly ByMode[]
  >;

export interface Distance {
  /** Per token, and where. */
  readonly largest: number;
  readonly at: number;
  /** Over the rollout. */
  readonly sum: number;
}

/** Infinite where one of them is. */
export function distance(told: readonly number[], claimed: readonly number[]): Distance {
  const each = told.map((value, at) => Math.abs(value - (claimed[at] ?? Number.NaN)));
  const largest = Math.max(...each);
  const sum = each.reduce((total, one) => total + one, 0);
  return { largest, at: each.indexOf(largest), sum };
}
