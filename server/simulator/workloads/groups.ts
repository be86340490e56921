/** Groups of rollouts of one prompt each: the part that all presets without sessions share. */
import type { Random } from "../../contract/clock.ts";
import { PREFIX_BLOCK_TOKENS } from "../../scheduler/card.ts";
import type { SimulatedRollout } from "../workload.ts";
import { groupLengths, type LengthLaw, lognormal, standardNormal } from "./lengths.ts";

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

/** What is the same of a prompt in every epoch. */
export interface Prompt {
  readonly name: string;
  readonly tokens: number;
  readonly prefix: readonly number[];
  /** On the lengths of its groups, standard deviations. */
  readonly effect: number;
}

export function promptOf(random: Random, { prompts }: GroupShape, name: string): Prompt {
  const tokens = lognormal(random, prompts.median, prompts.sigma, prompts.cap);
  const prefix = freshBlocks(random, tokens);
  return { name, tokens, prefix, effect: standardNormal(random) };
}

export function groupOf(
  random: Random,
  shape: GroupShape,
  place: GroupPlace,
  prompt: Prompt = promptOf(random, shape, place.name),
): SimulatedRollout[] {
  const { size, lengths } = shape;
  const { name, policy, arrivalSeconds } = place;
  const { tokens: promptTokens, prefix, effect } = prompt;
  return groupLengths(random, lengths, size, effect).map((outputTokens, index) => ({
    id: `${name}.${index}`,
    group: { id: name, size, index },
    promptTokens,
    prefix,
    outputTokens,
    maxNewTokens: lengths.cap,
    arrivalSeconds,
    session: null,
    policy,
    prompt: prompt.name,
  }));
}

/** Hashes of the full blocks of a prompt that nobody else has. */
export function freshBlocks(random: Random, tokens: number): number[] {
  return Array.from({ length: Math.floor(tokens / PREFIX_BLOCK_TOKENS) }, () => random.u32());
}
