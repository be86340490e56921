/** An Engine that does what a test tells it to; nothing on a socket. */
import type { Engine, EngineTelemetry } from "../../../adapters/engine.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { EngineDescription } from "../../../server/contract/worker.ts";

export const DESCRIPTION: EngineDescription = {
  kind: "simulated",
  engineVersion: "0",
  incarnation: "i-1",
  model: "m",
  dtype: "float32",
  maxModelLen: 1_024,
  vocabSize: 256,
  eosTokenIds: [0],
  slots: [{ index: 0, kvTokens: 4_096, maxRunning: 8 }],
  capabilities: {
    logprobModes: ["processed", "raw"],
    sampling: ["temperature", "seed"],
    resume: { seeded: true, penalties: true },
    spans: "chunk",
    journal: "stream",
    sessionCache: false,
    pause: ["keep", "abort"],
    sleep: true,
    weights: { stage: true, proof: "digest" },
    promptLogprobs: false,
    maxTopLogprobs: 0,
    samplingMask: false,
  },
  paused: false,
  asleep: false,
  held: [],
};

export const IDLE: EngineTelemetry = {
  running: 0,
  waiting: 0,
  kvUsedTokens: 0,
  kvTotalTokens: 4_096,
  outputTokens: 0,
  prefillTokens: 0,
  steps: [],
};

/** How it answers probes: as described, not at all, by a refused connection, or with garbage. */
export type Mood = "well" | "silent" | "refused" | "garbage";

export class FakeEngine implements Engine {
  readonly url: string;
  readonly weights = null;
  mood: Mood = "well";
  description: EngineDescription = DESCRIPTION;
  load: EngineTelemetry = IDLE;
  probes = 0;
  polls = 0;
  closed = false;
  readonly calls: string[] = [];
  /** Paused, it cannot say what it is. */
  shy = false;
  /** Set to hold a probe's answer back until it is called. */
  gate: Promise<void> | null = null;

  constructor(url: string, incarnation = "i-1") {
    this.url = url;
    this.description = { ...DESCRIPTION, incarnation };
  }

  restart(incarnation: string): void {
    this.description = { ...this.description, incarnation, paused: false };
    this.mood = "well";
  }

  async probe(signal: AbortSignal): Promise<EngineDescription> {
    this.probes++;
    const answer = this.description;
    await this.gate;
    await this.#answer(signal);
    if (this.shy && answer.paused) {
      const { paused, incarnation } = answer;
      throw new PacelineError("engine_error", "it is paused", { details: { paused, incarnation } });
    }
    return answer;
  }

  async telemetry(signal: AbortSignal): Promise<EngineTelemetry> {
    this.polls++;
    await this.#answer(signal);
    return this.load;
  }

  async *generate(): AsyncGenerator<never> {
    yield* [];
    throw new PacelineError("unsupported", "a fake generates nothing");
  }

  readonly control = {
    pause: async (mode: string, signal: AbortSignal): Promise<void> => {
      this.calls.push(`pause ${mode}`);
      await this.#answer(signal);
      this.description = { ...this.description, paused: true };
    },
    resume: async (signal: AbortSignal): Promise<void> => {
      this.calls.push("resume");
      await this.#answer(signal);
      this.description = { ...this.description, paused: false };
    },
    flush: async (signal: AbortSignal): Promise<void> => {
      this.calls.push("flush");
      await this.#answer(signal);
    },
    sleep: async (signal: AbortSignal): Promise<void> => {
      this.calls.push("sleep");
      await this.#answer(signal);
      this.description = { ...this.description, asleep: true };
    },
    wake: async (signal: AbortSignal): Promise<void> => {
      this.calls.push("wake");
      await this.#answer(signal);
      this.description = { ...this.description, asleep: false };
    },
  };

  async close(): Promise<void> {
    this.closed = true;
  }

  #answer(signal: AbortSignal): Promise<void> {
    switch (this.mood) {
      case "well":
        return Promise.resolve();
      case "refused":
        return Promise.reject(new PacelineError("engine_unreachable", "ECONNREFUSED"));
      case "garbage":
        return Promise.reject(new PacelineError("engine_error", "/info is not of this wire"));
      case "silent":
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
    }
  }
}
