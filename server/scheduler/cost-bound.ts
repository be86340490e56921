/**
 * A lower bound of what an ask costs on any of a set of slots, from one row of numbers for the set. For
 * each point of a grid of asks the row holds the least work seconds of any slot. Work is linear in the
 * prefill and concave in the new tokens, so between four points a slot's cost is at least their
 * interpolation, hence at least that of the leasts; and as slots that are good for one point are good
 * for its neighbours, the bound is tight. Queue and KV share enter by their least.
 */
import { type Ask, barrierSeconds, workSeconds } from "./cost.ts";
import type { Slot } from "./slots.ts";

/** Grid points in tokens, from 0; an ask beyond the last counts as the last, which keeps the bound low. */
const PREFILL_GRID = [0, 1_024, 16_384, 131_072] as const;
const GROWTH_GRID = [0, 256, 2_048, 16_384, 131_072] as const;

const POINTS = PREFILL_GRID.length * GROWTH_GRID.length;
const PREFILL_FREE_AT = POINTS;
const KV_SHARE = POINTS + 1;
const KV_SHARE_PER_TOKEN = POINTS + 2;
/** Numbers in a row. */
export const ROW = POINTS + 3;

export function writeRow(slot: Slot, rows: Float64Array, at: number): void {
  let point = at;
  for (const prefill of PREFILL_GRID) {
    for (const growth of GROWTH_GRID) rows[point++] = workSeconds(slot, prefill, growth);
  }
  rows[at + PREFILL_FREE_AT] = slot.prefillFreeAt;
  rows[at + KV_SHARE] = (slot.held + slot.foreign + slot.resting) / slot.kvTokens;
  rows[at + KV_SHARE_PER_TOKEN] = 1 / slot.kvTokens;
}

/** Row of no slot: costs without end. */
export function clearRow(rows: Float64Array, at: number): void {
  rows.fill(Number.POSITIVE_INFINITY, at, at + ROW);
}

/** Makes the row of two sets together; false when it was that already. */
export function mergeRows(rows: Float64Array, at: number, left: number, right: number): boolean {
  let changed = false;
  for (let i = 0; i < ROW; i++) {
    const a = rows[left + i] as number;
    const b = rows[right + i] as number;
    const least = a < b ? a : b;
    if (rows[at + i] === least) continue;
    rows[at + i] = least;
    changed = true;
  }
  return changed;
}

/** An ask's place in the grid: the point below it in both directions, and how far it is to the next. */
export interface Aim {
  readonly point: number;
  readonly prefillShare: number;
  readonly growthShare: number;
  readonly tokens: number;
  readonly nowSeconds: number;
}

export function aim({ contextTokens, prefillTokens, newTokens, nowSeconds }: Ask): Aim {
  const prefill = cellOf(PREFILL_GRID, prefillTokens);
  const growth = cellOf(GROWTH_GRID, newTokens);
  return {
    point: prefill * GROWTH_GRID.length + growth,
    prefillShare: shareOf(PREFILL_GRID, prefill, prefillTokens),
    growthShare: shareOf(GROWTH_GRID, growth, newTokens),
    tokens: contextTokens + newTokens,
    nowSeconds,
  };
}

export function boundSeconds(
  { point, prefillShare, growthShare, tokens, nowSeconds }: Aim,
  kvBarrierSeconds: number,
  rows: Float64Array,
  at: number,
): number {
  const low = at + point;
  const high = low + GROWTH_GRID.length;
  const lowPrefill = mix(rows[low] as number, rows[low + 1] as number, growthShare);
  const highPrefill = mix(rows[high] as number, rows[high + 1] as number, growthShare);
  const queued = Math.max(0, (rows[at + PREFILL_FREE_AT] as number) - nowSeconds);
  const perToken = rows[at + KV_SHARE_PER_TOKEN] as number;
  const share = (rows[at + KV_SHARE] as number) + tokens * perToken;
  const work = mix(lowPrefill, highPrefill, prefillShare);
  return work + queued + barrierSeconds(share, kvBarrierSeconds);
}

const mix = (a: number, b: number, share: number): number => a + (b - a) * share;

/** The last cell takes all that lies beyond it. */
function cellOf(grid: readonly number[], tokens: number): number {
  let cell = 0;
  while (cell < grid.length - 2 && tokens >= (grid[cell + 1] as number)) cell++;
  return cell;
}

function shareOf(grid: readonly number[], cell: number, tokens: number): number {
  const [from, to] = [grid[cell] as number, grid[cell + 1] as number];
  return Math.min(1, (tokens - from) / (to - from));
}
