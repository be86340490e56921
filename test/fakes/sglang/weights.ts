/** Weight updates from disk, labels, adapters and checksums. A failed update leaves the old weights in service. */
import { z } from "zod";
import type { FakeRoute } from "../core/fake-server.ts";
import type { SglangState } from "./state.ts";

const disk = z.looseObject({
  model_path: z.string(),
  weight_version: z.string().nullish(),
  flush_cache: z.boolean().default(true),
  abort_all_requests: z.boolean().default(false),
});
const label = z.looseObject({
  new_version: z.string(),
  // Its default ends everything that runs.
  abort_all_requests: z.boolean().default(true),
});
const adapter = z.looseObject({ lora_name: z.string(), lora_path: z.string().optional() });

const group = z.looseObject({ group_name: z.string(), world_size: z.number().optional() });
const broadcast = z.looseObject({
  names: z.array(z.string()),
  group_name: z.string(),
  weight_version: z.string().nullish(),
  flush_cache: z.boolean().default(true),
});

const NOT_FLUSHED =
  "Weights were updated, but the cache was not flushed because requests are still running or queued. " +
  "Retract or finish them, then call /flush_cache.";

export function weightRoutes(state: SglangState): Readonly<Record<string, FakeRoute>> {
  const { model, options } = state;
  const updated = (success: boolean, message: string) => ({
    success,
    message,
    num_paused_requests: 0,
  });
  return {
    "POST /update_weights_from_disk": async ({ body, reply }) => {
      const asked = disk.parse(body);
      if (asked.abort_all_requests) model.abort();
      // Paused it takes effect at once, else once nothing runs.
      if (!model.paused) await model.idle();
      try {
        model.swap(asked.model_path);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        reply.json(400, updated(false, `Failed to get weights iterator: ${why}.`));
        return;
      }
      state.modelPath = asked.model_path;
      state.servedName = asked.model_path;
      let message = "Succeeded to update model weights.";
      if (asked.weight_version != null) model.relabel(asked.weight_version);
      if (asked.flush_cache && !model.flush()) {
        reply.json(400, updated(false, NOT_FLUSHED));
        return;
      }
      if (asked.weight_version != null) {
        message += ` Weight version updated to ${asked.weight_version}.`;
      }
      reply.json(200, updated(true, message));
    },
    "POST /update_weight_version": ({ body, reply }) => {
      const { new_version: version, abort_all_requests: all } = label.parse(body);
      if (all) model.abort();
      model.relabel(version);
      const message = `Weight version updated to ${version}`;
      reply.json(200, { success: true, message, new_version: version });
    },
    "POST /init_weights_update_group": ({ body, reply }) => {
      const { group_name: name } = group.parse(body);
      state.groups.set(name, body);
      reply.json(200, { success: true, message: "Succeeded to initialize custom process group." });
    },
    "POST /destroy_weights_update_group": ({ body, reply }) => {
      const known = state.groups.delete(group.parse(body).group_name);
      const message = known
        ? "Succeeded to destroy custom process group."
        : "The group is not known.";
      reply.json(known ? 200 : 400, { success: known, message });
    },
    // What the trainer broadcasts is whole in one bucket here: the first name is its directory.
    "POST /update_weights_from_distributed": ({ body, reply }) => {
      const asked = broadcast.parse(body);
      if (!state.groups.has(asked.group_name)) {
        reply.json(400, { success: false, message: `Group ${asked.group_name} not in list.` });
        return;
      }
      model.swap(asked.names[0] ?? "");
      if (asked.weight_version != null) model.relabel(asked.weight_version);
      if (asked.flush_cache && !model.flush()) reply.json(400, updated(false, NOT_FLUSHED));
      else reply.json(200, { success: true, message: "Succeeded to update parameter online." });
    },
    "POST /begin_weight_update": ({ reply }) =>
      reply.json(200, { success: true, message: "Success" }),
    "POST /end_weight_update": ({ reply }) =>
      reply.json(200, { success: true, message: "Success" }),
    "POST /weights_checker": ({ reply }) => {
      if (options.checksums) reply.json(200, checksums(model.digest));
      else reply.json(400, { success: false, message: "Unsupported action: checksum" });
    },
    "POST /load_lora_adapter": ({ body, reply }) => {
      const { lora_name: name, lora_path: path = "" } = adapter.parse(body);
      const answer = (error: string | null) => loraReply(state, error);
      if (!options.lora) {
        const message = "LoRA is not enabled. Please set `--enable-lora` to enable LoRA.";
        reply.json(400, { ...answer(message), loaded_adapters: null });
        return;
      }
      if (model.adapters.has(name)) {
        reply.json(
          400,
          answer(`LoRA with name ${name} already exists. Loaded LoRAs: ${keysOf(state)}`),
        );
        return;
      }
      try {
        model.loadAdapter(name, path);
        reply.json(200, answer(null));
      } catch (error) {
        reply.json(400, answer(error instanceof Error ? error.message : String(error)));
      }
    },
    "POST /unload_lora_adapter": ({ body, reply }) => {
      const { lora_name: name } = adapter.parse(body);
      const known = model.unloadAdapter(name);
      const error = known
        ? null
        : `LoRA with name ${name} does not exist. Loaded LoRAs: ${keysOf(state)}`;
      reply.json(known ? 200 : 400, loraReply(state, error));
    },
  };
}

/** As Python writes them. */
const keysOf = ({ model }: SglangState): string =>
  `dict_keys([${[...model.adapters.keys()].map((name) => `'${name}'`).join(", ")}])`;

const loraReply = ({ model }: SglangState, error: string | null) => ({
  rid: null,
  http_worker_ipc: null,
  success: error === null,
  error_message: error,
  loaded_adapters: Object.fromEntries(model.adapters) as unknown,
});

/** One tensor stands for all: the digest of the whole. */
const checksums = (digest: string): unknown => ({
  success: true,
  message: "Success.",
  ranks: [
    {
      checksums: { "model.embed_tokens.weight": digest.slice(0, 16) },
      per_gpu_checksum: digest,
      parallelism_info: [
        {
          role: "target",
          tp_rank: 0,
          tp_size: 1,
          dp_rank: 0,
          dp_size: 1,
          pp_rank: 0,
          pp_size: 1,
          rank: 0,
          size: 1,
        },
      ],
    },
  ],
  per_engine_checksum: digest,
});
