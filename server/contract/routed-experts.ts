/**
 * Which experts a mixture model sent each position to: a trainer that replays them computes what the engine computed. One
 * row a position that was run forward, so none for the last sampled token. Hundreds of MB of a long rollout, so it is
 * never walked, and large ones are told by reference.
 */
import { PacelineError } from "./errors.ts";

/** Bytes of one expert's number, which is unsigned but for `int32`, little-endian. */
const WIDTHS = { uint8: 1, uint16: 2, int32: 4 } as const;

export type ExpertsDtype = keyof typeof WIDTHS;

export const EXPERTS_DTYPES = Object.keys(WIDTHS) as readonly ExpertsDtype[];

export interface ExpertsWant {
  /** Position in prompt and output of the first row that is wanted. */
  readonly start: number;
}

/** What an engine tells of them beside their bytes. */
export interface ExpertsHead {
  readonly dtype: ExpertsDtype;
  /** As [layers, experts a token]; null where it does not say how a row is divided. */
  readonly row: readonly number[] | null;
}

export interface RoutedExperts {
  readonly dtype: ExpertsDtype;
  /** Position in prompt and output of the first row. */
  readonly firstPosition: number;
  /** [rows, layers, experts a token], in C order; [rows, experts of all layers] from an engine that does not divide them. */
  readonly shape: readonly number[];
  /** `recomputed`: part of the output was made by an earlier attempt, and its rows by the last one's prefill. */
  readonly source: "sampled" | "recomputed";
  readonly bytes: number;
  readonly crc32: number;
  readonly held: { readonly data: Uint8Array } | { readonly ref: string };
}

/** Throws `misaligned`, and `doubtful` for all that came with them, unless these bytes are `rows` rows. */
export function expertsShape({ dtype, row }: ExpertsHead, bytes: number, rows: number): number[] {
  const width = WIDTHS[dtype];
  const values = row?.reduce((product, length) => product * length, 1) ?? bytes / rows / width;
  if (rows > 0 && Number.isSafeInteger(values) && bytes === rows * values * width) {
    return [rows, ...(row ?? [values])];
  }
  throw new PacelineError("misaligned", `${bytes} bytes of ${dtype} for ${rows} rows of experts`, {
    details: { row, doubtful: true },
  });
}
