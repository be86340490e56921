/** The stand-in without compute: the embedded engine's wire, and faults on command. */
import { createClient } from "../embedded/client.ts";
import { clientOptions, engineOver } from "../embedded/engine.ts";
import type { FaultBody } from "../embedded/wire.ts";
import type { Engine, EngineOptions } from "../engine.ts";

export interface SimulatedEngine extends Engine {
  /** Arms one fault; `FAULT_KINDS` in the wire says what each does. */
  fault(fault: FaultBody, signal: AbortSignal): Promise<void>;
}

export function createSimulatedEngine(url: string, options: EngineOptions = {}): SimulatedEngine {
  const client = createClient(url, clientOptions(options));
  return {
    ...engineOver(client, url, "simulated"),
    async fault(fault, signal) {
      await client.call("POST", "/faults", fault, signal);
    },
  };
}
