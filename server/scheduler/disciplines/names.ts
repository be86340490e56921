/** `paceline` is the scheduler itself; the others are `disciplines.ts`'s. */
export const DISCIPLINE_NAMES = [
  "paceline",
  "group-round-robin",
  "request-round-robin",
  "power-of-two",
  "least-requests",
  "consistent-hash",
  "sticky-least-loaded",
  "cache-aware",
  "dynamo",
  "pull-fcfs",
] as const;

export type DisciplineName = (typeof DISCIPLINE_NAMES)[number];
