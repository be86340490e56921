/** Paceline's own engine, reached over a loopback socket like any other. */
import type { Engine, EngineOptions } from "../engine.ts";
import { descriptionOf, parseInfo } from "./capabilities.ts";
import { type Client, type ClientOptions, createClient } from "./client.ts";
import { createControl } from "./control.ts";
import { parseTelemetry } from "./telemetry.ts";
import { createWeights } from "./weights.ts";

export function createEmbeddedEngine(url: string, options: EngineOptions = {}): Engine {
  return engineOver(createClient(url, clientOptions(options)), url, "embedded");
}

export const clientOptions = ({ streamInterval, pacing }: EngineOptions): ClientOptions => ({
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
