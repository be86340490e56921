/** What a discipline's frame shows of itself: it has no regime, and knows of no session's place. */
import type { Card } from "../card.ts";
import type { SchedulerSnapshot } from "../events.ts";
import type { Members } from "./books.ts";

interface Held {
  readonly card: Card;
}

export function snapshotOf(
  waiting: Iterable<Held>,
  running: Iterable<Held>,
  members: Members,
): SchedulerSnapshot {
  const jobs = new Map<string, { job: string; waiting: number; running: number }>();
  const sum = { waiting: 0, running: 0 };
  const count = (all: Iterable<Held>, as: "waiting" | "running"): void => {
    for (const { card } of all) {
      const job = jobs.get(card.job) ?? { job: card.job, waiting: 0, running: 0 };
      jobs.set(card.job, job);
      job[as]++;
      sum[as]++;
    }
  };
  count(waiting, "waiting");
  count(running, "running");
  const slots = [...members.byId.values()].flatMap(({ id, places }) =>
    places.map((place) => ({
      worker: id,
      slot: place.index,
      running: place.running,
      reservedTokens: place.contextTokens,
      kvTokens: place.kvTokens,
    })),
  );
  return { regime: null, sessions: null, ...sum, jobs: [...jobs.values()], slots };
}
