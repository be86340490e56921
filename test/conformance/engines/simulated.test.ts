import { createSimulatedEngine } from "../../../adapters/simulated/engine.ts";
import { CAPABILITIES } from "../../../server/engine/server/capabilities.ts";
import { startEngineServer } from "../../../server/engine/server/engine-server.ts";
import { engineConformance } from "./engine-conformance.ts";

engineConformance({
  name: "simulated",
  async start() {
    const server = await startEngineServer({
      kind: "simulated",
      kvTokens: 8_192,
      maxRunning: 16,
      streamInterval: 4,
      simulated: { maxModelLen: 2_048, stepSeconds: 0.0005 },
    });
    const engine = createSimulatedEngine(server.url);
    return {
      engine,
      url: server.url,
      async stop() {
        await engine.close();
        await server.close();
      },
    };
  },
  capabilities: CAPABILITIES,
  versions: ["/checkpoints/one", "/checkpoints/two"],
});
