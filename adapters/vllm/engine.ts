/** vLLM, by the HTTP routes of a server with `--enable-scale-out` in development mode. Proven on 0.32; see docs/engines.md. */
import { PacelineError } from "../../server/contract/errors.ts";
import { LIMITS } from "../../server/limits.ts";
import type { Engine, EngineOptions } from "../engine.ts";
import { followSources } from "../kv-events/follow.ts";
import { adapterOf, weightsPolicyOf } from "../lora/name.ts";
import { createClient } from "./client.ts";
import { createControl } from "./control.ts";
import { cacheSources } from "./kv-events.ts";
import { createPreemptions } from "./preemptions.ts";
import { createProber } from "./probe.ts";
import { type StepTotals, telemetryOf } from "./telemetry.ts";
import { createWeights } from "./weights.ts";

export function createVllmEngine(url: string, options: EngineOptions = {}): Engine {
  const client = createClient(url, options.pacing ?? null);
  const preemptions = createPreemptions(client);
  const control = createControl(client, preemptions);
  const weights = createWeights(client, control, preemptions);
  const prober = createProber(client, weights, options.streamInterval ?? null);
  const totals: StepTotals = { seconds: 0, tokens: 0 };
  return {
    url,
    probe: (signal) => prober.probe(signal),
    generate(request, signal) {
      weights.assertHolds(weightsPolicyOf(request));
      const events = preemptions.told(client.generate(request, prober.known, signal));
      const adapter = adapterOf(request);
      return adapter === null ? events : weights.adapters.inUse.counted(adapter, events);
    },
    control: {
      ...control,
      async sleep(signal) {
        if (prober.sleeps) return control.sleep(signal);
        throw new PacelineError("unsupported", "this vLLM was started without --enable-sleep-mode");
      },
    },
    weights,
    async telemetry(signal) {
      const metrics = await client.text({ method: "GET", path: "/metrics" }, signal);
      return telemetryOf(metrics, prober.kvTotalTokens, totals);
    },
    followCache: async (follower, signal) =>
      followSources(await cacheSources(client, signal), new URL(url).hostname, follower, {
        messageBytes: LIMITS.kvEventBytes,
        messagesHeld: LIMITS.kvEventsHeld,
      }),
    close: () => client.close(),
  };
}
