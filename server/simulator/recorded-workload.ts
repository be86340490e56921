/**
 * What a live server was asked to do, out of its scheduler's recorded inputs (`paceline serve --record FILE`): rollouts
 * with the lengths that they turned out to have, and the fleet with the rates that it was measured to have. So a live run can
 * be made again in virtual time, and the two compared.
 */
import { PacelineError } from "../contract/errors.ts";
import { type Card, PREFIX_BLOCK_TOKENS } from "../scheduler/card.ts";
import type { SchedulerEvent, WorkerView } from "../scheduler/events.ts";
import type { Recording } from "../scheduler/recording.ts";
import type { SimulatedRollout, WorkerSpec, Workload } from "./workload.ts";

type Telemetry = Extract<SchedulerEvent, { type: "telemetry" }>;

export interface RecordedWorkload {
  readonly workload: Workload;
  /** From the first offer to the last end. */
  readonly measuredSeconds: number;
  /** When each had finished, after the first offer. */
  readonly ends: readonly number[];
  /** Rollouts of the recording that had not finished when it ended, and are left out. */
  readonly leftOut: number;
}

interface Seen {
  readonly card: Card;
  readonly at: number;
  readonly turn: number;
  /** End of its session's turn before. */
  readonly before: number | null;
  finishedAt: number | null;
  outputTokens: number;
}

/** What engines do not tell of themselves. */
export interface RecordedEngine {
  readonly prefillChunk: number;
  /** By which they share beginnings: a divisor of a card's. */
  readonly blockTokens: number;
}

export function recordedWorkload(recording: Recording, engine: RecordedEngine): RecordedWorkload {
  const { prefillChunk, blockTokens } = engine;
  if (PREFIX_BLOCK_TOKENS % blockTokens !== 0) {
    throw new PacelineError(
      "invalid_argument",
      `blocks of ${blockTokens} tokens do not divide one of ${PREFIX_BLOCK_TOKENS}`,
    );
  }
  if (recording.dropped > 0) {
    throw new PacelineError(
      "invalid_argument",
      `the first ${recording.dropped} inputs of the recording are missing`,
    );
  }
  const seen = offersOf(recording);
  const finished = [...seen.values()].filter(({ finishedAt }) => finishedAt !== null);
  const from = finished.reduce((first, { at }) => Math.min(first, at), Number.POSITIVE_INFINITY);
  const to = finished.reduce((last, { finishedAt }) => Math.max(last, finishedAt ?? 0), 0);
  if (finished.length === 0) {
    throw new PacelineError("invalid_argument", "no rollout finished in the recording");
  }
  const policies = [...new Set(finished.map(({ card }) => card.policy))];
  return {
    workload: {
      name: "recorded",
      policies: policies.map((name) => ({ name, base: null })),
      rollouts: finished.map((each) => rolloutOf(each, from, blockTokens)),
      blockTokens,
      fleet: { workers: fleetOf(recording, prefillChunk) },
    },
    measuredSeconds: (to - from) / 1_000,
    ends: finished.map(({ finishedAt }) => ((finishedAt ?? from) - from) / 1_000),
    leftOut: seen.size - finished.length,
  };
}

function offersOf({ inputs }: Recording): Map<string, Seen> {
  const seen = new Map<string, Seen>();
  const sessions = new Map<string, Seen>();
  for (const { at, event } of inputs) {
    if (event.type === "offer" && !seen.has(event.card.key)) {
      const { card } = event;
      const last = card.session === null ? undefined : sessions.get(card.session);
      const turn = last === undefined ? 0 : last.turn + 1;
      const before = last?.finishedAt ?? null;
      const made = { card, at, turn, before, finishedAt: null, outputTokens: 0 };
      seen.set(card.key, made);
      if (card.session !== null) sessions.set(card.session, made);
    } else if (event.type === "done" && event.outcome === "finished") {
      const known = seen.get(event.key);
      if (known === undefined) continue;
      known.finishedAt = at;
      known.outputTokens = event.outputTokens ?? known.card.maxNewTokens;
    }
  }
  return seen;
}

function rolloutOf(
  { card, at, turn, before, outputTokens }: Seen,
  from: number,
  blockTokens: number,
): SimulatedRollout {
  const { key, group, promptTokens, maxNewTokens, session, policy } = card;
  return {
    id: key,
    group,
    promptTokens,
    prefix: blocksOf(card, blockTokens),
    outputTokens: Math.max(1, outputTokens),
    maxNewTokens,
    arrivalSeconds: (at - from) / 1_000,
    session:
      session === null
        ? null
        : { id: session, turn, gapSeconds: before === null ? 0 : Math.max(0, at - before) / 1_000 },
    policy,
    prompt: card.prompt ?? key,
  };
}

/** A card's blocks in smaller ones; and what of a prompt goes beyond them is equal where all of it is. */
function blocksOf({ prefix, prompt, promptTokens }: Card, blockTokens: number): number[] {
  const each = PREFIX_BLOCK_TOKENS / blockTokens;
  const blocks = prefix.flatMap((hash) =>
    Array.from({ length: each }, (_, i) => (i === each - 1 ? hash : mixed(hash, i))),
  );
  if (prompt === null) return blocks;
  const whole = [...prompt].reduce((hash, char) => mixed(hash, char.charCodeAt(0)), 0x811c9dc5);
  for (let i = blocks.length; i < Math.floor(promptTokens / blockTokens); i++) {
    blocks.push(mixed(whole, i));
  }
  return blocks;
}

function mixed(hash: number, value: number): number {
  const once = Math.imul(hash ^ (value + 1), 0x01000193);
  return Math.imul(once ^ (once >>> 15), 0x85ebca6b) >>> 0;
}

/** Each slot of each worker that was seen, with its last rates. */
function fleetOf({ inputs }: Recording, prefillChunk: number): WorkerSpec[] {
  const views = new Map<string, WorkerView>();
  const rates = new Map<string, Pick<Telemetry, "step" | "prefillTokensPerSecond">>();
  for (const { event } of inputs) {
    if (event.type === "worker") views.set(event.worker.id, event.worker);
    if (event.type !== "telemetry" || event.step === null) continue;
    rates.set(`${event.worker}/${event.slot}`, event);
  }
  const specs = [...views.values()].flatMap(({ id, pool, slots, tiers }) =>
    slots.flatMap(({ index, kvTokens, maxRunning }): WorkerSpec[] => {
      const measured = rates.get(`${id}/${index}`);
      if (measured === undefined || measured.step === null) return [];
      const { step, prefillTokensPerSecond } = measured;
      const shape = { id: `${id}/${index}`, pool, kvTokens, maxRunning, step, prefillChunk };
      const prefill = prefillTokensPerSecond ?? AT_ONCE;
      return [{ ...shape, prefillTokensPerSecond: prefill, tiers: tiers ?? null, adapters: null }];
    }),
  );
  if (specs.length > 0) return specs;
  throw new PacelineError("invalid_argument", "no worker of the recording told its step time");
}

/** Prefill that nobody could measure takes no time that matters, tokens/s. */
const AT_ONCE = 1e9;
