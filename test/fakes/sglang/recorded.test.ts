/** The fake's answers have the shapes and statuses that `test/interop/record-sglang.ts` recorded of the real one. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { call, eventsOf, type Json } from "../core/call.ts";
import { assertShape } from "../core/shape.ts";
import { type FakeSglang, startFakeSglang } from "./fake-sglang.ts";

interface Exchange {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>> | null;
  readonly status: number;
  readonly contentType: string;
  readonly reply: unknown;
}

const recording = JSON.parse(
  readFileSync(new URL("../../recordings/sglang-0.5.23.json", import.meta.url), "utf8"),
) as { readonly version: string; readonly exchanges: readonly Exchange[] };

/** Told only where metrics are on: moments of this one request; and what is by the model's tensors. */
const OWN = new Set([
  "checksums",
  "storage_prefetch_wait",
  "storage_staging_wait",
  "forward_entry_time",
  "prefill_finished_time",
  "queue_time",
  "request_received_ts",
  "first_token_latency",
  "api_server_dispatch_finish_ts",
  "response_sent_to_client_ts",
  "request_finished_ts",
  "decode_throughput",
]);

/** What the fake answers, and the real one's model and files have no part in. */
const COMPARED = new Set([
  "health",
  "ready",
  "models",
  "unary",
  "unary, alternatives",
  "unary, prompt logprobs",
  "unary, sampling mask",
  "stream",
  "stop id",
  "stop id, EOS ignored",
  "no tokens",
  "too long",
  "beyond the context",
  "bias out of vocabulary",
  "unknown field",
  "negative temperature",
  "abort of nobody",
  "flush",
  "pause",
  "pause again",
  "ready then",
  "bad mode",
  "resume",
  "resume again",
  "label alone",
  "checksums",
]);

const withoutOwn = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutOwn);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !OWN.has(key))
      .map(([key, inner]) => [key, withoutOwn(inner)]),
  );
};

/** A long prompt is recorded as its length. */
const askedOf = (body: Exchange["body"]): Json => {
  const [, tokens, id] = /^(\d+) × (\d+)$/.exec(String(body?.["input_ids"])) ?? [];
  if (tokens === undefined) return (body ?? undefined) as Json;
  return { ...body, input_ids: new Array(Number(tokens)).fill(Number(id)) } as Json;
};

describe(`fake SGLang against the recording of ${recording.version}`, () => {
  let fake: FakeSglang;
  before(async () => {
    fake = await startFakeSglang({ incremental: true });
  });
  after(() => fake.close());

  for (const one of recording.exchanges.filter(({ name }) => COMPARED.has(name))) {
    test(one.name, async () => {
      const route = `${one.method} ${one.path}`;
      const { status, text, json } = await call(fake.url, route, askedOf(one.body));
      assert.equal(status, one.status);
      if (typeof one.reply === "string") return;
      const isStream = one.contentType.startsWith("text/event-stream");
      const reply = isStream ? eventsOf(text).at(-1) : json;
      const recorded = isStream ? (one.reply as unknown[]).at(-2) : one.reply;
      assertShape(withoutOwn(reply), withoutOwn(recorded));
    });
  }
});
