/**
 * Round robin, the rule of most RL frameworks' client loops. By request: each to the next. By group: the siblings of a prompt
 * together, as veRL shards a batch over its replicas (DataProto chunks).
 */
import type { Place } from "./books.ts";
import { Remembered } from "./remembered.ts";
import type { Rule } from "./rule.ts";

function createTurns(): (places: readonly [Place, ...Place[]]) => Place {
  let last = -1;
  return (places) => {
    const next = places.reduce<Place | null>(
      (best, place) =>
        place.order > last && (best === null || place.order < best.order) ? place : best,
      null,
    );
    const chosen =
      next ?? places.reduce((best, place) => (place.order < best.order ? place : best));
    last = chosen.order;
    return chosen;
  };
}

export function requestRoundRobin(): Rule {
  const turns = createTurns();
  return { pick: (_, places) => turns(places) };
}

export function groupRoundRobin(limit: number): Rule {
  const turns = createTurns();
  const homes = new Remembered(limit);
  return {
    pick({ job, group }, places) {
      if (group === null) return turns(places);
      return homes.place(`${job}/${group.id}`, places) ?? turns(places);
    },
    granted({ card: { job, group }, slot }) {
      if (group !== null) homes.set(`${job}/${group.id}`, slot);
    },
  };
}
