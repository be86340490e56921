/** vLLM's HTTP surface, as prime-rl, TRL and the renderers' client speak it (`docs/dialects.md`). */
import type { Dialect } from "../dialect.ts";
import { createMountState } from "../mount-state.ts";
import { completionRoutes } from "../openai/completions.ts";
import { vllmError } from "../openai/error.ts";
import { modelRoutes } from "../openai/models.ts";
import { adapterRoutes } from "./adapters.ts";
import { generateRoutes } from "./generate.ts";
import { createPauses } from "./pause.ts";
import { serverRoutes, statusRoutes } from "./status.ts";
import { weightRoutes } from "./weights.ts";

export const vllm: Dialect = {
  name: "vllm",
  routes(context) {
    const state = createMountState(context.sessions);
    const pauses = createPauses(context, state);
    return [
      ...generateRoutes(context, state),
      ...pauses.routes,
      ...weightRoutes(context, state, pauses),
      ...adapterRoutes(context),
      ...completionRoutes(context, state, vllmError),
      ...modelRoutes(context),
      ...statusRoutes(context, state),
      ...serverRoutes(context),
    ];
  },
  error: vllmError,
};
