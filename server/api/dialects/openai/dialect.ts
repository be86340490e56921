/** OpenAI's HTTP surface with the token fields of vLLM, NeMo Gym and Dynamo (`docs/dialects.md`). */
import type { Dialect } from "../dialect.ts";
import { openaiError } from "./error.ts";
import { modelRoutes } from "./models.ts";

export const openai: Dialect = {
  name: "openai",
  routes: (context) => modelRoutes(context),
  error: openaiError,
};
