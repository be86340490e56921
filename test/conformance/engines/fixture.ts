/** What an engine brings to the suite, and what the cases ask of it. */
import assert from "node:assert/strict";
import type { Engine, EngineTelemetry } from "../../../adapters/engine.ts";
import type {
  Capabilities,
  EngineDescription,
  SamplingFeature,
} from "../../../server/contract/worker.ts";
import type { FaultKind, FaultOptions } from "../../fakes/core/fault.ts";
import type { Counterpart } from "../evidence.ts";
import { deadline, type Outcome, patient, speaks, type Wish } from "./attempt.ts";

export interface RunningEngine {
  readonly engine: Engine;
  readonly url: string;
  /** Arms one fault (`test/fakes/core/fault.ts`); absent: the engine is well-behaved, or real. */
  fault?(kind: FaultKind, options: FaultOptions): Promise<void>;
  /** What `act` does happens amid 400 tokens, however fast the engine makes them; absent: it is slow enough. */
  slowly?<T>(act: () => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

/** What differs between engines beyond their capabilities; each default is the embedded engine's. */
export interface Manners {
  /** Equal requests have equal numbers, whatever runs beside them. A number: how far logprobs may be apart. Default 0. */
  readonly tolerance?: number;
  /** Each start is another process that holds nothing. Default true; a real engine is started once. */
  readonly fresh?: boolean;
  /** Telemetry tells of requests that came while it was paused. Default true. */
  readonly countsHeld?: boolean;
  /** Telemetry is of some steps ago, and while it is paused of before. Default false; real SGLang writes it now and then. */
  readonly loadLags?: boolean;
  /** Tokens of a request that telemetry leaves out. Default 0; SGLang's first is its prefill's, and the second has no step before it. */
  readonly uncounted?: number;
  /** Refuses a request id that is running. Default true. */
  readonly refusesRunningIds?: boolean;
  /** A swap drops cached prefixes in every namespace. Default true; others rely on a namespace for each load. */
  readonly swapClearsCache?: boolean;
  /** Sends what it made before it stands still; others keep what does not fill a chunk. Default true. */
  readonly pauseFlushes?: boolean;
  /** Asleep it refuses; others let requests wait. Default true. */
  readonly refusesAsleep?: boolean;
  /** A prompt is scored by a request of its own, whose cached tokens nobody tells. Default false. */
  readonly scoresApart?: boolean;
  /** Telemetry tells steps of what ran before, though nothing runs. Default true. */
  readonly keepsSteps?: boolean;
  /** A rollout that goes on elsewhere makes the tokens of the uncut one; else it is seeded anew. Default true. */
  readonly continuesSame?: boolean;
  /** Tells how much of a prompt was cached. Default true. */
  readonly tellsCached?: boolean;
  /** Faults that its wire cannot show (deltas without positions can be put into another order), or not make. */
  readonly undetectable?: readonly FaultKind[];
}

export interface EngineUnderTest {
  /** Another one for each shape of an engine: its rows are written under it. */
  readonly name: string;
  readonly counterpart: Counterpart;
  /** A fresh engine that holds nothing. Slow enough that a case can act in the middle of 400 tokens. */
  start(): Promise<RunningEngine>;
  /** What it must say of itself. */
  readonly capabilities: Capabilities;
  /** Two checkpoints that differ. */
  readonly versions: readonly [string, string];
  /** A LoRA adapter's directory, for engines that take one; a fake is given a checkpoint that stands in for base and adapter. */
  readonly adapter?: string;
  readonly manners?: Manners;
  /** Where no probe tells: an id that ends a rollout. Default the demo policy's. */
  readonly eos?: number;
}

export interface Bench extends RunningEngine {
  slowly<T>(act: () => Promise<T>): Promise<T>;
  readonly description: EngineDescription;
  readonly manners: Required<Manners>;
  can(feature: SamplingFeature): boolean;
  /** Stages and swaps; the version's digest, null where the engine shows none. */
  install(version: number, kv?: "keep" | "drop"): Promise<string | null>;
  /** The version that is in service now. */
  readonly version: number;
  /** An adapter's directory. */
  readonly adapter: string;
  /** One of the ids that end a rollout. */
  readonly eos: number;
  /** Likewise, and a continuation makes them too. */
  continuable(wish: Wish): Wish;
  /** The wish so that the engine makes the same tokens each time: greedy where it knows no seed. */
  repeatable(wish: Wish): Wish;
  /** Throws unless both are the same, as exactly as this engine can. */
  same(actual: Pick<Outcome, "ids" | "logprobs">, wanted: Pick<Outcome, "ids" | "logprobs">): void;
}

const DEMO_EOS = 257;

const PATIENT: Required<Manners> = {
  tolerance: 0,
  fresh: true,
  countsHeld: true,
  loadLags: false,
  uncounted: 0,
  refusesRunningIds: true,
  swapClearsCache: true,
  continuesSame: true,
  pauseFlushes: true,
  refusesAsleep: true,
  scoresApart: false,
  keepsSteps: true,
  tellsCached: true,
  undetectable: [],
};

/** Version `n` is the checkpoint at `(n − 1) mod 2`. */
export async function openBench(under: EngineUnderTest, install = true): Promise<Bench> {
  const running = await under.start();
  try {
    return await benchOf(under, running, install);
  } catch (error) {
    // Left alive it would keep the whole run waiting.
    await running.stop();
    throw error;
  }
}

async function benchOf(
  under: EngineUnderTest,
  running: RunningEngine,
  install: boolean,
): Promise<Bench> {
  const { engine } = running;
  const manners = { ...PATIENT, ...under.manners };
  if (!manners.fresh) patient();
  const description = await engine.probe(deadline());
  const { sampling, logprobModes } = description.capabilities;
  speaks(engine, logprobModes);
  let current = 0;
  const bench: Bench = {
    ...running,
    slowly: (act) => running.slowly?.(act) ?? act(),
    description,
    manners,
    can: (feature) => sampling.includes(feature),
    get version() {
      return current;
    },
    async install(version, kv = "keep") {
      const weights = weightsOf(engine);
      const path = under.versions[(version - 1) % 2] as string;
      const policy = "default";
      const { digest } = await weights.stage({ policy, version, path }, deadline());
      await weights.swap({ policy, version, kv }, deadline());
      current = version;
      return digest;
    },
    adapter: under.adapter ?? under.versions[1],
    eos: description.eosTokenIds[0] ?? under.eos ?? DEMO_EOS,
    repeatable: (wish) => (sampling.includes("seed") ? wish : greedy(wish)),
    continuable: (wish) =>
      sampling.includes("seed") && manners.continuesSame ? wish : greedy(wish),
    same: (actual, wanted) => assertSame(actual, wanted, manners.tolerance),
  };
  if (install) await bench.install(1);
  return bench;
}

const greedy = (wish: Wish): Wish => ({
  ...wish,
  sampling: { ...wish.sampling, temperature: 0 },
});

/** Where numbers differ a little another token may be drawn; from there on nothing can be compared. */
function assertSame(
  actual: Pick<Outcome, "ids" | "logprobs">,
  wanted: Pick<Outcome, "ids" | "logprobs">,
  tolerance: number,
): void {
  if (tolerance === 0) {
    assert.deepEqual([actual.ids, actual.logprobs], [wanted.ids, wanted.logprobs]);
    return;
  }
  assert.equal(actual.ids.length, wanted.ids.length);
  const parted = actual.ids.findIndex((id, at) => id !== wanted.ids[at]);
  const common = parted < 0 ? actual.ids.length : parted;
  assert.ok(common > 0 || actual.ids.length === 0, "not even the first token is the same");
  for (let at = 0; at < common; at++) {
    const apart = Math.abs((actual.logprobs[at] as number) - (wanted.logprobs[at] as number));
    assert.ok(apart <= tolerance, `logprobs at ${at} are ${apart} apart`);
  }
}

export function weightsOf(engine: Engine): NonNullable<Engine["weights"]> {
  if (engine.weights === null) throw new Error("the engine has no weight calls");
  return engine.weights;
}

/** Polls what the engine says of itself, once per answer, until it is so. */
export async function until(engine: Engine, running: number): Promise<void> {
  const signal = deadline();
  for (;;) {
    const load = await engine.telemetry(signal);
    if (load.running + load.waiting === running) return;
  }
}

/** Likewise of one that is paused, counting `held` requests that came meanwhile where it does. */
export async function untilHeld(bench: Bench, running: number, held: number): Promise<void> {
  const { engine, manners } = bench;
  const { countsHeld, loadLags } = manners;
  if (loadLags) await engine.telemetry(deadline());
  else await until(engine, running + (countsHeld ? held : 0));
}

/** Telemetry that passes `check`: at once, or where it lags in the end. Throws what is wrong with the last. */
export async function toldLoad(
  { engine, manners }: Bench,
  check: (load: EngineTelemetry) => void,
): Promise<void> {
  const signal = deadline();
  for (;;) {
    const load = await engine.telemetry(AbortSignal.any([signal, deadline()]));
    try {
      check(load);
      return;
    } catch (wrong) {
      if (!manners.loadLags || signal.aborted) throw wrong;
    }
  }
}
