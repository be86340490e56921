/**
 * Weights are updated under a rollout that runs; then torch makes each token's logprob again from what the spans claim, and from
 * what they do not claim. Any adapter whose engine tells spans and takes two checkpoints can be held to it.
 */
import assert from "node:assert/strict";
import type { Engine } from "../../../adapters/engine.ts";
import {
  Attempt,
  deadline,
  type Outcome,
  run,
  type Wish,
} from "../../conformance/engines/attempt.ts";
import { distance, type Phase, replay } from "./replay.ts";

export interface Attested {
  readonly engine: Engine;
  /** What `act` does happens amid a rollout. */
  slowly<T>(act: () => Promise<T>): Promise<T>;
  /** One that has torch and transformers. */
  readonly python: string;
  readonly models: readonly [string, string];
  /** Prints figures for whoever reads the run. */
  tell(line: string): void;
}

/** Per token, in nats: what rounding to bfloat16 explains on these models. */
const ROUNDING = 0.05;
/** Between the right hypothesis and any other, over the rollout. */
const APART = 10;

const PROMPT = [10, 11, 12, 13, 14];
const TOKENS = 300;
export const ROLLOUT: Wish = {
  promptTokenIds: Uint32Array.from(PROMPT),
  sampling: { maxNewTokens: TOKENS },
};

export async function install(
  { engine, models }: Attested,
  version: number,
  kv: "keep" | "drop",
): Promise<void> {
  const target = { policy: "default", version, path: models[(version - 1) % 2] as string };
  await engine.weights?.stage(target, deadline());
  await engine.weights?.swap({ ...target, kv }, deadline());
}

/** A rollout whose weights become version 2's after some 60 tokens, what runs staying in place. */
export async function keep(attested: Attested): Promise<Outcome> {
  const { engine, slowly } = attested;
  await install(attested, 1, "drop");
  const attempt = await slowly(async () => {
    const begun = new Attempt(engine, ROLLOUT);
    await begun.reached(60);
    await engine.control.pause("keep", deadline());
    return begun;
  });
  await install(attested, 2, "keep");
  await engine.control.resume(deadline());
  return attempt.outcome;
}

/** The same, its tokens taken away and sent again as `reprefill` does. */
export async function reprefill(attested: Attested): Promise<[Outcome, Outcome]> {
  const { engine, slowly } = attested;
  await install(attested, 1, "drop");
  const first = await slowly(async () => {
    const attempt = new Attempt(engine, ROLLOUT);
    await attempt.reached(60);
    attempt.abort();
    return attempt.outcome;
  });
  await engine.control.pause("keep", deadline());
  await install(attested, 2, "drop");
  await engine.control.resume(deadline());
  const outputTokenIds = Uint32Array.from(first.ids);
  return [first, await run(engine, { ...ROLLOUT, outputTokenIds })];
}

/** It ends before the swap. */
export async function finish(attested: Attested): Promise<Outcome> {
  const { engine } = attested;
  await install(attested, 1, "drop");
  const outcome = await run(engine, ROLLOUT);
  await engine.control.pause("keep", deadline());
  await install(attested, 2, "keep");
  await engine.control.resume(deadline());
  return outcome;
}

/** By name, of which the first is what is claimed. */
export type Hypotheses = Readonly<Record<string, readonly Phase[]>>;

/** The first hypothesis explains every token within rounding; every other is `APART` nats further away. */
export async function attest(
  { python, tell }: Attested,
  what: string,
  output: Pick<Outcome, "ids" | "logprobs">,
  hypotheses: Hypotheses,
  prompt: readonly number[] = PROMPT,
): Promise<void> {
  const names = Object.keys(hypotheses);
  const told = await replay(
    python,
    names.map((name) => ({ prompt, output: output.ids, phases: hypotheses[name] ?? [] })),
  );
  const distances = told.map(({ raw }) => distance(output.logprobs, raw));
  for (const [index, name] of names.entries()) {
    const { sum, largest } = distances[index] ?? { sum: 0, largest: 0 };
    tell(
      `${what}: ${name}: ${sum.toFixed(2)} nats over ${output.ids.length} tokens, ${largest.toFixed(4)} at most`,
    );
  }
  const [right, ...wrong] = distances;
  assert.ok((right?.largest ?? Number.NaN) < ROUNDING, `${what}: ${names[0]} explains its tokens`);
  for (const [index, { sum }] of wrong.entries()) {
    const apart = sum - (right?.sum ?? 0);
    assert.ok(apart >= APART, `${what}: ${names[index + 1]} is ${apart} nats away`);
  }
}
