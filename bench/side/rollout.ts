/** What is relayed, by kind of side data: few tokens of many bytes, or many of their own. */
const digits = (length: number): number[] => Array.from({ length }, (_, at) => 48 + (at % 10));

export const KINDS = ["experts", "top", "scores"] as const;
export type SideKind = (typeof KINDS)[number];

export interface BenchRollout {
  readonly prompt: readonly number[];
  readonly tokens: number;
}

/** Alternatives at each token. */
export const WIDTH = 19;
/** As vLLM writes them: so many bytes a token with its alternatives, and a scored token of the prompt. */
const TOP_BYTES = 1_200;
const SCORE_BYTES = 72;

/** Scores are fewer: 64 MiB would be a prompt of a million tokens, whose own cost would hide theirs. */
export const mebibytesOf = (kind: SideKind, mebibytes: number): number =>
  kind === "scores" ? mebibytes / 8 : mebibytes;

/** Such that the engine's reply is about so large. */
export function rolloutOf(kind: SideKind, mebibytes: number): BenchRollout {
  const bytes = mebibytesOf(kind, mebibytes) * 1024 * 1024;
  if (kind === "experts") return { prompt: digits(64), tokens: 33 };
  if (kind === "top") return { prompt: digits(64), tokens: Math.ceil(bytes / TOP_BYTES) };
  return { prompt: digits(Math.ceil(bytes / SCORE_BYTES)), tokens: 1 };
}
