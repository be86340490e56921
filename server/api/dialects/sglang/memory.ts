/** Caches and memory of the engines behind the mount. */
import { z } from "zod";
import { PacelineError } from "../../../contract/errors.ts";
import { check } from "../../codec/invalid.ts";
import { type Handler, sendJson } from "../../http/request.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";
import { workersOf } from "../job-workers.ts";
import type { MountState } from "../mount-state.ts";

const TAGS = z.looseObject({ tags: z.array(z.string()).nullish() });
const ADMIN = { scope: "admin", touches: "all" } as const;

export function memoryRoutes(context: DialectContext, { hold }: MountState): DialectRoute[] {
  const { control } = context;
  /** A KV block is never shared beyond its version, so that an update needs no empty cache, and no idle engine. */
  const flush: Handler = async (_request, reply) => {
    const idle = workersOf(context).filter(({ state }) => state === "ready");
    if (!hold.paused) {
      await Promise.all(idle.map(({ id }) => control.one(id, { action: "flush" })));
    }
    reply.header("content-type", "text/plain; charset=utf-8");
    return reply.send("Cache flushed.\n");
  };
  /** Tags: weights stay in place, so that only what else there is can be given back. */
  const memory =
    (action: "sleep" | "wake", from: "ready" | "asleep"): Handler =>
    async (request, reply) => {
      const { tags } = check(TAGS, request.body ?? {});
      if (tags == null || tags.includes("kv_cache")) {
        const workers = workersOf(context).filter(({ state }) => state === from);
        await Promise.all(workers.map(({ id }) => control.one(id, { action })));
      } else if (action === "sleep") {
        throw new PacelineError(
          "unsupported",
          "tags: weights stay in place; kv_cache can be freed",
          {
            details: { path: "tags" },
          },
        );
      }
      return sendJson(reply, "null");
    };
  return [
    { ...ADMIN, method: "GET", path: "/flush_cache", handler: flush },
    { ...ADMIN, method: "POST", path: "/flush_cache", handler: flush },
    {
      ...ADMIN,
      method: "POST",
      path: "/release_memory_occupation",
      handler: memory("sleep", "ready"),
    },
    {
      ...ADMIN,
      method: "POST",
      path: "/resume_memory_occupation",
      handler: memory("wake", "asleep"),
    },
  ];
}
