/** One row of the suite. */
import assert from "node:assert/strict";
import type { Seen } from "../evidence.ts";
import { type Outcome, run, type Wish } from "./attempt.ts";
import type { Bench } from "./fixture.ts";

export interface Case {
  readonly name: string;
  /** False: the engine has no such thing, and `without` says what it answers. Default: every engine has. */
  readonly needs?: (bench: Bench) => boolean;
  run(bench: Bench): Promise<void>;
  /** Default: nothing is expected. */
  readonly without?: (bench: Bench) => Promise<void>;
}

export async function runCase({ needs, run: body, without }: Case, bench: Bench): Promise<Seen> {
  if (needs === undefined || needs(bench)) {
    await body(bench);
    return "done";
  }
  if (without === undefined) return "unasked";
  await without(bench);
  return "refused";
}

/** The wish is refused as what this engine cannot honour. */
export const refuses =
  (wish: Wish): NonNullable<Case["without"]> =>
  async ({ engine }) => {
    assert.equal((await run(engine, wish)).error?.code, "unsupported");
  };

/** Long enough to act in the middle of it, `slowly` where it must run still when the engine does what it is told. */
export const LONG: Wish = { sampling: { maxNewTokens: 400 } };

export function assertComplete(outcome: Outcome, tokens: number): void {
  assert.equal(outcome.error, null);
  assert.equal(outcome.ids.length, tokens);
  assert.deepEqual(outcome.finish?.reason, { type: "length", cause: "max_new", matched: null });
}

/** One span of this version over all of them. */
export function assertOfVersion(outcome: Outcome, version: number, from = 0): void {
  if (outcome.spans === null) return;
  const end = from + outcome.ids.length;
  assert.deepEqual(outcome.spans, [{ version, start: from, end }]);
}
