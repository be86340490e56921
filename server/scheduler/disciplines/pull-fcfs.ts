/**
 * One queue, and whoever has room takes its head (ROLL Flash's queue scheduling, 2510.11345, with prompt replication: siblings are
 * requests of their own). Room is KV: what runs and what is expected of it; an empty slot takes anything.
 */

import type { SchedulerOptions } from "../options.ts";
import { Rooms } from "./rooms.ts";
import type { Rule } from "./rule.ts";

export function pullFcfs(options: SchedulerOptions): Rule {
  const rooms = new Rooms(options);
  return {
    pick: (card, places) => rooms.roomiest(card, places),
    ended({ card, outputTokens }, finished) {
      if (finished) rooms.finished(card, outputTokens);
    },
  };
}
