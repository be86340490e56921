/**
 * A new session goes to whoever has the fewest sessions and stays there until it is finished (`sticky_least_loaded` of vLLM's
 * router, default of prime-rl since #3563). A rollout outside of sessions is one of its own, while it runs.
 */
import { Generations } from "../generations.ts";
import type { Place } from "./books.ts";
import { least, type Rule } from "./rule.ts";

export function stickyLeastLoaded(limit: number): Rule {
  const homes = new Generations<string, Place>(limit);
  const sessions = new Map<Place, Set<string>>();
  const load = (place: Place): number => sessions.get(place)?.size ?? 0;
  const leave = (key: string): void => {
    const home = homes.get(key);
    homes.delete(key);
    if (home !== undefined) sessions.get(home)?.delete(key);
  };
  return {
    pick({ key, session }, places) {
      const home = homes.get(session ?? key);
      return home !== undefined && places.includes(home) ? home : least(places, load);
    },
    granted({ card: { key, session }, slot }) {
      const name = session ?? key;
      if (homes.get(name) === slot) return;
      leave(name);
      homes.set(name, slot);
      const there = sessions.get(slot) ?? new Set();
      sessions.set(slot, there.add(name));
      // What was forgotten of its home is not counted for ever.
      if (there.size > limit) there.delete(there.values().next().value ?? name);
    },
    ended({ card: { key, session } }) {
      if (session === null) leave(key);
    },
    sessionFinished: leave,
  };
}
