/** Pull, the longest first, by the true lengths (LPT, Graham 1969): what perfect knowledge of lengths is worth without cuts. */
import type { SchedulerOptions } from "../options.ts";
import type { Oracle } from "./oracle.ts";
import { Rooms } from "./rooms.ts";
import type { Rule } from "./rule.ts";

export function longestFirst(oracle: Oracle, options: SchedulerOptions): Rule {
  const rooms = new Rooms(options, (card) => oracle.outputTokens(card));
  return {
    strict: true,
    rank: (card) => card.outputTokens - oracle.outputTokens(card),
    pick: (card, places) => rooms.roomiest(card, places),
  };
}
