/** Random histories: nothing lost, nothing twice, eligibility and capacity never broken (I3, I7). */
import { test } from "node:test";
import fc from "fast-check";
import { createDiscipline } from "../../../server/scheduler/disciplines/disciplines.ts";
import { DISCIPLINE_NAMES } from "../../../server/scheduler/disciplines/names.ts";
import { testSeed } from "../../support/seeded-random.ts";
import { histories, report } from "./history-steps.ts";
import { ModelFleet, OURS, type Subject } from "./model-fleet.ts";

const SUBJECTS = DISCIPLINE_NAMES.map((name): readonly [string, Subject] => [
  name,
  name === "paceline"
    ? OURS
    : { create: (...parts) => createDiscipline(name, ...parts), bounded: false },
]);

for (const [name, subject] of SUBJECTS) {
  test(`${name}: random histories keep every rule, and whoever can be served is served in the end`, () => {
    const seed = testSeed(`scheduler histories of ${name}`);
    const all = Number(process.env["PACELINE_HISTORIES"] ?? 2_000);
    fc.assert(
      fc.property(histories, (history) => {
        new ModelFleet(subject).live(history.map(([, act]) => act));
      }),
      // The disciplines share their frame, so together they get half as many as ours.
      { seed, numRuns: subject === OURS ? all : Math.ceil(all / 16), reporter: report },
    );
  });
}
