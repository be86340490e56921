/**
 * ThunderAgent (2602.13692): a session has a backend while what its sessions hold fits there: Σ context of those that reason, and of
 * those that act (a tool runs) halved each second. Every 5 s what is too much is paused, acting ones first, then the shortest
 * context; at its next turn a paused one waits for room anywhere, the largest first, best fit.
 */
import type { Card } from "../card.ts";
import type { Place } from "./books.ts";
import { least, type Rule } from "./rule.ts";

const CHECK_MS = 5_000;
const HALVED_MS = 1_000;

interface Program {
  readonly session: string;
  contextTokens: number;
  home: Place | null;
  /** Since when it acts; null while it reasons. */
  actingSince: number | null;
}

export function thunderAgent(): Rule {
  const programs = new Map<string, Program>();
  let checkedAt = 0;

  const held = (place: Place, now: number): number => {
    let tokens = 0;
    for (const { home, contextTokens, actingSince } of programs.values()) {
      if (home !== place) continue;
      tokens += contextTokens * (actingSince === null ? 1 : 2 ** ((actingSince - now) / HALVED_MS));
    }
    return tokens;
  };

  const pauseWhatIsTooMuch = (places: readonly Place[], now: number): void => {
    if (now - checkedAt < CHECK_MS) return;
    checkedAt = now;
    for (const place of places) {
      const there = [...programs.values()].filter(({ home }) => home === place).sort(pausedFirst);
      for (const program of there) {
        if (held(place, now) <= place.kvTokens) break;
        program.home = null;
      }
    }
  };

  const programOf = ({ session, promptTokens, outputTokens }: Card): Program | null => {
    if (session === null) return null;
    const known = programs.get(session);
    const program = known ?? { session, contextTokens: 0, home: null, actingSince: null };
    program.contextTokens = promptTokens + outputTokens;
    programs.set(session, program);
    return program;
  };

  return {
    recheckMs: CHECK_MS,
    rank: ({ promptTokens, outputTokens }) => -(promptTokens + outputTokens),
    pick(card, places, now) {
      const program = programOf(card);
      if (program === null) return least(places, ({ running }) => running);
      pauseWhatIsTooMuch(places, now);
      const { home, contextTokens } = program;
      if (home !== null && places.includes(home)) return home;
      const [first, ...others] = places.filter(
        (place) => place.running === 0 || held(place, now) + contextTokens <= place.kvTokens,
      );
      if (first === undefined) return null;
      return least([first, ...others], (place) => held(place, now));
    },
    granted({ card, slot }) {
      const program = programOf(card);
      if (program === null) return;
      program.home = slot;
      program.actingSince = null;
    },
    ended({ card: { session, promptTokens }, outputTokens }, _, now) {
      const program = session === null ? undefined : programs.get(session);
      if (program === undefined) return;
      program.actingSince = now;
      program.contextTokens = promptTokens + outputTokens;
    },
    sessionFinished: (session) => void programs.delete(session),
  };
}

function pausedFirst(a: Program, b: Program): number {
  const acting = Number(b.actingSince !== null) - Number(a.actingSince !== null);
  return acting === 0 ? a.contextTokens - b.contextTokens : acting;
}
