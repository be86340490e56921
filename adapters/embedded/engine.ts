/** Paceline's own engine, reached over a loopback socket like any other. */
import type { Engine } from "../engine.ts";
import type { ReadPacing } from "../read-pacing.ts";
import { descriptionOf, parseInfo } from "./capabilities.ts";
import { type Client, type ClientOptions, createClient } from "./client.ts";
import { createControl } from "./control.ts";
import { parseTelemetry } from "./telemetry.ts";
import { createWeights } from "./weights.ts";

export interface EmbeddedOptions {
  /** Tokens per event after the first; default: what the engine was started with. */
  readonly streamInterval?: number;
  /** Shared by all engines of a process; default: replies are read as they come. */
  readonly pacing?: ReadPacing;
}

export function createEmbeddedEngine(url: string, options: EmbeddedOptions = {}): Engine {
  return engineOver(createClient(url, clientOptions(options)), url, "embedded");
}

export const clientOptions = ({ streamInterval, pacing }: EmbeddedOptions): ClientOptions => ({
  streamInterval: streamInterval ?? null,
  pacing: pacing ?? null,
});

/** The engine behind `client`; the simulated one differs in name only. */
export function engineOver(client: Client, url: string, kind: "embedded" | "simulated"): Engine {
  return {
    url,
    async probe(signal) {
      return descriptionOf(kind, parseInfo(await client.call("GET", "/info", undefined, signal)));
    },
    generate: (request, signal) => client.generate(request, signal),
    control: createControl(client),
    weights: createWeights(client),
    async telemetry(signal) {
      return parseTelemetry(await client.call("GET", "/telemetry", undefined, signal));
    },
    close: () => client.close(),
  };
}
