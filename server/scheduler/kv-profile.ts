/**
 * The most KV that what runs on a slot will probably hold at once. Each grows by a token a step and leaves with all that
 * it holds, so t steps from now the slot holds Σ (context + t)·P(still there at t): less than the sum of what each will have
 * come to at its own end, and much less where ends are spread. Taken on a grid of t, as sums that an attempt joins and
 * leaves in O(1).
 */
import { type LogLength, survivalsPast } from "./prediction/normal.ts";

/** Steps from now; finer near by, where most end. */
const GRID = [
  0, 256, 512, 1_024, 1_536, 2_048, 3_072, 4_096, 6_144, 8_192, 12_288, 16_384, 24_576, 32_768,
  49_152, 65_536, 131_072,
] as const;

const POINTS = GRID.length;
const LOGS = GRID.map(Math.log);

export interface Ahead {
  readonly contextTokens: number;
  readonly outputTokens: number;
  /** Expected to come, and the most that may, tokens. */
  readonly likely: number;
  readonly most: number;
  /** Of all its output; null: all that is known is `likely`. */
  readonly length: LogLength | null;
  /** What each token counts. */
  readonly margin: number;
  /** No more than this at any time, tokens: nobody is given more than a whole slot. */
  readonly ceiling: number;
}

/** Of the grid's points, the first that lies beyond `tokens`, or the last. */
function lastBefore(tokens: number): number {
  let last = 0;
  while (last < POINTS - 1 && (GRID[last] as number) < tokens) last++;
  return last;
}

/** Writes what one rollout will hold, by the grid, tokens; nothing beyond its end. Answers its peak. */
function hold(ahead: Ahead, rows: Float64Array, from: number): number {
  const { contextTokens, outputTokens, likely, most, length, margin, ceiling } = ahead;
  let [last, end] = [lastBefore(most), most];
  const spread =
    length !== null &&
    survivalsPast(length, outputTokens, { grid: GRID, logs: LOGS, last, end }, rows, from);
  if (!spread) [last, end] = [lastBefore(likely), likely];
  let peak = 0;
  for (let at = 0; at <= last; at++) {
    const steps = at === last ? end : (GRID[at] as number);
    const share = spread ? (rows[from + at] as number) : 1;
    const held = Math.min(ceiling, margin * (contextTokens + steps) * share);
    rows[from + at] = held;
    if (held > peak) peak = held;
  }
  rows.fill(0, from + last + 1, from + POINTS);
  return peak;
}

const ALONE = new Float64Array(POINTS);

/** The most that it will hold by itself, tokens, whole. */
export const peakTokensOf = (ahead: Ahead): number => Math.ceil(hold(ahead, ALONE, 0));

/** Each has a row of its own in one array, written in place: what is told of a rollout every few seconds leaves nothing to collect. */
export class KvProfile {
  readonly #sums = new Float64Array(POINTS);
  #rows = new Float64Array(0);
  readonly #free: number[] = [];
  #members = 0;
  /** Tokens, whole. */
  peakTokens = 0;

  /** Answers its row, by which it is replaced and removed. */
  add(ahead: Ahead): number {
    if (this.#free.length === 0) this.#grow();
    const row = this.#free.pop() as number;
    this.#members++;
    this.#put(row, ahead);
    return row;
  }

  /** One that is there comes to hold otherwise. */
  replace(row: number, ahead: Ahead): void {
    this.#take(row);
    if (this.#members === 1) this.#sums.fill(0);
    this.#put(row, ahead);
  }

  remove(row: number): void {
    this.#members--;
    this.#free.push(row);
    this.#take(row);
    // What rounding left must not add up.
    if (this.#members === 0) this.#sums.fill(0);
    this.#look();
  }

  #put(row: number, ahead: Ahead): void {
    const [sums, rows, from] = [this.#sums, this.#rows, row * POINTS];
    hold(ahead, rows, from);
    for (let at = 0; at < POINTS; at++) (sums[at] as number) += rows[from + at] as number;
    this.#look();
  }

  #take(row: number): void {
    const [sums, rows, from] = [this.#sums, this.#rows, row * POINTS];
    for (let at = 0; at < POINTS; at++) (sums[at] as number) -= rows[from + at] as number;
  }

  #look(): void {
    let peak = 0;
    for (let at = 0; at < POINTS; at++) {
      const sum = this.#sums[at] as number;
      if (sum > peak) peak = sum;
    }
    this.peakTokens = Math.ceil(peak);
  }

  #grow(): void {
    const before = this.#rows.length / POINTS;
    const after = Math.max(8, 2 * before);
    const rows = new Float64Array(after * POINTS);
    rows.set(this.#rows);
    this.#rows = rows;
    for (let row = after - 1; row >= before; row--) this.#free.push(row);
  }
}
