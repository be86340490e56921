/**
 * Weight updates in place, by both ways that a server without a GPU has: `collective_rpc reload_weights` and the four
 * phases of a transfer backend that reads files. Neither clears a cache; the label is a call of its own. One that fails
 * leaves the engine broken: `/health` stays 200 and the next generation ends the server.
 */
import { dirname } from "node:path";
import { z } from "zod";
import { FakeError, type FakeRoute } from "../core/fake-server.ts";
import type { VllmState } from "./state.ts";

const rpc = z.looseObject({
  method: z.string(),
  kwargs: z.looseObject({ weights_path: z.string().optional() }).default({}),
});
const init = z.looseObject({ init_info: z.looseObject({}) });
const update = z.looseObject({ update_info: z.looseObject({ path: z.string().optional() }) });
const finish = z.looseObject({ weight_version: z.string().nullish() });
const version = z.looseObject({ new_version: z.string() });

function parsed<T extends z.ZodType>(schema: T, body: unknown): z.infer<T> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const loc = ["body", ...(result.error.issues[0]?.path ?? [])].join(".");
  throw new FakeError(400, `1 validation error:\n  {'loc': '${loc}'}`, "Bad Request", loc);
}

const workerFailed = (what: string): FakeError =>
  new FakeError(
    500,
    `Call to collective_rpc method failed: Worker failed with error '${what}', ` +
      "please check the stack trace above for the root cause",
    "InternalServerError",
  );

export function weightRoutes(state: VllmState): Readonly<Record<string, FakeRoute>> {
  const { model } = state;
  const load = (path: string): void => {
    try {
      model.swap(path);
      state.broken = false;
    } catch (error) {
      state.broken = true;
      throw workerFailed(error instanceof Error ? error.message : String(error));
    }
  };
  return {
    "POST /collective_rpc": ({ body, reply }) => {
      const { method, kwargs } = parsed(rpc, body);
      if (method !== "reload_weights") throw workerFailed(`no method ${method}`);
      // Without a path it reads again what it was started with.
      load(kwargs.weights_path ?? model.directory);
      reply.json(200, { results: [null] });
    },
    "POST /init_weight_transfer_engine": ({ body, reply }) => {
      parsed(init, body);
      state.transfer = "ready";
      reply.json(200, { message: "Weight transfer initialized" });
    },
    "POST /start_weight_update": ({ reply }) => {
      if (state.transfer === "none") throw workerFailed("the transfer engine is not initialized");
      state.transfer = "open";
      reply.json(200, { message: "Weight update started" });
    },
    "POST /update_weights": ({ body, reply }) => {
      const { path } = parsed(update, body).update_info;
      if (state.transfer !== "open" || path === undefined) {
        state.broken = true;
        throw workerFailed("update_weights without start_weight_update, or without a path");
      }
      load(path.endsWith(".safetensors") ? dirname(path) : path);
      reply.json(200, { message: "Weights updated" });
    },
    "POST /finish_weight_update": ({ body, reply }) => {
      const { weight_version: label } = parsed(finish, body ?? {});
      if (state.transfer !== "open") {
        throw workerFailed("finish_weight_update called without a matching start_weight_update.");
      }
      state.transfer = "ready";
      if (label != null) model.relabel(label);
      reply.json(200, { message: "Weight update finished" });
    },
    "POST /update_weight_version": ({ body, reply }) => {
      const { new_version: label } = parsed(version, body);
      model.relabel(label);
      reply.json(200, { success: true, new_version: label });
    },
    "GET /weight_info": ({ reply }) => reply.json(200, { weight_version: model.label }),
  };
}
