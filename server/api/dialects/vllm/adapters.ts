/** vLLM's LoRA calls, and prime-rl's, which loads under one name again and again. */
import type { FastifyReply } from "fastify";
import { invalid } from "../../codec/invalid.ts";
import { sendJson } from "../../http/request.ts";
import { loadAdapter, unloadAdapter } from "../adapters.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";
import { objectBody } from "../openai/token-ask.ts";

export function adapterRoutes(context: DialectContext): DialectRoute[] {
  const post = (path: string, handler: DialectRoute["handler"]): DialectRoute => ({
    method: "POST",
    path,
    scope: "admin",
    touches: "all",
    handler,
  });
  const load = async (given: unknown): Promise<string> => {
    const body = objectBody(given);
    const name = textIn(body, "lora_name");
    await loadAdapter(context, name, textIn(body, "lora_path"));
    return name;
  };
  return [
    post("/load_lora_adapter", async ({ body }, reply) => {
      await load(body);
      return sendJson(reply, JSON.stringify({ status: "ok" }));
    }),
    post("/v1/load_lora_adapter", async ({ body }, reply) =>
      said(reply, `Success: LoRA adapter '${await load(body)}' added successfully.`),
    ),
    post("/v1/unload_lora_adapter", async ({ body }, reply) => {
      const name = textIn(objectBody(body), "lora_name");
      await unloadAdapter(context, name);
      return said(reply, `Success: LoRA adapter '${name}' removed successfully.`);
    }),
  ];
}

function textIn(body: Readonly<Record<string, unknown>>, field: string): string {
  const value = body[field];
  if (typeof value === "string" && value !== "") return value;
  throw invalid(field, "must be text");
}

const said = (reply: FastifyReply, text: string): FastifyReply =>
  reply.code(200).type("text/plain; charset=utf-8").send(text);
