/** The SGLang dialect over scripted rollouts: one job, one port. */
import type { HttpClient } from "../../../../support/http-client.ts";
import {
  type ServeDialectOptions,
  type ServingDialect,
  serveDialect,
} from "../../../../support/serve-dialect.ts";

export interface SglangReply {
  readonly text: string;
  readonly output_ids: readonly number[];
  readonly prompt_token_ids?: readonly number[];
  readonly index?: number;
  readonly meta_info: {
    readonly id: string;
    readonly finish_reason: { readonly type: string; readonly [more: string]: unknown } | null;
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly weight_version: string;
    readonly weight_versions?: readonly { version: string; start: number; end: number }[];
    readonly output_token_logprobs?: readonly (readonly [number, number, string | null])[];
    readonly input_token_logprobs?: readonly (readonly [number | null, number, string | null])[];
    readonly output_top_logprobs?: readonly unknown[][];
    readonly [more: string]: unknown;
  };
}

export interface SglangError {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly code: number;
    readonly paceline: { readonly code: string; readonly details: Record<string, unknown> };
  };
}

export interface SglangMount extends ServingDialect {
  readonly client: HttpClient;
  post(
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): ReturnType<HttpClient["call"]>;
}

export const JOB = "slime";

export async function serveSglang(options: ServeDialectOptions = {}): Promise<SglangMount> {
  const serving = await serveDialect([{ name: "sglang", port: 0, job: JOB }], options);
  const [client] = serving.clients;
  if (client === undefined) throw new Error("no mount");
  return {
    ...serving,
    client,
    post: (path, body = {}, headers = {}) => client.call("POST", path, { body, headers }),
  };
}

/** Chunks of `data: {…}` up to `[DONE]`, which must be last. */
export function chunksOf(text: string): SglangReply[] {
  const lines = text.split("\n\n").filter((block) => block !== "" && !block.startsWith(":"));
  if (lines.pop() !== "data: [DONE]") throw new Error(`no [DONE] at the end of ${text}`);
  return lines.map((line) => JSON.parse(line.replace(/^data: /, "")) as SglangReply);
}
