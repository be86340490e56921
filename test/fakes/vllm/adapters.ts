/** LoRA adapters by name, with `VLLM_ALLOW_RUNTIME_LORA_UPDATING`. */
import { existsSync } from "node:fs";
import { z } from "zod";
import { FakeError, type FakeRoute } from "../core/fake-server.ts";
import type { VllmState } from "./state.ts";

const load = z.looseObject({
  lora_name: z.string().min(1),
  lora_path: z.string().min(1),
  load_inplace: z.boolean().default(false),
});
const unload = z.looseObject({ lora_name: z.string().min(1) });

export function adapterRoutes({
  model,
  options,
  lateLoras,
}: VllmState): Readonly<Record<string, FakeRoute>> {
  return {
    "POST /v1/load_lora_adapter": ({ body, reply }) => {
      const { lora_name: name, lora_path: path, load_inplace: inPlace } = load.parse(body);
      if (model.adapters.has(name) && !inPlace) {
        const message =
          `The lora adapter '${name}' has already been loaded. If you want to load the adapter in place, ` +
          "set 'load_inplace' to True.";
        throw new FakeError(400, message, "InvalidUserInput");
      }
      try {
        model.loadAdapter(name, path);
      } catch {
        if (options.lateLoras && existsSync(path)) {
          lateLoras.add(name);
          reply.text(200, `Success: LoRA adapter '${name}' added successfully.`);
          return;
        }
        const message = `Loading lora ${name} failed: No adapter found for ${path}`;
        throw new FakeError(404, message, "NotFoundError");
      }
      reply.text(200, `Success: LoRA adapter '${name}' added successfully.`);
    },
    "POST /v1/unload_lora_adapter": ({ body, reply }) => {
      const { lora_name: name } = unload.parse(body);
      if (!model.unloadAdapter(name) && !lateLoras.delete(name)) {
        throw new FakeError(404, `The lora adapter '${name}' cannot be found.`, "NotFoundError");
      }
      reply.text(200, `Success: LoRA adapter '${name}' removed successfully.`);
    },
  };
}
