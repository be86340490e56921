/** The fleet as the bound sees it: slots that are alike together, and the best that they can earn at a price of KV. */

/** Seconds and tokens. */
export interface BoundSlot {
  readonly step: { readonly a: number; readonly s: number };
  /** Null: not known, and prefill counts as nothing. */
  readonly prefillTokensPerSecond: number | null;
  readonly kvTokens: number;
  readonly maxRunning: number;
}

export interface SlotClass {
  readonly count: number;
  readonly a: number;
  readonly s: number;
  readonly kvTokens: number;
  readonly maxRunning: number;
}

export interface FleetRates {
  readonly classes: readonly SlotClass[];
  readonly fastestStep: number;
  /** Tokens a second, of one slot and of all; Infinity where unknown. */
  readonly fastestPrefill: number;
  readonly prefill: number;
}

/** Beyond so many classes, slots nearly alike are taken together at the better of their values. */
const CLASSES = 64;
const NEARLY = 1.02;

/** Null where there is no slot, or one that could be of any speed. */
export function fleetRates(slots: readonly BoundSlot[]): FleetRates | null {
  let fastestStep = Number.POSITIVE_INFINITY;
  let fastestPrefill = 0;
  let prefill = 0;
  for (const { step, prefillTokensPerSecond, kvTokens, maxRunning } of slots) {
    const possible = step.a >= 0 && step.s >= 0 && step.a + step.s > 0;
    if (!possible || !Number.isFinite(step.a + step.s)) return null;
    if (kvTokens < 1 || maxRunning < 1) return null;
    fastestStep = Math.min(fastestStep, step.a + step.s);
    const rate = prefillTokensPerSecond ?? Number.POSITIVE_INFINITY;
    fastestPrefill = Math.max(fastestPrefill, rate);
    prefill += rate;
  }
  if (slots.length === 0) return null;
  let classes = grouped(slots, (value) => value);
  if (classes.length > CLASSES) classes = grouped(slots, nearly);
  return { classes, fastestStep, fastestPrefill, prefill };
}

const nearly = (value: number, better: "less" | "more"): number => {
  if (value <= 0) return value;
  const at = Math.log(value) / Math.log(NEARLY);
  return NEARLY ** (better === "less" ? Math.floor(at) : Math.ceil(at));
};

function grouped(
  slots: readonly BoundSlot[],
  round: (value: number, better: "less" | "more") => number,
): SlotClass[] {
  const classes = new Map<string, SlotClass>();
  for (const { step, kvTokens, maxRunning } of slots) {
    const [a, s] = [round(step.a, "less"), round(step.s, "less")];
    const kv = round(kvTokens, "more");
    const key = `${a} ${s} ${kv} ${maxRunning}`;
    const count = (classes.get(key)?.count ?? 0) + 1;
    classes.set(key, { count, a, s, kvTokens: kv, maxRunning });
  }
  return [...classes.values()];
}

/** A price of KV and the longest context that is paid for. */
export interface Price {
  readonly beta: number;
  readonly longestTokens: number;
}

/** What such a slot earns a second with `batch` sequences; linear below one, since half a sequence is none. */
function earning({ a, s, kvTokens }: SlotClass, { beta, longestTokens }: Price, b: number): number {
  const batch = Math.max(1, b);
  const earned = batch + beta * Math.min(kvTokens, batch * longestTokens);
  return (Math.min(1, b) * earned) / (a + s * batch);
}

/** Batch above which no more KV fits, at the longest contexts. */
const fullBatch = ({ kvTokens, maxRunning }: SlotClass, { longestTokens }: Price): number =>
  Math.max(1, Math.min(maxRunning, kvTokens / Math.max(1, longestTokens)));

/** Batch at which it earns most, where a sequence costs μ a second: earning is concave, in three pieces. */
function bestBatch(slot: SlotClass, price: Price, mu: number): number {
  const { a, s, kvTokens, maxRunning } = slot;
  const full = fullBatch(slot, price);
  if (earning(slot, price, 1) <= mu) return 0;
  const rising = (1 + price.beta * price.longestTokens) * a;
  const first = slopeIs(rising, a, s, mu);
  if (first < full) return Math.max(1, first);
  const after = a - s * price.beta * kvTokens;
  return after <= 0 ? full : Math.max(full, Math.min(maxRunning, slopeIs(after, a, s, mu)));
}

/** b with c / (a + s·b)² = μ. */
function slopeIs(c: number, a: number, s: number, mu: number): number {
  if (mu <= 0) return Number.POSITIVE_INFINITY;
  if (s > 0) return (Math.sqrt(c / mu) - a) / s;
  return c / (a * a) > mu ? Number.POSITIVE_INFINITY : 0;
}

const BISECTIONS = 30;

/** At least what the fleet can earn a second with `count` sequences at most. */
export function fleetEarning(classes: readonly SlotClass[], price: Price, count: number): number {
  const at = (mu: number): { readonly batch: number; readonly value: number } => {
    let batch = 0;
    let value = count * mu;
    for (const slot of classes) {
      const b = bestBatch(slot, price, mu);
      batch += slot.count * b;
      value += slot.count * (earning(slot, price, b) - mu * b);
    }
    return { batch, value };
  };
  const free = at(0);
  if (free.batch <= count) return free.value;
  let low = 0;
  let high = classes.reduce((most, slot) => Math.max(most, earning(slot, price, 1)), 0);
  let least = Math.min(free.value, at(high).value);
  for (let i = 0; i < BISECTIONS; i++) {
    const mu = (low + high) / 2;
    const { batch, value } = at(mu);
    least = Math.min(least, value);
    if (batch > count) low = mu;
    else high = mu;
  }
  return least;
}
