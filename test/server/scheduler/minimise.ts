/** The least of a history that still breaks a rule, and the command that plays it again. */
import assert from "node:assert/strict";
import type fc from "fast-check";
import { type Step, written } from "./history-steps.ts";
import { ModelFleet } from "./model-fleet.ts";
import type { Subject } from "./subjects.ts";

export function live(history: readonly Step[], subject: Subject): void {
  new ModelFleet(subject).live(history.map(([, act]) => act));
}

/** What the history breaks; null: nothing. */
export function failure(history: readonly Step[], subject: Subject): Error | null {
  try {
    live(history, subject);
    return null;
  } catch (thrown) {
    assert.ok(thrown instanceof Error);
    return thrown;
  }
}

/**
 * Delta debugging: portions are left out, first halves and at the end single steps, as long as the rest still fails. Of what
 * is left no single step can go.
 */
export function minimal<T>(
  history: readonly T[],
  fails: (some: readonly T[]) => boolean,
): readonly T[] {
  let left = history;
  for (let portion = Math.ceil(left.length / 2); portion >= 1; ) {
    const before = left.length;
    for (let at = 0; at < left.length; ) {
      const rest = [...left.slice(0, at), ...left.slice(at + portion)];
      if (rest.length > 0 && fails(rest)) left = rest;
      else at += portion;
    }
    if (left.length === before || portion > 1) {
      if (portion === 1) break;
      portion = Math.ceil(portion / 2);
    }
  }
  return left;
}

/** What is thrown of a history that fails: its least form, what that breaks, and how to play it again. */
export function explained(history: readonly Step[], name: string, subject: Subject): Error {
  const least = minimal(history, (some) => failure(some, subject) !== null);
  const cause = failure(least, subject);
  const again = `npm run histories -- --scheduler ${name} --history "${written(least)}"`;
  return new Error(`${least.length} of ${history.length} steps:\n${again}\n${cause?.stack}`);
}

/** Reports a failed property by its least history; the seed and path play the one that was found first. */
export const reportOf =
  (name: string, subject: Subject) =>
  ({ failed, counterexample, seed, counterexamplePath }: fc.RunDetails<[Step[]]>): void => {
    if (!failed) return;
    const { message } = explained(counterexample?.[0] ?? [], name, subject);
    const path = `npm run histories -- --scheduler ${name} --seed ${seed} --path ${counterexamplePath}`;
    throw new Error(`${path}\n${message}`);
  };
