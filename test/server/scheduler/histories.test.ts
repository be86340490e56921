/** Random histories: nothing lost, nothing twice, eligibility and capacity never broken (I3, I7). */
import { test } from "node:test";
import fc from "fast-check";
import type { OnUpdate } from "../../../server/contract/policy.ts";
import type { Outcome } from "../../../server/scheduler/card.ts";
import { createDiscipline } from "../../../server/scheduler/disciplines/disciplines.ts";
import { DISCIPLINE_NAMES } from "../../../server/scheduler/disciplines/names.ts";
import { testSeed } from "../../support/seeded-random.ts";
import { ModelFleet, OURS, type Subject } from "./model-fleet.ts";

type Step = readonly [what: string, act: (fleet: ModelFleet) => void];

const number = fc.nat(1_000);
const step = <T extends unknown[]>(
  name: string,
  values: { [K in keyof T]: fc.Arbitrary<T[K]> },
  act: (fleet: ModelFleet, ...given: T) => void,
): fc.Arbitrary<Step> =>
  fc
    .tuple<T>(...values)
    .map((given) => [`${name} ${given.join(" ")}`, (fleet) => act(fleet, ...given)] as const);

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
);

const SUBJECTS = DISCIPLINE_NAMES.map((name): readonly [string, Subject] => [
  name,
  name === "paceline"
    ? OURS
    : { create: (...parts) => createDiscipline(name, ...parts), bounded: false },
]);

for (const [name, subject] of SUBJECTS) {
  test(`${name}: random histories keep every rule, and whoever can be served is served in the end`, () => {
    const seed = testSeed(`scheduler histories of ${name}`);
    const all = Number(process.env["PACELINE_HISTORIES"] ?? 400);
    const histories = fc.array(steps, { minLength: 20, maxLength: 150, size: "max" });
    fc.assert(
      fc.property(histories, (history) => {
        const fleet = new ModelFleet(subject);
        fleet.commit("p");
        fleet.worker(0, 4, false);
        for (const [, act] of history) act(fleet);
        fleet.settle();
      }),
      // The disciplines share their frame, so together they get as many as ours.
      { seed, numRuns: subject === OURS ? all : Math.ceil(all / 8), reporter: report },
    );
  });
}

/** The shrunk history in words, not as functions. */
function report(details: fc.RunDetails<[Step[]]>): void {
  if (!details.failed) return;
  const [history] = details.counterexample ?? [[]];
  const told = history.map(([what]) => what).join("\n");
  const cause = details.errorInstance instanceof Error ? details.errorInstance : undefined;
  throw new Error(`seed ${details.seed}, ${history.length} steps:\n${told}\n${cause?.stack}`);
}
