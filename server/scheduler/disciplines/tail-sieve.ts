/**
 * TailSieve (2026), top-k: the k groups with the longest members alone on r replicas, the rest spread over the others, k and r
 * by its cost model; placed once, nothing moves. Given the true lengths, where the original has a history of cut-offs.
 */
import type { Place } from "./books.ts";
import { leastRequests } from "./least-requests.ts";
import { groupsByLongest, type Oracle } from "./oracle.ts";
import type { Rule } from "./rule.ts";
import { deal, inOrder, replicaSeconds } from "./split.ts";

/** The k that are tried grow by this factor. */
const FINER = 1.25;

export function tailSieve(oracle: Oracle): Rule {
  const others = leastRequests();
  let plan: ReadonlyMap<string, Place> | null = null;
  return {
    pick(card, places, now) {
      plan ??= planned(oracle, inOrder(places));
      const place = plan.get(card.key);
      return place !== undefined && places.includes(place) ? place : others.pick(card, places, now);
    },
  };
}

function planned({ all, stepOf }: Oracle, places: readonly Place[]): ReadonlyMap<string, Place> {
  const groups = groupsByLongest(all);
  const steps = places.map(({ worker }) => stepOf(worker.id));
  let best = { seconds: Number.POSITIVE_INFINITY, plan: new Map<string, Place>() };
  for (let replicas = 0; replicas < places.length; replicas++) {
    for (
      let k = replicas === 0 ? 0 : 1;
      k < groups.length;
      k = Math.max(k + 1, Math.ceil(k * FINER))
    ) {
      const hands = [
        ...deal(members(groups.slice(0, k)), Math.max(1, replicas)).slice(0, replicas),
        ...deal(members(groups.slice(k)), places.length - replicas),
      ];
      const seconds = hands.map((hand, i) =>
        replicaSeconds(
          steps[i] ?? NEVER,
          hand.map(({ tokens }) => tokens),
        ),
      );
      const slowest = Math.max(...seconds);
      if (slowest < best.seconds) best = { seconds: slowest, plan: placesOf(hands, places) };
      if (replicas === 0) break;
    }
  }
  return best.plan;
}

const NEVER = { a: Number.POSITIVE_INFINITY, s: 0 };

interface Member {
  readonly key: string;
  readonly tokens: number;
}

const members = (groups: ReturnType<typeof groupsByLongest>): Member[] =>
  groups
    .flatMap(({ keys, lengths }) => keys.map((key, i) => ({ key, tokens: lengths[i] ?? 0 })))
    .sort((a, b) => b.tokens - a.tokens);

function placesOf(
  hands: readonly (readonly Member[])[],
  places: readonly Place[],
): Map<string, Place> {
  const plan = new Map<string, Place>();
  for (const [i, hand] of hands.entries()) {
    const place = places[i];
    if (place !== undefined) for (const { key } of hand) plan.set(key, place);
  }
  return plan;
}
