/**
 * When an engine's socket is read again. A token that nobody waits for may lie in the kernel's buffer for a
 * moment: the next read then takes many at once, and one wake-up does the work of many. What lies there is
 * ours already: it outlives the engine that sent it.
 *
 * A tick's first reads are free, so that a quiet server reads at once, and so are a young reply's; others wait
 * for the next tick at least, and for a share of their age at most: no reply ends late by more than that.
 */
import type { Clock } from "../server/contract/clock.ts";

export interface Paced {
  /** Reads on; does nothing if it has ended meanwhile. */
  resume(): void;
}

export interface ReadPacing {
  /** How long a reply of this age may stay unread now, ms; 0: read on. */
  wait(ageMs: number): number;
  /** Calls `resume` after about `ms`. */
  after(ms: number, reply: Paced): void;
}

const TICK_MS = 4;
/** Reads of one tick that need not wait: 1,000 a second are some 1 % of a core. */
const FREE_READS = 4;
/** Of a reply younger than this a tick would be too large a part. */
const YOUNG_MS = 2 * TICK_MS;
/** A reply is late by at most this part of what it has taken so far. */
const SHARE_OF_AGE = 1 / 16;

/** `mostMs`: no reply stays unread for longer; below one tick every reply is read at once. */
export function createReadPacing(clock: Clock, mostMs: number): ReadPacing {
  const ticks = Math.max(1, Math.floor(mostMs / TICK_MS));
  /** A ring: what is due at each of the next ticks. */
  const ring = Array.from({ length: ticks + 1 }, (): Paced[] => []);
  let at = 0;
  let waiting = 0;
  let ticking = false;
  let reads = 0;
  let tickedAt = clock.now();

  const arm = (): void => {
    if (ticking || waiting === 0) return;
    ticking = true;
    clock.timer(TICK_MS, tick);
  };
  const tick = (): void => {
    ticking = false;
    at = (at + 1) % ring.length;
    const due = ring[at] as Paced[];
    ring[at] = [];
    waiting -= due.length;
    for (const reply of due) reply.resume();
    arm();
  };

  return {
    wait(ageMs) {
      if (mostMs < TICK_MS || ageMs < YOUNG_MS) return 0;
      const now = clock.now();
      if (now - tickedAt >= TICK_MS) {
        tickedAt = now;
        reads = 0;
      }
      reads += 1;
      return reads <= FREE_READS ? 0 : Math.min(mostMs, Math.max(TICK_MS, ageMs * SHARE_OF_AGE));
    },
    after(ms, reply) {
      const ahead = Math.min(ticks, Math.max(1, Math.round(ms / TICK_MS)));
      (ring[(at + ahead) % ring.length] as Paced[]).push(reply);
      waiting += 1;
      arm();
    },
  };
}
