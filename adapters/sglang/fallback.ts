/** A chunk as JSON, in whichever manner the engine listed its tokens: all of them, or those that are new. */
import { PacelineError } from "../../server/contract/errors.ts";
import type { IdRows, TopLogprobs } from "../../server/contract/side-data.ts";
import type { Chunk, LabelSpan } from "./chunk.ts";

type Meta = Readonly<Record<string, unknown>>;

export interface FallbackChunk extends Chunk {
  readonly ids: Uint32Array;
  readonly logprobs: Float32Array;
}

/** `made`: tokens that earlier chunks had. Throws `engine_error` or `misaligned`. */
export function fallbackChunk(body: unknown, made: number): FallbackChunk {
  const meta = (body as { meta_info?: unknown } | null)?.meta_info;
  if (typeof meta !== "object" || meta === null) throw broken("a chunk without meta_info");
  const given = meta as Meta;
  const { finish_reason: finish = null } = given;
  if (typeof finish !== "object") throw broken("a finish_reason that is none");
  // An abort before the first token tells of no tokens at all.
  const completionTokens = natural(given, "completion_tokens") ?? 0;
  const listed = newOf(list(given, "output_token_logprobs") ?? [], completionTokens, made);
  const rows = (name: string): unknown[] | null => {
    const all = list(given, name);
    return all === null || listed.length === 0 ? null : newOf(all, completionTokens, made);
  };
  return {
    id: typeof given["id"] === "string" ? given["id"] : "",
    completionTokens,
    cachedTokens: natural(given, "cached_tokens"),
    retractions: natural(given, "num_retractions") ?? 0,
    tokens: listed.length,
    ids: Uint32Array.from(listed, idOf),
    logprobs: Float32Array.from(listed, logprobOf),
    top: topOf(rows("output_top_logprobs")),
    mask: maskOf(rows("output_token_sampling_mask")),
    finish: finish as Meta | null,
    spans: list(given, "weight_versions")?.map(spanOf) ?? null,
  };
}

function newOf(listed: unknown[], completionTokens: number, made: number): unknown[] {
  if (listed.length === completionTokens - made) return listed;
  if (listed.length === completionTokens && made <= completionTokens) return listed.slice(made);
  throw new PacelineError(
    "misaligned",
    `${listed.length} logprobs in a chunk that goes from ${made} to ${completionTokens} tokens`,
  );
}

function idOf(triple: unknown): number {
  const id = Array.isArray(triple) ? triple[1] : undefined;
  if (Number.isInteger(id) && id >= 0 && id <= 0xffff_ffff) return id;
  throw broken("a token without an id");
}

/** NaN where it is none: whoever takes the tokens refuses that (I1). */
function logprobOf(triple: unknown): number {
  const logprob = (triple as unknown[])[0];
  return typeof logprob === "number" ? logprob : Number.NaN;
}

function topOf(rows: unknown[] | null): TopLogprobs | null {
  if (rows === null) return null;
  const entries = rows.map(rowOf);
  const flat = entries.flat();
  return {
    offsets: offsetsOf(entries),
    ids: Uint32Array.from(flat, idOf),
    logprobs: Float32Array.from(flat, logprobOf),
  };
}

function maskOf(rows: unknown[] | null): IdRows | null {
  if (rows === null) return null;
  const entries = rows.map(rowOf);
  return {
    offsets: offsetsOf(entries),
    ids: Uint32Array.from(entries.flat(), (id) => idOf([0, id])),
  };
}

/** A position without a row is null on the wire; it is refused where rows are wanted. */
const rowOf = (row: unknown): unknown[] => (Array.isArray(row) ? row : []);

function offsetsOf(rows: readonly unknown[][]): Uint32Array {
  const offsets = new Uint32Array(rows.length + 1);
  for (const [index, row] of rows.entries())
    offsets[index + 1] = (offsets[index] as number) + row.length;
  return offsets;
}

/** Throws `engine_error` where it is none. */
export function spanOf(span: unknown): LabelSpan {
  const { version, start, end } = (span ?? {}) as Partial<Record<keyof LabelSpan, unknown>>;
  if (typeof version === "string" && Number.isInteger(start) && Number.isInteger(end)) {
    return { version, start: start as number, end: end as number };
  }
  throw broken("weight_versions that are none");
}

function natural(meta: Meta, name: string): number | null {
  const value = meta[name];
  if (value === undefined || value === null) return null;
  if (Number.isInteger(value) && (value as number) >= 0) return value as number;
  throw broken(`a ${name} that is none`);
}

function list(meta: Meta, name: string): unknown[] | null {
  const value = meta[name];
  if (value === undefined || value === null) return null;
  if (Array.isArray(value)) return value;
  throw broken(`a ${name} that is none`);
}

const broken = (what: string): PacelineError =>
  new PacelineError("engine_error", `the engine broke its protocol: ${what}`);
