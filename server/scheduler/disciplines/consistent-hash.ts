/**
 * By hash of the session, else of the group (equal bodies), else of the rollout (`consistent_hash` of vLLM's router, and of
 * SkyRL through it). Theirs is a ring (Karger 1997); this is rendezvous hashing (Thaler 1998), by which, too, who comes or goes
 * moves only its share.
 */
import type { Card } from "../card.ts";
import type { Place } from "./books.ts";
import { least, type Rule } from "./rule.ts";

export const consistentHash = (): Rule => ({
  pick(card, places) {
    const key = keyOf(card);
    return least(places, (place) => hashOf(`${nameOf(place)} ${key}`));
  },
});

const nameOf = ({ worker, index }: Place): string => `${worker.id}/${index}`;

const keyOf = ({ key, job, session, group }: Card): string => {
  if (session !== null) return session;
  return group === null ? key : `${job}/${group.id}`;
};

/** FNV-1a, then murmur3's finaliser: names that differ in a digit must differ everywhere. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
