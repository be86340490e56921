/**
 * NVIDIA TensorRT-LLM behind its gRPC service. More than by HTTP: its model tells its own shape, requests have names, a
 * policy@version's cache is apart from another's, and each logprob says whose it is. Less: no memory is given back, no statistics.
 *
 * Never run against a real one, which needs a GPU: made from its published interface, tested against a fake of it.
 */
import { PacelineError } from "../../../server/contract/errors.ts";
import type { EngineDescription } from "../../../server/contract/worker.ts";
import type { BodyFacts } from "../../completions/body.ts";
import { knownFacts } from "../../completions/facts.ts";
import { createLife } from "../../completions/life.ts";
import { OwnLoad } from "../../completions/own-load.ts";
import { Standstill } from "../../completions/standstill.ts";
import type { Engine, EngineControl, EngineOptions } from "../../engine.ts";
import { GRPC_CAPABILITIES } from "../capabilities.ts";
import { createGrpcClient } from "./client.ts";

export function createTrtllmGrpcEngine(url: string, options: EngineOptions = {}): Engine {
  const life = createLife("trtllm");
  const client = createGrpcClient(url, life);
  const load = new OwnLoad();
  const standstill = new Standstill();
  let served: (BodyFacts & { readonly kvTokens: number }) | null = null;

  async function probe(signal: AbortSignal): Promise<EngineDescription> {
    const [health, model, server] = await Promise.all([
      client.health(signal),
      client.model(signal),
      client.server(signal),
    ]);
    if (health !== "OK") {
      throw new PacelineError("engine_error", `TensorRT-LLM is not well: ${health}`);
    }
    const facts = knownFacts("trtllm", options.facts ?? {}, {
      ...told("maxModelLen", model.max_seq_len),
      ...told("vocabSize", model.vocab_size),
      ...told("maxRunning", model.max_batch_size),
    });
    const { held, logprobModes, kvTokens, maxRunning, ...shape } = facts;
    served = { engine: "TensorRT-LLM", ...facts };
    return {
      kind: "trtllm",
      engineVersion: server.version,
      incarnation: life.incarnation,
      model: model.model_id,
      ...shape,
      slots: [{ index: 0, kvTokens, maxRunning }],
      capabilities: { ...GRPC_CAPABILITIES, logprobModes },
      paused: standstill.paused,
      asleep: false,
      held,
    };
  }

  return {
    url,
    probe,
    generate(request, signal) {
      if (served === null) throw new PacelineError("engine_error", "it has not been probed yet");
      const known = served;
      return standstill.run(signal, (inner) =>
        load.counted(request, client.generate(request, known, inner)),
      );
    },
    control: controlOf(standstill),
    weights: null,
    async telemetry() {
      const { running, outputTokens, prefillTokens, kvTokens } = load;
      const kvTotalTokens = served?.kvTokens ?? 0;
      const kvUsedTokens = Math.min(kvTokens, kvTotalTokens);
      return {
        ...{ running, outputTokens, prefillTokens, kvUsedTokens, kvTotalTokens },
        ...{ waiting: 0, steps: [] },
      };
    },
    async close() {
      client.close();
    },
  };
}

/** What a model does not know of itself it tells as 0. */
const told = <K extends string>(name: K, value: number): Partial<Record<K, number>> =>
  value > 0 ? ({ [name]: value } as Record<K, number>) : {};

function controlOf(standstill: Standstill): EngineControl {
  const none = async (call: string): Promise<never> => {
    throw new PacelineError("unsupported", `TensorRT-LLM has no call to ${call} by gRPC`, {
      details: { engine: "trtllm", call },
    });
  };
  return {
    async pause(mode) {
      standstill.pause(mode, "TensorRT-LLM");
    },
    async resume() {
      standstill.resume();
    },
    flush: () => none("flush"),
    sleep: () => none("sleep"),
    wake: () => none("wake"),
  };
}
