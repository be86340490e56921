/**
 * What an engine may do wrong on its wire, and what must come of it: a typed error, or the very tokens, logprobs and
 * versions of the undisturbed run. Never a finish over something else; and the next request is served as if nothing
 * had been.
 */
import assert from "node:assert/strict";
import type { ErrorCode } from "../../../server/contract/errors.ts";
import type { FaultKind, FaultOptions } from "../../fakes/core/fault.ts";
import { Attempt, type Outcome, run, type Wish } from "./attempt.ts";
import type { Bench } from "./fixture.ts";

export interface FaultCase {
  readonly kind: FaultKind;
  readonly options?: FaultOptions;
  /** One of these, or the undisturbed outcome where `harmless`. */
  readonly codes: readonly ErrorCode[];
  readonly harmless?: boolean;
  /** Nothing more comes: the attempt is given up from outside. */
  readonly silent?: boolean;
  /** The engine is gone for good. */
  readonly fatal?: boolean;
  /** What came before it is told is right: the wire is cut, not bent. */
  readonly prefix?: boolean;
}

const BROKEN: readonly ErrorCode[] = ["engine_error", "misaligned"];
const LOST: readonly ErrorCode[] = ["engine_unreachable"];
const AFTER = { afterTokens: 8 };

export const FAULT_CASES: readonly FaultCase[] = [
  { kind: "status", options: { status: 503 }, codes: ["overloaded", "engine_error"] },
  { kind: "status", options: { status: 500 }, codes: ["engine_error"] },
  { kind: "status", options: { status: 429 }, codes: ["overloaded", "engine_error"] },
  { kind: "status", options: { status: 400 }, codes: ["invalid_argument", "engine_error"] },
  { kind: "hang", codes: ["cancelled"], silent: true },
  // A kept connection that was closed meanwhile is taken for what it is, and the request is sent again.
  { kind: "reset", codes: LOST, harmless: true },
  { kind: "error_inside", codes: BROKEN },
  { kind: "not_json", codes: BROKEN },
  { kind: "other_id", options: AFTER, codes: BROKEN },
  { kind: "repeat", options: AFTER, codes: BROKEN },
  { kind: "skip", options: AFTER, codes: BROKEN },
  { kind: "reorder", options: AFTER, codes: BROKEN },
  { kind: "past_end", codes: BROKEN, harmless: true },
  { kind: "versions_back", codes: BROKEN },
  { kind: "version_default", codes: BROKEN },
  { kind: "version_huge", codes: BROKEN },
  { kind: "spans_short", codes: BROKEN },
  { kind: "null_logprob", options: AFTER, codes: BROKEN },
  { kind: "nan_logprob", options: AFTER, codes: BROKEN },
  { kind: "floor_logprob", options: AFTER, codes: BROKEN },
  { kind: "misaligned", options: AFTER, codes: BROKEN },
  { kind: "huge_id", options: AFTER, codes: BROKEN },
  { kind: "unknown_fields", codes: [], harmless: true },
  { kind: "die", options: AFTER, codes: [...LOST, ...BROKEN], prefix: true },
  { kind: "truncate", options: AFTER, codes: BROKEN, prefix: true },
  { kind: "malformed", options: AFTER, codes: BROKEN, prefix: true },
  { kind: "stall", options: AFTER, codes: ["cancelled"], silent: true, prefix: true },
  { kind: "dribble", options: { afterTokens: 24 }, codes: [], harmless: true },
  { kind: "unfinished", codes: BROKEN, prefix: true },
  { kind: "exit", options: AFTER, codes: [...LOST, ...BROKEN], prefix: true, fatal: true },
];

const WISH: Wish = { sampling: { maxNewTokens: 32 } };

export async function runFault(fault: FaultCase, bench: Bench): Promise<void> {
  const { engine } = bench;
  if (bench.fault === undefined) throw new Error("the fixture offers no faults");
  const wish = bench.repeatable(WISH);
  const undisturbed = await run(engine, wish);
  await bench.fault(fault.kind, fault.options ?? {});
  const attempt = new Attempt(engine, wish);
  if (fault.silent === true) {
    // It came to the engine and has no more to say.
    if (fault.kind === "stall") await attempt.reached(1);
    setTimeout(() => attempt.abort(), 100);
  }
  const outcome = await attempt.outcome;
  assertHonest(fault, outcome, undisturbed, bench);
  if (fault.fatal === true) return;
  const next = await run(engine, wish);
  assert.equal(next.error, null, "the next request is well");
  bench.same(next, undisturbed);
}

function assertHonest(
  { kind, codes, harmless = false, prefix = false }: FaultCase,
  outcome: Outcome,
  undisturbed: Outcome,
  bench: Bench,
): void {
  const { error, ids } = outcome;
  if (error === null) {
    const whole = covers(outcome) && same(outcome, undisturbed);
    // Spans that are wrong in themselves are the server's to find: they are handed on as they were told.
    assert.ok(
      harmless ? whole : !whole || spansDiffer(outcome, undisturbed),
      `${kind} came through`,
    );
    if (!harmless) assert.ok(spansDiffer(outcome, undisturbed), `${kind} is told as a success`);
    return;
  }
  assert.ok(codes.includes(error.code), `${kind}: ${error.code}: ${error.message}`);
  if (!prefix) return;
  const known = { ids: undisturbed.ids.slice(0, ids.length), logprobs: [] };
  bench.same({ ids, logprobs: [] }, known);
}

const same = (one: Outcome, other: Outcome): boolean =>
  JSON.stringify([one.ids, one.logprobs]) === JSON.stringify([other.ids, other.logprobs]);

const covers = ({ spans, ids }: Outcome): boolean =>
  spans === null || (spans.at(-1)?.end ?? 0) === ids.length;

const spansDiffer = (one: Outcome, other: Outcome): boolean =>
  JSON.stringify(one.spans) !== JSON.stringify(other.spans);
