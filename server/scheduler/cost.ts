/**
 * What placing a card on a slot costs, in seconds, for the throughput objective (marginal decode of
 * TailSieve's kind; `1/rate` terms are measured rates or defaults):
 *
 *   (1+n)·uncached prefill / rate   its own, and the stall that it is for the n that decode there
 *   + prefill already queued there
 *   + L·τ(n+1)                      own decode, L = forecast of new tokens
 *   + s·min(n·L, Σ remaining)       slowdown imposed on the n that run there: Σ min(L, rem)·(τ(n+1) − τ(n)), from above
 *   + κ·k/(1−k)                     KV barrier, k = share of the KV that is reserved once it is there
 *
 * A slot enters as a row of features, in each of which the cost never falls. So the same function on
 * the smallest features of many slots is a lower bound for all of them, which the index prunes by.
 */
import type { Slot } from "./slots.ts";

export interface Ask {
  /** Tokens to prefill where nothing is cached. */
  readonly contextTokens: number;
  /** Forecast of tokens still to come. */
  readonly newTokens: number;
  /** Clock time, seconds. */
  readonly nowSeconds: number;
}

/** Columns of a row: seven that the cost rises with, and the room, of which an index keeps the largest. */
export const ROW = 8;
const SECONDS_PER_PREFILL_TOKEN = 0;
const PREFILL_FREE_AT = 1;
const STEP_SECONDS = 2;
const SLOWDOWN_PER_TOKEN = 3;
const SLOWDOWN_MOST = 4;
const KV_SHARE = 5;
const KV_SHARE_PER_TOKEN = 6;
export const ROOM = 7;

/** k is held below this, so that a wrong report costs much but never divides by nothing. */
const FULLEST = 0.99;

export function writeRow(slot: Slot, room: number, rows: Float64Array, at: number): void {
  const { step, running, kvTokens } = slot;
  rows[at + SECONDS_PER_PREFILL_TOKEN] = (1 + running) / slot.prefillTokensPerSecond;
  rows[at + PREFILL_FREE_AT] = slot.prefillFreeAt;
  rows[at + STEP_SECONDS] = step.a + step.s * (running + 1);
  rows[at + SLOWDOWN_PER_TOKEN] = step.s * running;
  rows[at + SLOWDOWN_MOST] = step.s * slot.remaining;
  rows[at + KV_SHARE] = (slot.reserved + slot.foreign) / kvTokens;
  rows[at + KV_SHARE_PER_TOKEN] = 1 / kvTokens;
  rows[at + ROOM] = room;
}

/** Row of nobody: costs without end and has no room. */
export function clearRow(rows: Float64Array, at: number): void {
  rows.fill(Number.POSITIVE_INFINITY, at, at + ROOM);
  rows[at + ROOM] = -1;
}

export function rowSeconds(
  ask: Ask,
  cachedTokens: number,
  kvBarrierSeconds: number,
  rows: Float64Array,
  at: number,
): number {
  const column = (index: number): number => rows[at + index] as number;
  const { contextTokens, newTokens } = ask;
  const prefill = (contextTokens - cachedTokens) * column(SECONDS_PER_PREFILL_TOKEN);
  const queued = Math.max(0, column(PREFILL_FREE_AT) - ask.nowSeconds);
  const decode = newTokens * column(STEP_SECONDS);
  const slowdown = Math.min(newTokens * column(SLOWDOWN_PER_TOKEN), column(SLOWDOWN_MOST));
  const share = column(KV_SHARE) + (contextTokens + newTokens) * column(KV_SHARE_PER_TOKEN);
  const k = Math.min(FULLEST, share);
  return prefill + queued + decode + slowdown + (kvBarrierSeconds * k) / (1 - k);
}
