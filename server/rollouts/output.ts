/**
 * What a rollout has made so far: tokens with their logprobs, and from which worker and version each
 * came. Spans (I2) and segments are kept as ranges while it grows.
 */
import { PacelineError } from "../contract/errors.ts";
import { type HeldVersion, replaceable } from "../contract/policy.ts";
import type {
  Continuation,
  KvAge,
  LogprobMode,
  ResumeKind,
  Segment,
  Span,
} from "../contract/rollout.ts";
import type { SideChunk } from "../contract/side-data.ts";
import type { TokenChunk } from "../contract/tokens.ts";
import type { VersionRun } from "./attempt.ts";
import type { SideRecord } from "./side-record.ts";
import { TokenArrays } from "./token-arrays.ts";

/** Where an attempt runs; the constant part of its segments. */
export interface Stay {
  readonly worker: string;
  readonly slot: number;
  readonly incarnation: string;
  readonly attempt: number;
  readonly logprobMode: LogprobMode;
  readonly dtype: string;
  readonly resume: ResumeKind;
}

type Open<T> = { -readonly [K in keyof T]: T[K] };

/** Room taken at the first token, so that most rollouts never grow; longer ones double. */
const INITIAL_TOKENS = 2048;

export class Output {
  readonly #tokens: TokenArrays;
  #spans: Open<Span>[] = [];
  #segments: Open<Segment>[] = [];

  #continued: Continuation | null;
  readonly #logprobMode: LogprobMode;
  /** `null` where nothing is wanted beside tokens. */
  readonly side: SideRecord | null;

  /** `expected`: output tokens at most, as far as known. */
  constructor(
    continued: Continuation | null,
    logprobMode: LogprobMode,
    expected = INITIAL_TOKENS,
    side: SideRecord | null = null,
  ) {
    this.side = side;
    this.#tokens = new TokenArrays(Math.min(expected, INITIAL_TOKENS));
    this.#continued = continued;
    this.#logprobMode = logprobMode;
    if (continued !== null) this.#begin(continued);
  }

  /** With the tokens of an earlier rollout, whose worker nobody knows. */
  #begin({ outputTokenIds, logprobs, spans }: Continuation): void {
    this.#tokens.append({ ids: outputTokenIds.slice(), logprobs: logprobs.slice() });
    this.#spans = spans.map((span) => ({ ...span }));
    this.#segments.push({
      worker: null,
      slot: 0,
      incarnation: "",
      attempt: 0,
      start: 0,
      end: this.length,
      resume: "none",
      logprobMode: this.#logprobMode,
      numerics: { dtype: "" },
    });
  }

  /** What there is as one chunk a span: a rollout that goes on from tokens tells its readers of them first. */
  *chunks(): Generator<TokenChunk> {
    for (const { start, end, version, kv } of this.#spans) {
      const ids = this.ids.slice(start, end);
      const logprobs = this.logprobs.slice(start, end);
      yield { start, ids, logprobs, version, mixed: kv === "unknown" ? null : kv === "mixed" };
    }
  }

  get length(): number {
    return this.#tokens.length;
  }

  get lastVersion(): number | null {
    return this.#spans.at(-1)?.version ?? null;
  }

  get ids(): Uint32Array {
    return this.#tokens.ids;
  }

  get logprobs(): Float32Array {
    return this.#tokens.logprobs;
  }

  get spans(): readonly Span[] {
    return this.#spans;
  }

  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /** Appends a chunk made under `held`. Throws `engine_error` if it does not go on where we are, `misaligned` for its rows. */
  append(
    chunk: TokenChunk,
    held: HeldVersion,
    stay: Stay,
    attested: Span["attested"],
    side?: SideChunk,
  ): void {
    const { ids, start } = chunk;
    const from = this.length;
    const run = { held, start: from, end: from + ids.length };
    if (start !== from) {
      throw new PacelineError("engine_error", `tokens start at ${start}, expected ${from}`);
    }
    if (ids.length === 0) return;
    if (this.side !== null) this.side.append(ids, side);
    // Amid rows the tokens are a small part of their memory.
    this.#tokens.append(side === undefined ? chunk : copyOf(chunk));
    // Untold, it is of what the attempt was placed on, for as long as nothing else was there.
    const untold = attested === "none" ? "unknown" : "pure";
    this.#cover(run, chunk.mixed === true ? "mixed" : untold, attested, stay);
  }

  /**
   * What the engine tells only at the end of the versions that made its tokens, all of `stay`. Only the version that the
   * attempt was placed on attended to nothing older, and what came once KV was computed anew. How much of its prompt was computed
   * before another than that one made its first token nobody tells. Throws `engine_error` if the runs do not cover them.
   */
  attest(runs: readonly VersionRun[], placed: HeldVersion, stay: Stay): void {
    const from =
      this.#segments.find(({ attempt }) => attempt === stay.attempt)?.start ?? this.length;
    let at = from;
    for (const { start, end } of runs) {
      if (start !== at || end <= start) break;
      at = end;
    }
    if (at !== this.length || (runs.at(-1)?.end ?? at) !== at) {
      const told = runs.map(({ start, end }) => `[${start}, ${end})`).join(" ");
      throw new PacelineError(
        "engine_error",
        `versions of ${told || "nothing"} for tokens [${from}, ${this.length})`,
      );
    }
    this.#uncover(from);
    // No engine tells an adapter's own version: its name says it, which is the coordinator's word.
    const attested = placed.base === undefined ? "engine" : "coordinator";
    for (const [index, run] of runs.entries()) {
      const first = index === 0 && replaceable(run.held).version === replaceable(placed).version;
      const left = index === 0 || run.rebuilt === null ? "unknown" : "mixed";
      this.#cover(run, first || run.rebuilt === true ? "pure" : left, attested, stay);
    }
  }

  /** Throws away what nobody can tell the version of; answers how many tokens that were. */
  dropUnattested(): number {
    const given = this.#continued?.outputTokenIds.length ?? 0;
    const unknown = this.#spans.find(({ attested, end }) => attested === "none" && end > given);
    return unknown === undefined ? 0 : this.#keep(Math.max(unknown.start, given));
  }

  /** Throws away what one attempt made; answers how many tokens that were. */
  dropAttempt({ attempt }: Stay): number {
    const made = this.#segments.find((segment) => segment.attempt === attempt);
    return made === undefined ? 0 : this.#keep(made.start);
  }

  #keep(tokens: number): number {
    const given = this.#continued?.outputTokenIds.length ?? 0;
    const dropped = this.length - tokens;
    this.#tokens.truncate(tokens);
    if (dropped > 0) this.side?.truncate(tokens - given);
    this.#uncover(tokens);
    return dropped;
  }

  #uncover(from: number): void {
    for (const ranges of [this.#spans, this.#segments]) {
      while ((ranges.at(-1)?.start ?? -1) >= from) ranges.pop();
      const last = ranges.at(-1);
      if (last) last.end = Math.min(last.end, from);
    }
  }

  #cover({ held, start, end }: VersionRun, kv: KvAge, attested: Span["attested"], stay: Stay) {
    const newVersion = this.#extendSpan(start, end, held, kv, attested);
    this.#extendSegment(start, end, stay, newVersion);
  }

  /** Throws away everything that was made here: the rollout starts over. Answers how many tokens were lost. */
  clear(): number {
    const made = this.length - (this.#continued?.outputTokenIds.length ?? 0);
    this.#tokens.clear();
    this.#spans = [];
    this.#segments = [];
    if (this.#continued !== null) this.#begin(this.#continued);
    this.side?.clear();
    return made;
  }

  /** Throws away what it went on from, too. */
  forget(): number {
    const tokens = this.length;
    this.#continued = null;
    this.clear();
    return tokens;
  }

  #extendSpan(
    from: number,
    to: number,
    held: HeldVersion,
    kv: KvAge,
    attested: Span["attested"],
  ): boolean {
    const last = this.#spans.at(-1);
    const baseVersion = held.base?.version ?? null;
    const newVersion =
      last !== undefined && (last.version !== held.version || last.baseVersion !== baseVersion);
    if (last && !newVersion && last.kv === kv && last.attested === attested) {
      last.end = to;
      return false;
    }
    const { version, label } = held;
    this.#spans.push({
      version,
      label,
      baseVersion,
      start: from,
      end: to,
      kv,
      attested,
    });
    return newVersion;
  }

  #extendSegment(from: number, to: number, stay: Stay, newVersion: boolean): void {
    const last = this.#segments.at(-1);
    if (last && last.attempt === stay.attempt && !newVersion) {
      last.end = to;
      return;
    }
    const { worker, slot, incarnation, attempt, logprobMode, dtype } = stay;
    // A version change inside one stay starts a segment without any resume.
    const resume = last?.attempt === attempt ? "none" : stay.resume;
    const range = { start: from, end: to };
    this.#segments.push({
      worker,
      slot,
      incarnation,
      attempt,
      ...range,
      resume,
      logprobMode,
      numerics: { dtype },
    });
  }
}

const copyOf = ({ ids, logprobs }: TokenChunk): Pick<TokenChunk, "ids" | "logprobs"> => ({
  ids: ids.slice(),
  logprobs: logprobs.slice(),
});
