/**
 * The suite's rows for engines behind `/v1/completions`: their weights are what they were started with, and they
 * stand still only when they are emptied, so rows that stand on more have nothing to ask.
 */
import { Witness } from "../witness.ts";
import { ABORT_CASES } from "./abort-cases.ts";
import type { Case } from "./case.ts";
import { CONTROL_CASES } from "./control-cases.ts";
import { describeShared, engineFaults } from "./engine-conformance.ts";
import type { EngineUnderTest } from "./fixture.ts";
import { GENERATE_CASES, REFUSAL_CASES } from "./generate-cases.ts";
import { SEED_CASES } from "./seed-cases.ts";
import { EXPERT_CASES } from "./side-cases.ts";

const TABLES: Readonly<Record<string, readonly Case[]>> = {
  generate: [...GENERATE_CASES, ...REFUSAL_CASES],
  seeds: SEED_CASES,
  aborts: ABORT_CASES,
  "side data": EXPERT_CASES,
  "control and weights": CONTROL_CASES.filter(({ name }) => /^(pause|telemetry)/.test(name)),
};

/** Rows that freeze requests in place, or continue a rollout with the very tokens that it would have made. */
const NEEDS_MORE: ReadonlySet<string> = new Set([
  "an abort before the first token, while the engine is paused, leaves nothing behind",
  "a rollout continued from any of its tokens makes the tokens of the undisturbed run",
]);

export function completionsConformance(under: EngineUnderTest): void {
  const witness = new Witness(under.counterpart, under.name);
  for (const [room, cases] of Object.entries(TABLES)) {
    const asked = cases.filter(({ name }) => !NEEDS_MORE.has(name));
    describeShared(under, witness, room, asked, false);
  }
  engineFaults(under, false);
}
