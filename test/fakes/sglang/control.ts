/** Pause, abort, cache and memory. */
import { z } from "zod";
import { FakeError, type FakeRoute } from "../core/fake-server.ts";
import type { SglangState } from "./state.ts";

const pause = z.looseObject({ mode: z.enum(["abort", "retract", "in_place"]).default("abort") });
const abort = z.looseObject({ rid: z.string().default(""), abort_all: z.boolean().default(false) });
const tags = z.looseObject({ tags: z.array(z.string()).nullish() });

const FLUSHED =
  "Cache flushed.\nPlease check backend logs for more details. " +
  "(When there are running or waiting requests, the operation will not be performed.)\n";

export function controlRoutes(state: SglangState): Readonly<Record<string, FakeRoute>> {
  const { model, options, held } = state;
  const flush: FakeRoute = async ({ query, reply }) => {
    // With a timeout it waits until nothing runs; while paused that never comes.
    if (Number(query.get("timeout") ?? 0) > 0 && !model.paused) await model.idle();
    if (model.flush()) reply.text(200, FLUSHED);
    else reply.text(400, "Flush cache failed.\n");
  };
  return {
    "POST /pause_generation": ({ body, reply }) => {
      const parsed = pause.safeParse(body ?? {});
      if (!parsed.success) {
        reply.json(400, {
          object: "error",
          message: `2 validation errors:\n  ${parsed.error.message}`,
          type: "Bad Request",
          param: null,
          code: 400,
        });
        return;
      }
      const { mode } = parsed.data;
      model.pause(mode === "in_place" ? "keep" : mode);
      reply.json(200, { message: "Generation paused successfully.", status: "ok" });
    },
    "POST /continue_generation": ({ reply }) => {
      model.resume();
      for (const go of held) go();
      held.clear();
      reply.json(200, { message: "Generation continued successfully.", status: "ok" });
    },
    "POST /abort_request": ({ body, reply }) => {
      const { rid, abort_all: all } = abort.parse(body ?? {});
      // By prefix: "r-1" ends "r-17" too.
      if (all) model.abort();
      else if (rid !== "") model.abort((id) => id.startsWith(rid));
      reply.text(200, "");
    },
    "GET /flush_cache": flush,
    "POST /flush_cache": flush,
    "POST /release_memory_occupation": ({ body, reply }) => {
      if (!options.memorySaver) {
        state.exit();
        return;
      }
      if (model.requests > 0)
        throw new FakeError(400, "release_memory_occupation needs an idle engine");
      for (const tag of tags.parse(body ?? {}).tags ?? ["kv_cache", "weights"])
        state.released.add(tag);
      model.flush();
      reply.json(200, null);
    },
    "POST /resume_memory_occupation": ({ body, reply }) => {
      if (!options.memorySaver) {
        state.exit();
        return;
      }
      const given = tags.parse(body ?? {}).tags ?? ["kv_cache", "weights"];
      for (const tag of given) state.released.delete(tag);
      reply.json(200, null);
    },
  };
}
