/** An SGLang server, over its own HTTP routes. Facts of the wire: `docs/engines.md`. */
import { LIMITS } from "../../server/limits.ts";
import type { Engine, EngineOptions } from "../engine.ts";
import { followSources } from "../kv-events/follow.ts";
import { adapterOf } from "../lora/name.ts";
import { createClient } from "./client.ts";
import { createControl } from "./control.ts";
import { createState } from "./facts.ts";
import { cacheSources } from "./kv-events.ts";
import { createMove } from "./mover.ts";
import { probe } from "./probe.ts";
import { createTelemetryReader } from "./telemetry.ts";
import { createWeights } from "./weights.ts";

export function createSglangEngine(url: string, options: EngineOptions = {}): Engine {
  const state = createState();
  const client = createClient(url, state, options);
  const control = createControl(client, state);
  const telemetry = createTelemetryReader();
  return {
    url,
    probe: (signal) => probe(client, state, signal),
    generate(request, signal) {
      const events = client.generate(request, signal);
      const adapter = adapterOf(request);
      return adapter === null ? events : state.inUse.counted(adapter, events);
    },
    control,
    weights: { ...createWeights(client, control, state), move: createMove(client, state) },
    async telemetry(signal) {
      return telemetry.read(
        await client.calls.json({ method: "GET", path: "/v1/loads?include=core" }, signal),
      );
    },
    followCache: async (follower, signal) =>
      followSources(await cacheSources(client, signal), new URL(url).hostname, follower, {
        messageBytes: LIMITS.kvEventBytes,
        messagesHeld: LIMITS.kvEventsHeld,
      }),
    close: () => client.close(),
  };
}
