/** Whether two requests under one id are the same request (I4). */
import { hash } from "node:crypto";
import type { Asked } from "./job-defaults.ts";

/**
 * SHA-256 (base64url) of what was asked for: the same for both encodings, for any order of fields, and for an
 * absent field and its default. What is left to the job is absent, whatever the job says today. The id is the
 * scope, not the body; a seed that we minted is not the caller's.
 */
export function rolloutBodyHash(rollout: Asked, seedGiven: boolean): string {
  const { id: _, promptTokenIds, sampling, seed, continueFrom, ...rest } = rollout;
  // The decoder builds every object with its fields in one order; only what the caller nests freely
  // comes in any.
  const text = JSON.stringify([
    promptTokenIds.length,
    rest,
    {
      ...sampling,
      seed: seedGiven ? seed : null,
      logitBias: [...sampling.logitBias],
      structured: canonical(sampling.structured),
      engine: canonical(sampling.engine),
    },
    continueFrom === null ? null : continueFrom.spans,
  ]);
  const arrays = [bytes(promptTokenIds)];
  if (continueFrom !== null) {
    arrays.push(bytes(continueFrom.outputTokenIds), bytes(continueFrom.logprobs));
  }
  return hashOf(text, arrays);
}

/** What most bodies fit into; each call writes it anew. */
const scratch = Buffer.alloc(64 * 1024);
/** Of UTF-8, for a UTF-16 unit at most. */
const UTF8_BYTES = 3;

/** One call over one buffer: a hash object costs more than the hashing. */
function hashOf(text: string, arrays: readonly Uint8Array[]): string {
  const most = arrays.reduce((sum, { length }) => sum + length, UTF8_BYTES * text.length);
  const buffer = most <= scratch.length ? scratch : Buffer.allocUnsafe(most);
  let end = buffer.write(text);
  for (const array of arrays) {
    buffer.set(array, end);
    end += array.length;
  }
  return hash("sha256", buffer.subarray(0, end), "base64url");
}

const bytes = (array: Uint32Array | Float32Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** The same value with every object's keys in order. */
function canonical(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(canonical);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, canonical(inner)]));
}
