/** SGLang's HTTP surface, as slime and miles speak it to their router and to an engine (`docs/dialects.md`). */
import type { Dialect } from "../dialect.ts";
import { createMountState } from "../mount-state.ts";
import { abortRoutes } from "./abort.ts";
import { adapterRoutes } from "./adapters.ts";
import { chatRoutes } from "./chat.ts";
import { sglangError } from "./errors.ts";
import { generateRoutes } from "./generate.ts";
import { healthRoutes } from "./health.ts";
import { infoRoutes } from "./info.ts";
import { loadRoutes } from "./loads.ts";
import { memoryRoutes } from "./memory.ts";
import { TrainerUpdate } from "./trainer-update.ts";
import { weightRoutes } from "./weights.ts";
import { workerRoutes } from "./workers.ts";

export const sglang: Dialect = {
  name: "sglang",
  routes(context) {
    const state = createMountState(context.sessions);
    return [
      ...generateRoutes(context, state),
      ...chatRoutes(context, state),
      ...abortRoutes(context, state),
      ...loadRoutes(context, state),
      ...workerRoutes(context),
      ...weightRoutes(context, state, new TrainerUpdate(context, state.hold)),
      ...adapterRoutes(context),
      ...memoryRoutes(context, state),
      ...infoRoutes(context),
      ...healthRoutes(context),
    ];
  },
  error: (error) => sglangError(error),
};
