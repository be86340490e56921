/** vLLM's HTTP surface, as prime-rl, TRL and the renderers' client speak it (`docs/dialects.md`). */
import type { Dialect } from "../dialect.ts";
import { vllmError } from "../openai/error.ts";
import { modelRoutes } from "../openai/models.ts";
import { generateRoutes } from "./generate.ts";
import { statusRoutes } from "./status.ts";
import { VersionNames } from "./version-names.ts";

export const vllm: Dialect = {
  name: "vllm",
  routes(context) {
    const names = new VersionNames();
    return [...generateRoutes(context, names), ...modelRoutes(context), ...statusRoutes(context)];
  },
  error: vllmError,
};
