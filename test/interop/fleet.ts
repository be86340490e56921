/** A live server with real engines behind it, as tests drive and read it. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { LiveServer } from "../support/live-server.ts";
import { type Distance, distance, replay } from "./attestation/replay.ts";

/** Of bfloat16, nat. Of whoever is further off it is told where. */
export const EXPLAINED = 0.05;

export interface Span {
  readonly version: number;
  /** Of an adapter's. */
  readonly base_version?: number | null;
  readonly start: number;
  readonly end: number;
  readonly kv: "pure" | "mixed" | "unknown";
  readonly attested: string;
}

export interface Result {
  readonly id: string;
  readonly output_token_ids: readonly number[];
  readonly logprobs: readonly number[];
  readonly logprob_mode: string;
  readonly spans: readonly Span[];
  readonly segments: readonly {
    readonly worker: string;
    readonly incarnation: string;
    readonly start: number;
    readonly end: number;
  }[];
  readonly usage: { readonly wasted_tokens: number };
}

/** Throws for whatever is no success. */
export async function bodyOf<T>(
  server: LiveServer,
  method: "GET" | "POST" | "PUT",
  path: string,
  body?: unknown,
): Promise<T> {
  const reply = await server.call<T>(method, path, body);
  assert.ok(reply.status < 300, `${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
  return reply.body;
}

/** The version's number, once it is committed. */
export async function publish(
  server: LiveServer,
  path: string,
  policy = "default",
): Promise<number> {
  const calls = `/v1/policies/${policy}/versions?wait=committed`;
  const { version } = await bodyOf<{ version: number }>(server, "POST", calls, {
    source: { path },
  });
  return version;
}

/** Resolves when each of these rollouts has so many tokens, or has ended with them. */
export async function reached(
  server: LiveServer,
  ids: readonly string[],
  tokens: number,
  job = "default",
): Promise<void> {
  for (const id of ids) {
    for (;;) {
      const path = `/v1/rollouts/${id}?job=${job}`;
      const { body } = await server.call<{
        output_tokens?: number;
        output_token_ids?: readonly number[];
      }>("GET", path);
      // Of one that has ended its Result is told.
      const made = body.output_tokens ?? body.output_token_ids?.length ?? 0;
      if (made >= tokens) break;
      await sleep(20);
    }
  }
}

/**
 * The largest distance, in nats at any token, between what was told and what torch computes under the version that
 * each span names. `modelOf`: its directory.
 */
export async function worstToken(
  python: string,
  results: readonly Result[],
  modelOf: (span: Span) => string | undefined,
  prompt: readonly number[] = [10, 11, 12, 13, 14],
): Promise<number> {
  const told = await replay(
    python,
    results.map(({ output_token_ids: output, spans, segments }) => ({
      prompt,
      output,
      // Each stay computes its context anew, and so does each version where no span says that it is mixed.
      phases: [...new Set([...spans, ...segments].map(({ end }) => end))]
        .sort((a, b) => a - b)
        .map((end) => {
          const span = spans.find((one) => one.start < end && end <= one.end);
          const fresh = span?.kv === "pure";
          const model = span && modelOf(span);
          assert.ok(model, `nobody published what made the tokens up to ${end}`);
          return { model, end, fresh };
        }),
    })),
  );
  const apart = results.map(({ logprobs }, at) => distance(logprobs, told[at]?.raw ?? []));
  const worst = Math.max(...apart.map(({ largest }) => largest));
  for (const [at, { id, spans, segments }] of results.entries()) {
    const { largest, at: token, sum } = apart[at] as Distance;
    if (largest < EXPLAINED) continue;
    console.log(`${id}: ${largest} nat at token ${token}, ${sum} in all`);
    console.log(JSON.stringify({ spans, segments }));
  }
  return worst;
}
