/** SGLang's HTTP surface, as slime and miles speak it to their router and to an engine (`docs/dialects.md`). */
import type { Dialect } from "../dialect.ts";
import { abortRoutes } from "./abort.ts";
import { sglangError } from "./errors.ts";
import { generateRoutes } from "./generate.ts";
import { healthRoutes } from "./health.ts";
import { infoRoutes } from "./info.ts";
import { loadRoutes } from "./loads.ts";
import { createMountState } from "./mount-state.ts";

export const sglang: Dialect = {
  name: "sglang",
  routes(context) {
    const state = createMountState();
    return [
      ...generateRoutes(context, state),
      ...abortRoutes(context, state),
      ...loadRoutes(context, state),
      ...infoRoutes(context),
      ...healthRoutes(context),
    ];
  },
  error: sglangError,
};
