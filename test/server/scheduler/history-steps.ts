/** What may happen in a random history: each step names something by number, and means whatever of that sort exists then. */
import fc from "fast-check";
import type { OnUpdate } from "../../../server/contract/policy.ts";
import type { Outcome } from "../../../server/scheduler/card.ts";
import type { ModelFleet } from "./model-fleet.ts";

export type Step = readonly [what: string, act: (fleet: ModelFleet) => void];

/** Of one event in `duplicates.ts`, and rarely in a random history. */
export const MANY_TIMES = 200;
/** How often an event is said again. */
const times = fc.oneof(
  { weight: 30, arbitrary: fc.nat(12) },
  { weight: 1, arbitrary: fc.constant(MANY_TIMES) },
);
const number = fc.nat(1_000);
/** Reads a step's words again, by its name. */
const readers = new Map<string, (given: readonly unknown[]) => Step>();

const step = <T extends unknown[]>(
  name: string,
  values: { [K in keyof T]: fc.Arbitrary<T[K]> },
  act: (fleet: ModelFleet, ...given: T) => void,
): fc.Arbitrary<Step> => {
  const made = fc.tuple<T>(...values);
  const stepOf = (given: T): Step => [[name, ...given].join(" "), (fleet) => act(fleet, ...given)];
  readers.set(name, (given) => {
    if (made.canShrinkWithoutContext(given)) return stepOf(given);
    throw new RangeError(`${name} is not of ${given.join(" ")}`);
  });
  return made.map(stepOf);
};

const outcome = fc.constantFrom<Outcome>("finished", "aborted", "lost", "failed", "revoked");
const why = fc.constantFrom("update", "drain", "migrate");
const onUpdate = fc.constantFrom<OnUpdate>("keep", "reprefill", "finish");

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: step("offer", [number, number], (f, n, m) => f.offer(n, m)) },
  { weight: 3, arbitrary: step("progress", [number, fc.nat(80)], (f, n, t) => f.progress(n, t)) },
  {
    weight: 8,
    arbitrary: step("done", [number, outcome, fc.boolean()], (f, n, o, b) => f.done(n, o, b)),
  },
  { weight: 2, arbitrary: step("withdraw", [number], (f, n) => f.withdraw(n)) },
  { weight: 2, arbitrary: step("late", [number], (f, n) => f.late(n)) },
  {
    weight: 2,
    arbitrary: step("again", [number, times], (f, n, t) => f.again(n, t)),
  },
  {
    weight: 4,
    arbitrary: step("worker", [number, number, fc.boolean()], (f, n, m, b) => f.worker(n, m, b)),
  },
  { weight: 1, arbitrary: step("lose", [number], (f, n) => f.lose(n)) },
  {
    weight: 2,
    arbitrary: step("telemetry", [number, fc.nat(1_500)], (f, n, kv) => f.telemetry(n, kv)),
  },
  { weight: 2, arbitrary: step("commit", [fc.constantFrom("p", "p", "q")], (f, p) => f.commit(p)) },
  {
    weight: 2,
    arbitrary: step("gate", [number, why, onUpdate, fc.nat(60)], (f, n, w, u, g) =>
      f.gate(n, w, u, g),
    ),
  },
  { weight: 1, arbitrary: step("job", [number, fc.nat(3)], (f, n, most) => f.job(n, most)) },
  { weight: 2, arbitrary: step("ungate", [number], (f, n) => f.ungate(n)) },
  { weight: 3, arbitrary: step("advance", [fc.nat(50)], (f, ms) => f.advance(ms)) },
  { weight: 4, arbitrary: step("cut", [number], (f, n) => f.cut(n)) },
  { weight: 2, arbitrary: step("cache", [number, number], (f, n, m) => f.cache(n, m)) },
  { weight: 1, arbitrary: step("session_over", [number], (f, n) => f.sessionOver(n)) },
  { weight: 1, arbitrary: step("repool", [number, fc.boolean()], (f, n, b) => f.repool(n, b)) },
  { weight: 1, arbitrary: step("update", [number, onUpdate], (f, n, u) => f.update(n, u)) },
  { weight: 2, arbitrary: step("lie", [number, number], (f, n, m) => f.lie(n, m)) },
);

// From one step on: a shrunk history is never longer than its fault needs.
export const histories = fc.array(steps, { minLength: 1, maxLength: 150, size: "max" });

/** Between the steps of a history that is written in one line. */
const BETWEEN = "; ";

export const written = (history: readonly Step[]): string =>
  history.map(([what]) => what).join(BETWEEN);

/** A history that `written` made. */
export function readHistory(text: string): Step[] {
  return text.split(BETWEEN).map((line) => {
    const [name = "", ...given] = line.trim().split(" ");
    const reader = readers.get(name);
    if (reader === undefined) throw new RangeError(`no step is called ${name}`);
    return reader(given.map(argument));
  });
}

function argument(word: string): unknown {
  if (word === "true" || word === "false") return word === "true";
  return /^\d+$/.test(word) ? Number(word) : word;
}
