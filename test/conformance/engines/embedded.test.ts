import { fileURLToPath } from "node:url";
import { createEmbeddedEngine } from "../../../adapters/embedded/engine.ts";
import { CAPABILITIES } from "../../../server/engine/server/capabilities.ts";
import { startEngineServer } from "../../../server/engine/server/engine-server.ts";
import { engineConformance } from "./engine-conformance.ts";

const checkpoint = (step: string): string =>
  fileURLToPath(new URL(`../../../server/engine/demo-policy/${step}`, import.meta.url));

engineConformance({
  name: "embedded",
  counterpart: { engine: "embedded", against: "itself" },
  async start() {
    const server = await startEngineServer({
      kind: "embedded",
      directory: checkpoint("step-1"),
      kvTokens: 8_192,
      maxRunning: 16,
      streamInterval: 4,
    });
    const engine = createEmbeddedEngine(server.url);
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
  versions: [checkpoint("step-1"), checkpoint("step-2")],
});
