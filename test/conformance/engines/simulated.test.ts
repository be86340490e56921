/** The stand-in without a model: what every engine must do, and the faults of the common table that our own wire has. */
import type { FaultBody } from "../../../adapters/embedded/wire.ts";
import { createSimulatedEngine } from "../../../adapters/simulated/engine.ts";
import { CAPABILITIES } from "../../../server/engine/server/capabilities.ts";
import { startEngineServer } from "../../../server/engine/server/engine-server.ts";
import { FAULT_KINDS, type FaultKind } from "../../fakes/core/fault.ts";
import { engineConformance, engineFaults } from "./engine-conformance.ts";
import type { EngineUnderTest } from "./fixture.ts";

/** The wire's own names; faults that are not here it cannot make. */
const NAMES: Partial<Record<FaultKind, FaultBody["kind"]>> = {
  die: "cut",
  truncate: "truncate",
  malformed: "garbage",
  stall: "hang",
  nan_logprob: "nan",
  misaligned: "misaligned",
  reorder: "out_of_order",
};

const SIMULATED: EngineUnderTest = {
  name: "simulated",
  counterpart: { engine: "simulated", against: "itself" },
  async start() {
    const server = await startEngineServer({
      kind: "simulated",
      kvTokens: 8_192,
      maxRunning: 16,
      streamInterval: 4,
      simulated: {
        maxModelLen: 2_048,
        stepSeconds: 0.0005,
        experts: { layers: 4, perToken: 8, dtype: "uint8" },
      },
    });
    const engine = createSimulatedEngine(server.url);
    return {
      engine,
      url: server.url,
      async fault(fault, { afterTokens = 0, count = 1 }) {
        const kind = NAMES[fault];
        if (kind === undefined) throw new Error(`its wire has no ${fault}`);
        const body = { kind, after_tokens: afterTokens, count };
        await engine.fault(body, AbortSignal.timeout(5_000));
      },
      async stop() {
        await engine.close();
        await server.close();
      },
    };
  },
  capabilities: { ...CAPABILITIES, routedExperts: true },
  versions: ["/checkpoints/one", "/checkpoints/two"],
  manners: { undetectable: FAULT_KINDS.filter((fault) => NAMES[fault] === undefined) },
};

engineConformance(SIMULATED);
engineFaults(SIMULATED);
