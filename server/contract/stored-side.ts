/**
 * Rows of side data that lie in the spool and not in the Result: what `GET /v1/side/{ref}` answers. The bytes are the
 * arrays as they lie in memory, little-endian, one behind the other, with nothing between them:
 *
 *     prompt_logprobs   float32 logprobs[rows]; NaN for the prompt's first token, which nothing comes before
 *     top_logprobs      uint32 offsets[rows + 1], uint32 ids[entries], float32 logprobs[entries]
 *     sampling_mask     uint32 offsets[rows + 1], uint32 ids[entries]
 *
 * Row i is `[offsets[i], offsets[i + 1])` and never empty, so no row is null (I1). Routed experts have a reference of
 * their own (`routed-experts.ts`).
 */
import { PacelineError } from "./errors.ts";
import type { IdRows, PromptLogprobs, TopLogprobs } from "./side-data.ts";

export interface StoredPart {
  readonly ref: string;
  readonly bytes: number;
  /** One an output token; of a prompt, one a token that was scored. */
  readonly rows: number;
  /** Of all rows; of a prompt, as many as rows. */
  readonly entries: number;
}

/** Each null where it lies in the Result, or nobody asked. */
export interface StoredSide {
  readonly prompt: (StoredPart & Pick<PromptLogprobs, "version">) | null;
  readonly top: StoredPart | null;
  readonly mask: StoredPart | null;
}

/** Columns of 4 bytes each, in the order of the bytes: one an offset, and so many an entry. */
const LAYOUTS = {
  prompt: { offsets: false, columns: 1 },
  top: { offsets: true, columns: 2 },
  mask: { offsets: true, columns: 1 },
} as const;

/** A part that goes out, and its arrays in the order of its bytes. */
export interface PartArrays {
  readonly arrays: readonly (Uint32Array | Float32Array)[];
  readonly size: Omit<StoredPart, "ref">;
}

export const promptArrays = ({ logprobs }: PromptLogprobs): PartArrays =>
  arraysOf([logprobs], logprobs.length, logprobs.length);

export const topArrays = ({ offsets, ids, logprobs }: TopLogprobs): PartArrays =>
  arraysOf([offsets, ids, logprobs], offsets.length - 1, ids.length);

export const maskArrays = ({ offsets, ids }: IdRows): PartArrays =>
  arraysOf([offsets, ids], offsets.length - 1, ids.length);

function arraysOf(arrays: PartArrays["arrays"], rows: number, entries: number): PartArrays {
  const bytes = arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return { arrays, size: { bytes, rows, entries } };
}

/** Throws `misaligned` unless it has this many rows, and as many bytes as they and their entries need. */
export function assertStored(
  kind: keyof StoredSide,
  { bytes, rows, entries }: StoredPart,
  tokens: number,
): void {
  const { offsets, columns } = LAYOUTS[kind];
  const words = (offsets ? rows + 1 : 0) + columns * entries;
  const enough = offsets ? entries >= rows : entries === rows;
  if (bytes === 4 * words && enough && rows === tokens) return;
  throw new PacelineError(
    "misaligned",
    `${bytes} bytes of ${kind} for ${rows} rows of ${entries} entries, of ${tokens} tokens`,
  );
}

/** The arrays of what was read back: `bytes` is exactly its part's. */
export function promptFrom(bytes: ArrayBuffer): Float32Array {
  return new Float32Array(bytes);
}

export function maskFrom({ rows, entries }: StoredPart, bytes: ArrayBuffer): IdRows {
  return {
    offsets: new Uint32Array(bytes, 0, rows + 1),
    ids: new Uint32Array(bytes, 4 * (rows + 1), entries),
  };
}

export function topFrom(part: StoredPart, bytes: ArrayBuffer): TopLogprobs {
  const { rows, entries } = part;
  const logprobs = new Float32Array(bytes, 4 * (rows + 1 + entries), entries);
  return { ...maskFrom(part, bytes), logprobs };
}
