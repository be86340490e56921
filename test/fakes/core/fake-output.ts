/** What a fake's model has made of one request, pulled by the wire that answers it. */
import type { FinishReason } from "../../../server/contract/rollout.ts";
import type { IdRows, SideChunk, TopLogprobs } from "../../../server/contract/side-data.ts";

/** What JSON can hold where a number belongs; `RawNumber`s and `NAN` come from faults only. */
export type WireNumber = number | null | RawNumber | typeof NAN;

/** Digits that no double holds; `encodeJson` writes them as they are. */
export interface RawNumber {
  readonly rawJSON: string;
}

/** Python's JSON writer says NaN as it is, which no parser of JSON takes. */
export const NAN = "@@NaN@@";

/** Half-open over output tokens, as both vLLM and SGLang tell them. */
export interface LabelSpan {
  readonly version: string;
  readonly start: number;
  readonly end: number;
}

export interface FakeTokens {
  readonly type: "tokens";
  readonly ids: readonly WireNumber[];
  readonly logprobs: readonly WireNumber[];
  /** Most likely first, one row a token; `null` where nobody asked. */
  readonly top: readonly (readonly (readonly [id: number, logprob: number])[])[] | null;
  readonly mask: readonly (readonly number[])[] | null;
  readonly label: string;
  /** KV of older weights was attended to: no real engine tells. */
  readonly mixed: boolean;
  /** Output tokens in all, these included. */
  readonly made: number;
  /** Times that its KV had been taken away when they were made. */
  readonly retractions: number;
  /** The finish comes with them: a wire that tells both in one chunk need not wait. */
  readonly last: boolean;
}

export interface FakeFinish {
  readonly type: "finished";
  readonly reason: FinishReason;
  readonly spans: readonly LabelSpan[];
  readonly label: string | null;
  readonly made: number;
  readonly cachedTokens: number;
  readonly retractions: number;
}

export type FakePart =
  | { readonly type: "started"; readonly cachedTokens: number }
  | {
      readonly type: "prompt";
      readonly start: number;
      /** NaN for the prompt's first token. */
      readonly logprobs: Float32Array;
      readonly label: string;
    }
  | FakeTokens
  | FakeFinish;

interface Made {
  readonly ids: Uint32Array;
  readonly logprobs: Float32Array;
  readonly side: SideChunk | null;
  readonly mixed: boolean;
}

export class FakeOutput implements AsyncIterableIterator<FakePart> {
  readonly #parts: FakePart[] = [];
  readonly #left: () => void;
  readonly #spans: LabelSpan[] = [];
  #made: number;
  readonly #from: number;
  #cachedTokens = 0;
  #retractions = 0;
  #ended = false;
  #error: Error | null = null;
  #waiting: (() => void) | null = null;

  /** `left` is called when the reader goes before the end. */
  constructor(from: number, left: () => void) {
    this.#from = from;
    this.#made = from;
    this.#left = left;
  }

  started(cachedTokens: number): void {
    this.#cachedTokens = cachedTokens;
    this.#push({ type: "started", cachedTokens });
  }

  prompt(start: number, logprobs: Float32Array, label: string): void {
    this.#push({ type: "prompt", start, logprobs, label });
  }

  tokens({ ids, logprobs, side, mixed }: Made, label: string, last: boolean): void {
    const start = this.#made - this.#from;
    this.#made += ids.length;
    const end = this.#made - this.#from;
    const before = this.#spans.at(-1);
    if (before?.version === label) this.#spans[this.#spans.length - 1] = { ...before, end };
    else this.#spans.push({ version: label, start, end });
    this.#push({
      type: "tokens",
      ids: [...ids],
      logprobs: [...logprobs],
      top: side?.top ? topRows(side.top) : null,
      mask: side?.mask ? idRows(side.mask) : null,
      label,
      mixed,
      retractions: this.#retractions,
      made: end,
      last,
    });
  }

  /** One that waits has nothing to give up. */
  retracted(): void {
    if (this.#made > this.#from) this.#retractions += 1;
  }

  finish(reason: FinishReason): void {
    this.#push({
      type: "finished",
      reason,
      spans: [...this.#spans],
      label: this.#spans.at(-1)?.version ?? null,
      made: this.#made - this.#from,
      cachedTokens: this.#cachedTokens,
      retractions: this.#retractions,
    });
    this.#end();
  }

  fail(error: Error): void {
    this.#error = error;
    this.#end();
  }

  #push(part: FakePart): void {
    this.#parts.push(part);
    this.#waiting?.();
  }

  #end(): void {
    this.#ended = true;
    this.#waiting?.();
  }

  async next(): Promise<IteratorResult<FakePart, undefined>> {
    for (;;) {
      const part = this.#parts.shift();
      if (part !== undefined) return { value: part, done: false };
      if (this.#error !== null) throw this.#error;
      if (this.#ended) return { value: undefined, done: true };
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
      this.#waiting = null;
    }
  }

  async return(): Promise<IteratorResult<FakePart, undefined>> {
    if (!this.#ended) this.#left();
    this.#end();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const idRows = ({ offsets, ids }: IdRows): number[][] =>
  Array.from(offsets.subarray(1), (end, row) => [...ids.subarray(offsets[row], end)]);

const topRows = (top: TopLogprobs): [number, number][][] =>
  idRows(top).map((ids, row) =>
    ids.map((id, at) => [id, top.logprobs[(top.offsets[row] as number) + at] as number]),
  );
