/** Groups of rollouts of one prompt each: the part that all presets without sessions share. */
import type { Random } from "../../contract/clock.ts";
import { PREFIX_BLOCK_TOKENS } from "../../scheduler/card.ts";
import type { SimulatedRollout } from "../workload.ts";
import { groupLengths, type LengthLaw, lognormal } from "./lengths.ts";

export interface PromptLaw {
  readonly median: number;
  readonly sigma: number;
  readonly cap: number;
}

export interface GroupShape {
  readonly size: number;
  readonly lengths: LengthLaw;
  readonly prompts: PromptLaw;
}

/** Where and when a group is asked for. */
export interface GroupPlace {
  readonly name: string;
  readonly policy: string;
  readonly arrivalSeconds: number;
}

export function groupOf(random: Random, shape: GroupShape, place: GroupPlace): SimulatedRollout[] {
  const { size, lengths, prompts } = shape;
  const { name, policy, arrivalSeconds } = place;
  const promptTokens = lognormal(random, prompts.median, prompts.sigma, prompts.cap);
  const prefix = freshBlocks(random, promptTokens);
  return groupLengths(random, lengths, size).map((outputTokens, index) => ({
    id: `${name}.${index}`,
    group: { id: name, size, index },
    promptTokens,
    prefix,
    outputTokens,
    maxNewTokens: lengths.cap,
    arrivalSeconds,
    session: null,
    policy,
    prompt: name,
  }));
}

/** Hashes of the full blocks of a prompt that nobody else has. */
export function freshBlocks(random: Random, tokens: number): number[] {
  return Array.from({ length: Math.floor(tokens / PREFIX_BLOCK_TOKENS) }, () => random.u32());
}
