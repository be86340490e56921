/** What an engine brings to the suite. */
import type { Engine } from "../../../adapters/engine.ts";
import type { Capabilities, EngineDescription } from "../../../server/contract/worker.ts";
import { deadline } from "./attempt.ts";

export interface RunningEngine {
  readonly engine: Engine;
  readonly url: string;
  stop(): Promise<void>;
}

export interface EngineUnderTest {
  readonly name: string;
  /** A fresh engine that holds nothing. Slow enough that a case can act in the middle of 400 tokens. */
  start(): Promise<RunningEngine>;
  /** What it must say of itself. */
  readonly capabilities: Capabilities;
  /** Two checkpoints that differ. */
  readonly versions: readonly [string, string];
}

export interface Bench extends RunningEngine {
  readonly description: EngineDescription;
  /** Stages and swaps; the version's digest, null where the engine shows none. */
  install(version: number, kv?: "keep" | "drop"): Promise<string | null>;
}

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
  const bench: Bench = {
    ...running,
    description: await engine.probe(deadline()),
    async install(version, kv = "keep") {
      const weights = weightsOf(engine);
      const path = under.versions[(version - 1) % 2] as string;
      const policy = "default";
      const { digest } = await weights.stage({ policy, version, path }, deadline());
      await weights.swap({ policy, version, kv }, deadline());
      return digest;
    },
  };
  if (install) await bench.install(1);
  return bench;
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
