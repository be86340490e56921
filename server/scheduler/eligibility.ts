/** Which kinds of worker may serve which class of cards (I3, I5, I6). Pure predicates on plain data. */
import { allows, type HeldVersion } from "../contract/policy.ts";
import { type LogprobMode, mayUsePool } from "../contract/rollout.ts";
import type { SamplingFeature } from "../contract/worker.ts";
import type { Card, SideNeeds } from "./card.ts";
import type { WorkerView } from "./events.ts";
import { plausibleSize } from "./plausible.ts";

/** What of a worker decides eligibility; workers that agree in all of it are of one kind. */
export interface KindFacts {
  readonly pool: string;
  readonly engine: string;
  readonly maxModelLen: number;
  /** No worker of the kind takes a larger context, tokens. */
  readonly contextCeiling: number;
  readonly logprobModes: ReadonlySet<string>;
  readonly features: ReadonlySet<string>;
  readonly side: SideNeeds;
  readonly resume: { readonly seeded: boolean; readonly penalties: boolean };
  readonly holds: readonly Pick<HeldVersion, "policy" | "version" | "label" | "base">[];
  /** How fast KV comes from the pool, tokens/s; null: it reaches none. */
  readonly poolTokensPerSecond: number | null;
}

/** Capacities within a quarter of an octave are alike: engines measure their own and rarely agree to the token. */
const capacityClass = (view: WorkerView): number =>
  Math.ceil(4 * Math.log2(Math.max(1, ...view.slots.map((slot) => plausibleSize(slot.kvTokens)))));

export function kindKey(view: WorkerView): string {
  const { logprobModes, sampling, resume } = view.capabilities;
  const { promptLogprobs, topLogprobs, samplingMask, routedExperts } = sideOf(view);
  const holds = view.holds.map((held) => [held.policy, held.version, held.label?.step ?? null]);
  return JSON.stringify([
    view.pool,
    view.engine,
    view.maxModelLen,
    capacityClass(view),
    [...logprobModes].sort(),
    [...sampling].sort(),
    resume.seeded,
    resume.penalties,
    [promptLogprobs, topLogprobs, samplingMask, routedExperts],
    holds.sort(),
    view.tiers?.poolTokensPerSecond ?? null,
  ]);
}

export function kindFacts(view: WorkerView): KindFacts {
  const { logprobModes, sampling, resume } = view.capabilities;
  return {
    pool: view.pool,
    engine: view.engine,
    maxModelLen: view.maxModelLen,
    contextCeiling: Math.min(view.maxModelLen, 2 ** (capacityClass(view) / 4)),
    logprobModes: new Set(logprobModes),
    features: new Set(sampling),
    side: sideOf(view),
    resume,
    holds: view.holds,
    poolTokensPerSecond: view.tiers?.poolTokensPerSecond ?? null,
  };
}

const sideOf = ({ capabilities: can }: WorkerView): SideNeeds => ({
  promptLogprobs: can.promptLogprobs,
  topLogprobs: can.maxTopLogprobs,
  samplingMask: can.samplingMask,
  routedExperts: can.routedExperts === true,
});

/** Cards with the same key are eligible for the same kinds. Names hold no space; constraints are one number each. */
export function classKey(card: Card): string {
  const { policy, pool, constraint, lastVersion, engine, resume } = card;
  const wanted = constraint === null ? "" : JSON.stringify(constraint);
  const needs = (resume.seeded ? 1 : 0) + (resume.penalties ? 2 : 0);
  const asked = bitsOf(card.logprobModes, MODES) + 16 * bitsOf(card.features, FEATURES);
  const pools = pool ?? card.pools.join(",");
  const key = `${policy} ${pools} ${wanted} ${lastVersion ?? ""} ${engine ?? ""} ${needs} ${asked}`;
  if (card.side === null) return key;
  const { promptLogprobs, topLogprobs, samplingMask, routedExperts } = card.side;
  const asides = `${promptLogprobs ? "p" : ""}${samplingMask ? "m" : ""}${routedExperts ? "e" : ""}`;
  return `${key} ${asides}${topLogprobs}`;
}

const bits = <Name extends string>(names: readonly Name[]): ReadonlyMap<Name, number> =>
  new Map(names.map((name, i) => [name, 2 ** i]));

const MODES = bits<LogprobMode>(["processed", "tempered", "penalised", "raw"]);
/** In an order that two cards agree on; one that is missing here would be a feature that no key tells apart. */
const FEATURES = bits<SamplingFeature>(
  Object.keys({
    temperature: 0,
    top_p: 0,
    top_k: 0,
    min_p: 0,
    presence_penalty: 0,
    frequency_penalty: 0,
    repetition_penalty: 0,
    logit_bias: 0,
    stop_token_ids: 0,
    stop: 0,
    min_new_tokens: 0,
    ignore_eos: 0,
    seed: 0,
    allowed_token_ids: 0,
    bad_words: 0,
    structured: 0,
  } satisfies Record<SamplingFeature, 0>) as SamplingFeature[],
);

/** A set as a number; a name that is listed twice counts once. */
function bitsOf<Name extends string>(
  names: readonly Name[],
  of: ReadonlyMap<Name, number>,
): number {
  let set = 0;
  for (const name of names) set |= of.get(name) ?? 0;
  return set;
}

export const inPool = (card: Card, kind: KindFacts): boolean => mayUsePool(card, kind.pool);

/** Whether such a worker can honour what the card asks for, whatever version it holds. */
export function canHonour(card: Card, kind: KindFacts): boolean {
  const { logprobModes, features, resume } = card;
  if (resume.seeded && !kind.resume.seeded) return false;
  if (resume.penalties && !kind.resume.penalties) return false;
  if (card.side !== null && missingSide(card.side, kind) !== null) return false;
  if (!features.every((feature) => kind.features.has(feature))) return false;
  return logprobModes.length === 0 || logprobModes.some((mode) => kind.logprobModes.has(mode));
}

/** Path of the first wish that such a worker does not give, or null. */
function missingSide(side: SideNeeds, { side: given }: KindFacts): string | null {
  if (side.promptLogprobs && !given.promptLogprobs) return "want.prompt_logprobs";
  if (side.topLogprobs > given.topLogprobs) return "want.top_logprobs";
  if (side.samplingMask && !given.samplingMask) return "want.sampling_mask";
  return side.routedExperts && !given.routedExperts ? "want.routed_experts" : null;
}

export const rightEngine = (card: Card, kind: KindFacts): boolean =>
  card.engine === null || card.engine === kind.engine;

/**
 * The version that such a worker would serve the card with, or null: proven, not beyond what is
 * committed, allowed by the constraint, never older than the last token; its own version if held, else the newest.
 */
export function versionFor(card: Card, kind: KindFacts, committed: number): number | null {
  let best: number | null = null;
  for (const held of kind.holds) {
    const { version } = held;
    if (held.policy !== card.policy || !(version <= committed)) continue;
    if (card.lastVersion !== null && version < card.lastVersion) continue;
    if (!allows(card.constraint, held, committed)) continue;
    if (version === card.lastVersion) return version;
    if (best === null || version > best) best = version;
  }
  return best;
}

/** Whether the kind lacks nothing but a version: what is missing is an update, not a worker. */
export const lacksVersionOnly = (card: Card, kind: KindFacts): boolean =>
  kind.holds.length === 0 || kind.holds.some((held) => held.policy === card.policy);

function poolsInWords({ pool, pools }: Card): string {
  if (pool !== null) return `pool ${pool}`;
  return pools.length === 0 ? "the fleet" : `the pools ${pools.join(", ")}`;
}

/** What of a card no worker of its pool can honour, in words. */
export function unsupported(
  card: Card,
  kinds: Iterable<KindFacts>,
): { readonly message: string; readonly path: string | null } {
  const pool = poolsInWords(card);
  const all = [...kinds].filter((kind) => inPool(card, kind));
  const missing = card.features.filter((name) => !all.some((kind) => kind.features.has(name)));
  const modes = card.logprobModes.some((mode) => all.some((kind) => kind.logprobModes.has(mode)));
  if (missing.length > 0) {
    const message = `no worker of ${pool} can honour ${missing.join(", ")}`;
    return { message, path: `sampling.${missing[0]}` };
  }
  if (card.logprobModes.length > 0 && !modes) {
    const message = `no worker of ${pool} gives logprobs as ${card.logprobModes.join(" or ")}`;
    return { message, path: "want.logprob_modes" };
  }
  const { side } = card;
  const lacks = side === null ? [] : all.map((kind) => missingSide(side, kind));
  const path = lacks[0] ?? null;
  if (path !== null && !lacks.includes(null)) {
    return { message: `no worker of ${pool} gives ${path.replace("want.", "")} as wanted`, path };
  }
  const message = `no worker of ${pool} can honour all that is asked for together`;
  return { message, path: null };
}
