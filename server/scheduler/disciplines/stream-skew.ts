/**
 * StreamRL (2504.15930): a ranker finds the prompts with the longest outputs (87 % of the longest fifth); they get slots of their
 * own, so many that both parts end together by the profiled step time; in each part the longest first. Here the ranker is
 * the true order with as many mistakes.
 */
import type { Random } from "../../contract/clock.ts";
import type { Card } from "../card.ts";
import type { SchedulerOptions } from "../options.ts";
import type { Place } from "./books.ts";
import { groupsByLongest, type Oracle } from "./oracle.ts";
import { Rooms } from "./rooms.ts";
import type { Rule } from "./rule.ts";
import { inOrder, replicaSeconds } from "./split.ts";

const TAIL_SHARE = 0.2;
const RECALL = 0.87;

export function streamSkew(oracle: Oracle, random: Random, options: SchedulerOptions): Rule {
  const groups = groupsByLongest(oracle.all);
  const count = Math.ceil(TAIL_SHARE * groups.length);
  const ranked = groups.map((group, i) => ({ group, wrong: i < count && random.next() > RECALL }));
  const missed = ranked.filter(({ wrong }) => wrong).length;
  // As many of the others are taken for long as long ones are missed.
  const long = [
    ...ranked.slice(0, count).filter(({ wrong }) => !wrong),
    ...ranked.slice(count, count + missed),
  ].map(({ group }) => group);
  const keys = new Set(long.flatMap((group) => group.keys));
  const lengths = (inTail: boolean): number[] =>
    oracle.all.flatMap(({ key, tokens }) => (keys.has(key) === inTail ? [tokens] : []));
  const [tail, rest] = [lengths(true), lengths(false)];
  const rooms = new Rooms(options);
  let split: number | null = null;
  return {
    rank: (card) => (keys.has(card.key) ? -1 : 0),
    pick(card: Card, places) {
      const ordered = inOrder(places);
      split ??= slotsOfTail(tail, rest, ordered, oracle);
      const own = keys.has(card.key) ? ordered.slice(0, split) : ordered.slice(split);
      return rooms.roomiest(card, own.length > 0 ? own : ordered);
    },
    ended({ card, outputTokens }, finished) {
      if (finished) rooms.finished(card, outputTokens);
    },
  };
}

function slotsOfTail(
  tail: readonly number[],
  rest: readonly number[],
  places: readonly Place[],
  oracle: Oracle,
): number {
  let best = { slots: 1, seconds: Number.POSITIVE_INFINITY };
  for (let slots = 1; slots < places.length; slots++) {
    const seconds = Math.max(
      partSeconds(tail, places.slice(0, slots), oracle),
      partSeconds(rest, places.slice(slots), oracle),
    );
    if (seconds < best.seconds) best = { slots, seconds };
  }
  return best.slots;
}

/** All at once, or as many at once as KV holds at half their length, whichever takes longer. */
function partSeconds(
  lengths: readonly number[],
  places: readonly Place[],
  { stepOf }: Oracle,
): number {
  const [place] = places;
  if (place === undefined || lengths.length === 0) return 0;
  const sum = lengths.reduce((total, tokens) => total + tokens, 0);
  const step = stepOf(place.worker.id);
  const batch = Math.max(1, (2 * place.kvTokens * lengths.length) / sum);
  const longest = Math.max(...lengths);
  const share = (sum - longest) / places.length;
  const together = replicaSeconds(step, [longest, share]);
  return Math.max(together, (sum / places.length) * (step.a / batch + step.s));
}
