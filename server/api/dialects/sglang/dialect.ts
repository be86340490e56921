/** SGLang's HTTP surface, as slime and miles speak it to their router and to an engine (`docs/dialects.md`). */
import type { Dialect } from "../dialect.ts";
import { sglangError } from "./errors.ts";
import { healthRoutes } from "./health.ts";

export const sglang: Dialect = {
  name: "sglang",
  routes: (context) => [...healthRoutes(context)],
  error: sglangError,
};
