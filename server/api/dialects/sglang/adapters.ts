/** SGLang's LoRA calls: `{"success", "error_message", "loaded_adapters": {name: path}}`, 400 where it is false. */
import { z } from "zod";
import type { PacelineError } from "../../../contract/errors.ts";
import { check } from "../../codec/invalid.ts";
import { toPacelineError } from "../../http/errors.ts";
import { sendJson } from "../../http/request.ts";
import { adaptersOf, loadAdapter, unloadAdapter } from "../adapters.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";
import { sglangError } from "./errors.ts";

const LOAD = z.looseObject({ lora_name: z.string().min(1), lora_path: z.string().min(1) });
const UNLOAD = z.looseObject({ lora_name: z.string().min(1) });

export function adapterRoutes(context: DialectContext): DialectRoute[] {
  const post = (path: string, run: (body: unknown) => Promise<void>): DialectRoute => ({
    method: "POST",
    path,
    scope: "admin",
    touches: "all",
    async handler(request, reply) {
      let failed: PacelineError | null = null;
      try {
        await run(request.body ?? {});
      } catch (thrown) {
        const error = toPacelineError(thrown);
        if (error.code === "invalid_argument") throw error;
        context.failed(error);
        failed = error;
      }
      const answer = {
        success: failed === null,
        error_message: failed?.message ?? "",
        loaded_adapters: loaded(context),
        ...(failed === null ? {} : (JSON.parse(sglangError(failed, 400).body) as object)),
      };
      return sendJson(reply, JSON.stringify(answer), failed === null ? 200 : 400);
    },
  });
  return [
    post("/load_lora_adapter", (body) => {
      const { lora_name: name, lora_path: path } = check(LOAD, body);
      return loadAdapter(context, name, path);
    }),
    post("/unload_lora_adapter", (body) => unloadAdapter(context, check(UNLOAD, body).lora_name)),
  ];
}

function loaded(context: DialectContext): Readonly<Record<string, string>> {
  const named = adaptersOf(context).flatMap(({ policy, committedVersion }) => {
    if (committedVersion === null) return [];
    const { source } = context.ledger.version(policy, committedVersion);
    return "path" in source ? [[policy, source.path] as const] : [];
  });
  return Object.fromEntries(named);
}
