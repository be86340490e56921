/** Pause, abort, cache and sleep of a development server. Arguments travel in the query, bodies hold ids only. */
import { z } from "zod";
import { type FakeCall, FakeError, type FakeRoute } from "../core/fake-server.ts";
import type { VllmState } from "./state.ts";

const PAUSES = ["abort", "wait", "keep"];

const flag = ({ query }: FakeCall, name: string, otherwise: boolean): boolean =>
  query.has(name) ? query.get(name)?.toLowerCase() === "true" : otherwise;

const ids = z.looseObject({ request_ids: z.array(z.string()).nullish() });

/** Its own ids have a suffix that callers do not know. */
const named =
  (wanted: ReadonlySet<string>) =>
  (id: string): boolean =>
    wanted.has(id.slice(0, id.lastIndexOf("#")));

export function controlRoutes(state: VllmState): Readonly<Record<string, FakeRoute>> {
  const { model } = state;
  return {
    "POST /pause": async (call) => {
      const mode = call.query.get("mode") ?? "abort";
      if (!PAUSES.includes(mode)) throw badMode(mode);
      if (mode === "wait") await model.idle();
      model.pause(mode === "abort" ? "abort" : "keep");
      if (flag(call, "clear_cache", true)) {
        model.retract();
        model.flush();
      }
      call.reply.json(200, { status: "paused" });
    },
    "POST /resume": ({ reply }) => {
      model.resume();
      reply.json(200, { status: "resumed" });
    },
    "GET /is_paused": ({ reply }) => reply.json(200, { is_paused: model.paused }),
    "POST /inference/v1/abort_requests": ({ body, reply }) => {
      model.abort(named(new Set(ids.parse(body ?? {}).request_ids ?? [])));
      reply.text(200, "");
    },
    "POST /abort_requests": ({ body, reply }) => {
      const given = ids.parse(body ?? {}).request_ids ?? [];
      const ended = model.abort(given.length === 0 ? undefined : named(new Set(given)));
      // It counts what it was given, not what it ended.
      reply.json(200, { status: "aborted", aborted: given.length === 0 ? ended : given.length });
    },
    "POST /reset_prefix_cache": (call) => {
      if (flag(call, "reset_running_requests", false)) model.retract();
      call.reply.json(200, { success: model.flush() });
    },
    "POST /reset_mm_cache": ({ reply }) => reply.text(200, ""),
    "POST /reset_encoder_cache": ({ reply }) => reply.text(200, ""),
    "POST /sleep": ({ query, reply }) => {
      const level = Number(query.get("level") ?? 1);
      model.pause(query.get("mode") === "keep" ? "keep" : "abort");
      model.retract();
      model.flush();
      state.asleep = new Set(["weights", "kv_cache"]);
      reply.json(200, { status: "sleeping", level });
    },
    "POST /wake_up": ({ query, reply }) => {
      const tags = query.getAll("tags");
      for (const tag of tags.length === 0 ? ["weights", "kv_cache"] : tags)
        state.asleep?.delete(tag);
      if (state.asleep?.size === 0) {
        state.asleep = null;
        model.resume();
      }
      const status = state.asleep === null ? "awake" : "sleeping";
      reply.json(200, { status, tags: tags.length === 0 ? null : tags });
    },
    // Of one that is only paused, too.
    "GET /is_sleeping": ({ reply }) =>
      reply.json(200, { is_sleeping: model.paused || state.asleep !== null }),
  };
}

function badMode(mode: string): FakeError {
  const message =
    "1 validation error:\n  {'type': 'literal_error', 'loc': 'query.mode', 'msg': " +
    `"Input should be 'abort', 'wait' or 'keep'", 'input': '${mode}'}`;
  return new FakeError(400, message, "Bad Request", "query.mode");
}
