/**
 * What placing a card on a slot costs, in seconds, for the throughput objective: its own time and the
 * delay that it is for those that run there. Rates are measured ones or defaults.
 *
 *   (1+n)·uncached prefill / rate   its own, and the stall that it is for the n that decode there
 *   + kept elsewhere / tier's rate  KV that comes back from the host's memory or a pool stalls nobody
 *   + prefill already queued there
 *   + L·τ(n+1)                      own decode, L = forecast of new tokens, τ(b) = a + s·b
 *   + s·min(n·L, Σ remaining)       slowdown of the n: Σ min(L, rem)·(τ(n+1) − τ(n)), from above
 *   + κ·k/(1−k)                     KV barrier, k = share of the KV that is reserved, or of sessions at rest there, once it is there
 *   + adapter's load                (`adapters.ts`)
 *
 * What affinity is worth is what need not be computed there, in the first line. There is no term for a session's turns to come:
 * wherever this one runs its context lies afterwards, so they add the same everywhere, but for whether it may stay. That the barrier
 * tells, and the room that newcomers leave to who rests (`residents.ts`); such a term gained nothing. Nor for the wait for a version: to wait for a worker under
 * update while another has room gained nothing (`bench/README.md`), so only who may run nowhere else waits.
 */
import type { Slot } from "./slots.ts";

export interface Ask {
  readonly contextTokens: number;
  /** Of these, such as must be computed where nothing is cached: less than all where a pool has the rest. */
  readonly prefillTokens: number;
  /** Forecast of tokens still to come. */
  readonly newTokens: number;
  /** Clock time, seconds. */
  readonly nowSeconds: number;
}

/** k is held below this, so that a wrong report costs much but never divides by nothing. */
const FULLEST = 0.99;

export function slotSeconds(
  ask: Ask,
  slot: Slot,
  cachedTokens: number,
  kvBarrierSeconds: number,
  restingTokens = slot.resting,
): number {
  const { contextTokens, prefillTokens, newTokens, nowSeconds } = ask;
  const queued = Math.max(0, slot.prefillFreeAt - nowSeconds);
  const share =
    (slot.held + slot.foreign + restingTokens + contextTokens + newTokens) / slot.kvTokens;
  const work = workSeconds(slot, Math.max(0, prefillTokens - cachedTokens), newTokens);
  return queued + work + barrierSeconds(share, kvBarrierSeconds);
}

/** Prefill, decode and slowdown: linear in the prefill; in the new tokens concave, and 0 without any. */
export function workSeconds(slot: Slot, prefillTokens: number, newTokens: number): number {
  const { step, running } = slot;
  const prefill = (prefillTokens * (1 + running)) / slot.prefillTokensPerSecond;
  const decode = newTokens * (step.a + step.s * (running + 1));
  return prefill + decode + step.s * Math.min(running * newTokens, slot.remaining);
}

export function barrierSeconds(share: number, kvBarrierSeconds: number): number {
  const k = Math.min(FULLEST, share);
  return (kvBarrierSeconds * k) / (1 - k);
}
