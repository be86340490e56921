/**
 * The suite's rows of LoRA on real vLLM. `npm run test:interop -- test/interop/vllm/lora.interop.ts`
 */
import { after, before, describe } from "node:test";
import { createVllmEngine } from "../../../adapters/vllm/engine.ts";
import { engineConformance } from "../../conformance/engines/engine-conformance.ts";
import { VLLM_MANNERS } from "../../conformance/engines/manners.ts";
import { ensureAdapter } from "../engines/adapters.ts";
import type { EngineProcess } from "../engines/process.ts";
import { openVllm, VLLM_VERSION } from "../engines/vllm.ts";

const REAL = { engine: "vllm", against: "real", version: VLLM_VERSION } as const;
const FLAGS = [
  ...["--enable-lora", "--max-lora-rank", "8", "--max-loras", "2", "--max-cpu-loras", "2"],
  // In bfloat16 with LoRA its attention uses AMX, which nothing in the process has asked the kernel for: SIGILL at the first token.
  ...["--dtype", "float32"],
];

const vllm = await openVllm();
const adapter = await ensureAdapter(vllm.python, vllm.models[0]);

describe(`LoRA on vLLM ${VLLM_VERSION}`, () => {
  let server: EngineProcess;
  before(async () => {
    server = await vllm.start(FLAGS);
  });
  after(() => server.kill());

  engineConformance(
    {
      name: "vLLM with --enable-lora",
      counterpart: REAL,
      async start() {
        const engine = createVllmEngine(server.url);
        return { engine, url: server.url, stop: () => engine.close() };
      },
      capabilities: {} as never,
      versions: vllm.models,
      adapter,
      manners: { ...VLLM_MANNERS, tolerance: 0.01, fresh: false },
    },
    "adapters",
  );
});
