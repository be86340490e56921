/**
 * Agents in sessions of many turns: turns per session as in NeMo RL's replay of 610 sessions (5 at least, median 29, 99 at
 * most); gaps between turns lognormal with median 1 s and a tail to 700 s, as in the Alibaba-derived sample. Each turn's prompt
 * is all that went before and the tool's answer. All sessions share one system prompt. Tokens a turn are ours.
 */
import type { Random } from "../../contract/clock.ts";
import { PREFIX_BLOCK_TOKENS } from "../../scheduler/card.ts";
import type { SimulatedRollout, Workload } from "../workload.ts";
import type { PresetChanges } from "./changes.ts";
import { type FleetShape, uniformFleet } from "./fleets.ts";
import { freshBlocks } from "./groups.ts";
import { lognormal, standardNormal } from "./lengths.ts";

const SESSIONS = 256;
/** Of the prompt that all sessions begin with. */
export const AGENTIC_SYSTEM_TOKENS = 8_192;
const TASK = { median: 1_000, sigma: 0.8, cap: 8_192 };
const ANSWER = { median: 400, sigma: 1, cap: 8_192 };
const OUTPUT = { median: 200, sigma: 0.9, cap: 4_096 };
const GAP = { sigma: 1.64, longestSeconds: 700 };
/** Quantiles of turns a session, linear between. */
export const TURNS: readonly (readonly [share: number, turns: number])[] = [
  [0, 5],
  [0.5, 29],
  [0.9, 56],
  [0.99, 85],
  [1, 99],
];
/** What the sessions hold over their turns' mean, the system prompt once, by the fleet's KV: too much for all at once. */
const PRESSURE = 1.5;
const FLEET: Omit<FleetShape, "kvTokens"> = {
  workers: 8,
  step: { a: 0.01, s: 0.000_1 },
  prefillTokensPerSecond: 12_000,
};

export function agentic(random: Random, changes: PresetChanges): Omit<Workload, "name"> {
  const { sessions = SESSIONS, workers = FLEET.workers, resume = "recompute" } = changes;
  const system = freshBlocks(random, AGENTIC_SYSTEM_TOKENS);
  const all = Array.from({ length: sessions }, (_, s) => session(random, `s-${s}`, system));
  const own = all.reduce((sum, turns) => sum + meanOwnTokens(turns), 0);
  const pressed = AGENTIC_SYSTEM_TOKENS + Math.round(own / PRESSURE / workers);
  // Few sessions on many workers: the longest must fit all the same.
  const kvTokens = Math.max(pressed, ...all.map(longestContext));
  return {
    policies: [{ name: "policy", base: null }],
    rollouts: all.flat(),
    fleet: uniformFleet({ ...FLEET, kvTokens, workers }, resume, changes.hostShare),
  };
}

const longestContext = (turns: readonly SimulatedRollout[]): number =>
  Math.max(...turns.map(({ promptTokens, outputTokens }) => promptTokens + outputTokens));

const meanOwnTokens = (turns: readonly SimulatedRollout[]): number =>
  turns.reduce((sum, { promptTokens }) => sum + promptTokens - AGENTIC_SYSTEM_TOKENS, 0) /
  turns.length;

function session(random: Random, id: string, system: readonly number[]): SimulatedRollout[] {
  const blocks = [...system];
  let promptTokens = AGENTIC_SYSTEM_TOKENS + lognormal(random, TASK.median, TASK.sigma, TASK.cap);
  return Array.from({ length: agenticTurns(random.next()) }, (_, turn): SimulatedRollout => {
    const missing = Math.floor(promptTokens / PREFIX_BLOCK_TOKENS) - blocks.length;
    for (let i = 0; i < missing; i++) blocks.push(random.u32());
    const outputTokens = lognormal(random, OUTPUT.median, OUTPUT.sigma, OUTPUT.cap);
    const gap = Math.min(GAP.longestSeconds, Math.exp(GAP.sigma * standardNormal(random)));
    const rollout = {
      id: `${id}.${turn}`,
      group: null,
      promptTokens,
      prefix: [...blocks],
      outputTokens,
      maxNewTokens: OUTPUT.cap,
      arrivalSeconds: 0,
      session: { id, turn, gapSeconds: turn === 0 ? 0 : gap },
      policy: "policy",
      prompt: id,
    };
    promptTokens += outputTokens + lognormal(random, ANSWER.median, ANSWER.sigma, ANSWER.cap);
    return rollout;
  });
}

/** Turns of the session at this quantile. */
export function agenticTurns(share: number): number {
  for (const [i, [upper, turns]] of TURNS.entries()) {
    const [lower, before] = TURNS[i - 1] ?? [0, turns];
    if (share > upper) continue;
    return Math.round(before + ((share - lower) / (upper - lower || 1)) * (turns - before));
  }
  throw new RangeError(`${share} is no share`);
}
