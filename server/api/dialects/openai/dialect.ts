/** OpenAI's HTTP surface with the token fields of vLLM, NeMo Gym and Dynamo (`docs/dialects.md`). */
import type { Dialect } from "../dialect.ts";
import { createMountState } from "../mount-state.ts";
import { statusRoutes } from "../vllm/status.ts";
import { completionRoutes } from "./completions.ts";
import { openaiError } from "./error.ts";
import { modelRoutes } from "./models.ts";

export const openai: Dialect = {
  name: "openai",
  routes(context) {
    const state = createMountState(context.sessions);
    return [
      ...completionRoutes(context, state, openaiError),
      ...modelRoutes(context),
      ...statusRoutes(context, state),
    ];
  },
  error: openaiError,
};
