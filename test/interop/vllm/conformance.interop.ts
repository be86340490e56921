/** The cases that every engine adapter passes, on real vLLM. */
import { after, before, describe } from "node:test";
import { createVllmEngine } from "../../../adapters/vllm/engine.ts";
import { engineConformance } from "../../conformance/engines/engine-conformance.ts";
import { VLLM_MANNERS } from "../../conformance/engines/manners.ts";
import { openVllm, VLLM_VERSION, type VllmProcess } from "../engines/vllm.ts";

const vllm = await openVllm();

describe(`vLLM ${VLLM_VERSION}`, () => {
  let server: VllmProcess;
  before(async () => {
    server = await vllm.start();
  });
  after(() => server.kill());

  engineConformance({
    name: "vllm",
    counterpart: { engine: "vllm", against: "real", version: VLLM_VERSION },
    async start() {
      const engine = createVllmEngine(server.url);
      return { engine, url: server.url, slowly: server.slowly, stop: () => engine.close() };
    },
    capabilities: {} as never,
    versions: vllm.models,
    manners: {
      ...VLLM_MANNERS,
      // Of bfloat16 in batches of another size.
      tolerance: 0.06,
      fresh: false,
      // While it is paused its gauges say what its last step said.
      loadLags: true,
    },
  });
});
