/** Random histories: nothing lost, nothing twice, eligibility and capacity never broken (I3, I7). */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createScheduler } from "../../../server/scheduler/scheduler.ts";
import { testSeed } from "../../support/seeded-random.ts";
import { duplicates } from "./duplicates.ts";
import { histories, readHistory, written } from "./history-steps.ts";
import { failure, live, minimal, reportOf } from "./minimise.ts";
import { OURS, SUBJECTS, type Subject } from "./subjects.ts";

for (const [name, subject] of SUBJECTS) {
  test(`${name}: random histories keep every rule, and whoever can be served is served in the end`, () => {
    const seed = testSeed(`scheduler histories of ${name}`);
    const all = Number(process.env["PACELINE_HISTORIES"] ?? 2_000);
    fc.assert(
      fc.property(histories, (history) => live(history, subject)),
      // The disciplines share their frame, so together they get half as many as ours.
      {
        seed,
        numRuns: subject === OURS ? all : Math.ceil(all / 16),
        reporter: reportOf(name, subject),
      },
    );
  });
}

test("twenty thousand duplicates break no rule, and nothing comes of them", () => {
  duplicates(20_000, testSeed("duplicates"), OURS, "paceline");
});

/** Found by `npm run histories`. */
const ONCE_BROKEN: readonly (readonly [what: string, history: string])[] = [
  [
    "who waits for its session's slot does so only where it would fit",
    "worker 409 286 false; offer 402 546; worker 519 0 false; done 0 lost true; offer 794 324; telemetry 14 0; worker 674 237 false; offer 184 212; lose 0; offer 145 151; offer 217 7; offer 381 977; commit q; commit p",
  ],
  [
    "a session rests in one place, though a turn from before its end ends late",
    "offer 619 654; commit p; offer 291 0; session_over 675; done 9 aborted true; progress 0 1; done 0 aborted true; offer 9 0; done 0 finished false; update 0 keep",
  ],
  [
    "who is too long for all that are left holds back nobody who is not",
    "offer 55 84; worker 707 778 false; done 786 lost true; offer 487 884; worker 26 324 true; lose 323; worker 748 312 true; update 419 reprefill; done 96 failed true; progress 756 40; done 762 failed true; progress 593 4; done 517 aborted true",
  ],
];
for (const [what, history] of ONCE_BROKEN) {
  test(what, () => {
    for (const subject of SUBJECTS.values()) live(readHistory(history), subject);
  });
}

/** Takes the end of an attempt that is long over for the end of the one that runs. */
const FENCELESS: Subject = {
  bounded: true,
  create(...parts) {
    const real = createScheduler(...parts);
    const latest = new Map<string, number>();
    return {
      snapshot: () => real.snapshot(),
      handle(event) {
        if (event.type === "offer") latest.set(event.card.key, event.card.attempt);
        if (event.type !== "done") return real.handle(event);
        return real.handle({ ...event, attempt: latest.get(event.key) ?? event.attempt });
      },
    };
  },
};

test("a broken scheduler is found; the seed finds it again, and no step of what is printed can be left out", () => {
  const find = () => {
    try {
      fc.assert(
        fc.property(histories, (history) => live(history, FENCELESS)),
        { seed: 3, numRuns: 200, reporter: reportOf("fenceless", FENCELESS) },
      );
      return "";
    } catch (thrown) {
      return thrown instanceof Error ? thrown.message : "";
    }
  };
  const told = find();
  const [, text = ""] = /--history "(.*)"/.exec(told) ?? [];
  assert.equal(find(), told);
  const least = readHistory(text);
  assert.equal(written(least), text);
  assert.deepEqual(
    least.map(([what]) => what.split(" ")[0]),
    ["offer", "done", "late"],
  );
  assert.ok(failure(least, FENCELESS));
  assert.equal(failure(least, OURS), null);
});

test("what is left of a history has no step that could go", () => {
  const needed = [3, 40, 41, 99];
  const all = Array.from({ length: 100 }, (_, i) => i);
  assert.deepEqual(
    minimal(all, (some) => needed.every((each) => some.includes(each))),
    needed,
  );
});
