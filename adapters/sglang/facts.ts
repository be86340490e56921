/** What one life of an SGLang server was found to be: its settings, and what the probe measured. */
import type { LogprobMode, Sampling } from "../../server/contract/rollout.ts";
import type { Label } from "../label.ts";
import { InUse } from "../lora/in-use.ts";

export interface Facts {
  /** The engine's word for prompt and output together. */
  readonly contextLength: number;
  /** A prompt must be shorter than this. */
  readonly promptLimit: number;
  readonly vocabSize: number;
  readonly slots: number;
  /** `--enable-deterministic-inference`: noise is keyed by (`sampling_seed`, position); without it no seed counts. */
  readonly deterministic: boolean;
  /** `--enable-priority-scheduling`, and whether lower goes first there; null: priorities are not looked at. */
  readonly lowPriorityFirst: boolean | null;
  /** `--incremental-streaming-output`: chunks are deltas; otherwise each repeats all that came before. */
  readonly incremental: boolean;
  /** Takes `stream_interval` by request. */
  readonly streamInterval: boolean;
  /** Most ids of one position's sampling mask; 0: it tells none. */
  readonly maskTokens: number;
  /** `--enable-return-routed-experts`: it was seen to tell them. */
  readonly experts: boolean;
  /** `--enable-memory-saver`: it can give its KV cache back, and does not die of being asked to. */
  readonly memorySaver: boolean;
  /** `--enable-lora`: adapters that it holds at once; 0: none. */
  readonly adapters: number;
  /** What its logprobs were measured to be. */
  readonly logprobMode: LogprobMode;
  /** Tells at the end which weights made which tokens. */
  readonly tellsVersions: boolean;
  readonly eosTokenIds: readonly number[];
  /** `/weights_checker` shows a checksum. */
  readonly checksums: boolean;
  /** What decides how it packs its weights, beside ranks and names. */
  readonly build: string;
}

/** What is known of the engine behind one adapter; renewed by probes and by what we do to it. */
export interface EngineState {
  /** Null before the first probe. */
  facts: Facts | null;
  incarnation: string | null;
  /** What it called its weights when we last heard; null: no name of ours. */
  label: Label | null;
  /** As we left it, or as it said. */
  paused: boolean;
  /** Calls of ours that let it stand or run: what it said before one is old after it. */
  turns: number;
  /** Only ever by us: nothing tells it. */
  asleep: boolean;
  /** Loads of weights, counted by us; each gives its cached KV a namespace of its own. */
  loads: number;
  readonly inUse: InUse;
}

export const createState = (): EngineState => ({
  facts: null,
  incarnation: null,
  label: null,
  paused: false,
  turns: 0,
  asleep: false,
  loads: 0,
  inUse: new InUse(),
});

/** In the order of the sampler's steps. */
const MODES = ["raw", "penalised", "tempered", "processed"] as const;

/**
 * Whether `mode` can be told where the engine's logprobs are `given`: where the steps between two modes are off, they
 * are equal. Greedy is SGLang's temperature 1 with top-k 1, and its logprobs have neither step in them.
 */
export function givesMode(given: LogprobMode, mode: LogprobMode, sampling: Sampling): boolean {
  if (isCertain(mode, sampling)) return true;
  const greedy = sampling.temperature === 0;
  const own = Math.min(MODES.indexOf(given), greedy ? MODES.indexOf("penalised") : MODES.length);
  const asked = MODES.indexOf(mode);
  const off = [isPlain(sampling), sampling.temperature === 1, isUnfiltered(sampling)];
  return off.slice(Math.min(own, asked), Math.max(own, asked)).every(Boolean);
}

/** Of a greedy token the distribution that it was drawn from holds nothing else: its logprob is 0. */
export const isCertain = (mode: LogprobMode, { temperature }: Sampling): boolean =>
  temperature === 0 && (mode === "tempered" || mode === "processed");

const isPlain = (s: Sampling): boolean =>
  s.presencePenalty === 0 &&
  s.frequencyPenalty === 0 &&
  s.repetitionPenalty === 1 &&
  s.logitBias.size === 0 &&
  s.minNewTokens === 0;

const isUnfiltered = (s: Sampling): boolean => s.topP === 1 && s.topK <= 0 && s.minP === 0;
