/**
 * One event of `/generate`'s stream, from bytes to typed arrays. Two manners of SGLang servers: with
 * `--incremental-streaming-output` a chunk holds what is new; without it a chunk repeats everything since the
 * first token, which is then compared as bytes and skipped. Whatever is not as expected goes through `JSON.parse`.
 */
import { PacelineError } from "../../server/contract/errors.ts";
import type { IdRows, TopLogprobs } from "../../server/contract/side-data.ts";
import { END, JsonCursor } from "../json/cursor.ts";
import { GrowingFloat32, GrowingUint32 } from "../json/growing.ts";
import { Keys } from "../json/keys.ts";
import { KnownPrefix } from "../json/known-prefix.ts";
import type { RowReader } from "../json/row-reader.ts";
import { Skeleton } from "../json/skeleton.ts";
import { skipValue } from "../json/skip.ts";
import { errorFromBody } from "./errors.ts";
import { fallbackChunk, spanOf } from "./fallback.ts";
import { LogprobPairs } from "./logprob-pairs.ts";

/** `start` and `end` count this request's own output tokens. */
export interface LabelSpan {
  readonly version: string;
  readonly start: number;
  readonly end: number;
}

export interface Chunk {
  readonly id: string;
  /** Output tokens so far. */
  readonly completionTokens: number;
  /** Null where the engine does not tell: a request that never ran. */
  readonly cachedTokens: number | null;
  /** How often the engine has taken the request's KV away. */
  readonly retractions: number;
  /** How many earlier chunks did not have: the last ones of the reader's. */
  readonly tokens: number;
  readonly top: TopLogprobs | null;
  /** Ids in whatever order the engine has them. */
  readonly mask: IdRows | null;
  /** The engine's own object; null: it goes on. */
  readonly finish: Readonly<Record<string, unknown>> | null;
  /** On the last chunk, of engines that tell. */
  readonly spans: readonly LabelSpan[] | null;
}

const ROOT = new Keys("text", "output_ids", "meta_info", "error");
const TEXT = 0;
const OUTPUT_IDS = 1;
const META_INFO = 2;
const ERROR = 3;

const META = new Keys(
  "id",
  "finish_reason",
  "num_retractions",
  "output_token_logprobs",
  "output_top_logprobs",
  "output_token_sampling_mask",
  "completion_tokens",
  "cached_tokens",
  "weight_versions",
  // Not wanted, but others in each chunk.
  "output_token_logprobs_length",
  "reasoning_tokens",
);

/** What stands in the holes of a chunk's skeleton. */
const SKIPPED = 0;
const PAIRS = 1;
const COUNT = 2;

/** A chunk without a count is none of the usual. */
const UNTOLD = -1;

export class ChunkReader {
  /** Of all chunks' tokens that nobody has taken. */
  readonly ids: GrowingUint32;
  readonly logprobs: GrowingFloat32;
  readonly #cumulative: boolean;
  readonly #cursor = new JsonCursor();
  readonly #pairs: LogprobPairs;
  readonly #skeleton = new Skeleton();
  readonly #top = {
    offsets: new GrowingUint32(),
    ids: new GrowingUint32(),
    logprobs: new GrowingFloat32(),
  };
  readonly #mask = { offsets: new GrowingUint32(), ids: new GrowingUint32() };
  readonly #known = {
    text: new KnownPrefix(),
    outputIds: new KnownPrefix(),
    logprobs: new KnownPrefix(),
    top: new KnownPrefix(),
    mask: new KnownPrefix(),
  };
  #id = "";
  #completionTokens = UNTOLD;
  #cachedTokens: number | null = null;
  #retractions = 0;
  #finish: Chunk["finish"] = null;
  #spans: Chunk["spans"] = null;

  /** `cumulative`: every chunk repeats the ones before it. `room`: tokens that are expected. */
  constructor(cumulative: boolean, room: number) {
    this.#cumulative = cumulative;
    this.ids = new GrowingUint32(room);
    this.logprobs = new GrowingFloat32(room);
    this.#pairs = new LogprobPairs(this.ids, this.logprobs);
  }

  /**
   * `made`: tokens that earlier chunks had. Throws the engine's own error, `engine_error`, `misaligned`; what it has added to
   * `ids` and `logprobs` by then is void.
   */
  read(bytes: Buffer, start: number, end: number, made: number): Chunk {
    const before = this.ids.length;
    if (this.#fill(bytes, start, end) && this.#isAligned(before, made)) return this.#chunk(before);
    this.rewind(before);
    this.#begin();
    this.#skeleton.begin(bytes, start);
    if (this.#walk(bytes, start, end) && this.#isAligned(before, made)) {
      if (this.#comesAgain()) this.#skeleton.end(end);
      else this.#skeleton.forget();
      return this.#chunk(before);
    }
    this.#forget(before);
    const text = bytes.toString("utf8", start, end);
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch (cause) {
      throw new PacelineError("engine_error", "a chunk of the engine's is no JSON", {
        details: { excerpt: text.slice(0, 200) },
        cause,
      });
    }
    const { error } = (body ?? {}) as { error?: unknown };
    if (error !== undefined && error !== null) throw errorFromBody(error);
    const { ids, logprobs, ...chunk } = fallbackChunk(body, made);
    for (const id of ids) this.ids.push(id);
    for (const logprob of logprobs) this.logprobs.push(logprob);
    return chunk;
  }

  /** Forgets the tokens behind the first `length`. */
  rewind(length: number): void {
    this.ids.rewind(length);
    this.logprobs.rewind(length);
  }

  /** A chunk written like the one before it: what that one told beside its tokens, this one tells too. */
  #fill(bytes: Buffer, start: number, end: number): boolean {
    const skeleton = this.#skeleton;
    const { holes } = skeleton;
    if (holes.length === 0) return false;
    let at = skeleton.match(0, bytes, start);
    for (let part = 0; part < holes.length && at !== -1; ) {
      at = this.#hole(holes[part] as number, bytes, at, end);
      if (at !== -1) at = skeleton.match(++part, bytes, at);
    }
    return at === end;
  }

  /** Where it ends; -1: it holds nothing of its kind. */
  #hole(kind: number, bytes: Buffer, at: number, end: number): number {
    if (kind === PAIRS) return this.#pairs.read(bytes, at, true);
    if (kind === SKIPPED) return skipValue(bytes, at, end);
    this.#cursor.reset(bytes, at, end);
    this.#completionTokens = this.#cursor.uint32();
    return this.#cursor.at === 0 ? -1 : this.#cursor.at;
  }

  /** The next chunk may tell the same: this is not the last, and has no rows. */
  #comesAgain(): boolean {
    const rows = this.#top.offsets.length + this.#mask.offsets.length;
    return !this.#cumulative && this.#finish === null && this.#spans === null && rows === 0;
  }

  /** What a chunk does not tell, no earlier one tells for it. */
  #begin(): void {
    this.#id = "";
    this.#completionTokens = UNTOLD;
    this.#cachedTokens = null;
    this.#retractions = 0;
    this.#finish = null;
    this.#spans = null;
  }

  /** As many ids as it says that it has more of, and a row for each where it has any. */
  #isAligned(before: number, made: number): boolean {
    const length = this.ids.length - before;
    const fits = (rows: number): boolean => rows === 0 || rows === length;
    return (
      length === this.#completionTokens - made &&
      fits(this.#top.offsets.length) &&
      fits(this.#mask.offsets.length)
    );
  }

  #walk(bytes: Buffer, start: number, end: number): boolean {
    const cursor = this.#cursor;
    cursor.reset(bytes, start, end);
    if (!cursor.enterObject()) return false;
    for (let key = cursor.key(ROOT); key !== END; key = cursor.key(ROOT)) {
      if (key === META_INFO) this.#meta();
      else if (key === ERROR) cursor.surprise();
      else if (key === TEXT && this.#cumulative) cursor.skipStringAfter(this.#known.text);
      else if (key === OUTPUT_IDS && this.#cumulative) this.#skipOutputIds();
      else if (key === TEXT || key === OUTPUT_IDS) this.#skipped();
      else cursor.skip();
    }
    return cursor.finish();
  }

  #meta(): void {
    const cursor = this.#cursor;
    if (!cursor.enterObject()) return;
    for (let key = cursor.key(META); key !== END; key = cursor.key(META)) this.#field(key);
  }

  #field(key: number): void {
    const cursor = this.#cursor;
    switch (key) {
      case 0:
        this.#id = cursor.string();
        break;
      case 1:
        this.#finish = this.#objectOrNull();
        break;
      case 2:
        this.#retractions = cursor.uint32();
        break;
      case 3:
        this.#list(this.#known.logprobs, () => this.#triple(this.ids, this.logprobs), this.#pairs);
        break;
      case 4:
        this.#list(this.#known.top, () => this.#topRow());
        break;
      case 5:
        this.#list(this.#known.mask, () => this.#maskRow());
        break;
      case 6:
        this.#counted();
        break;
      case 7:
        this.#cachedTokens = cursor.uint32();
        break;
      case 8:
        this.#spans = this.#spansOrNull();
        break;
      case 9:
      case 10:
        this.#skipped();
        break;
      default:
        cursor.skip();
    }
  }

  #skipped(): void {
    const from = this.#cursor.at;
    this.#cursor.skip();
    this.#skeleton.hole(SKIPPED, from, this.#cursor.at);
  }

  #counted(): void {
    const from = this.#cursor.at;
    this.#completionTokens = this.#cursor.uint32();
    this.#skeleton.hole(COUNT, from, this.#cursor.at);
  }

  #objectOrNull(): Chunk["finish"] {
    const value = this.#cursor.value();
    if (isRecord(value) || value === null) return value;
    this.#cursor.surprise();
    return null;
  }

  #spansOrNull(): Chunk["spans"] {
    const value = this.#cursor.value();
    if (Array.isArray(value)) return value.map(spanOf);
    if (value !== null) this.#cursor.surprise();
    return null;
  }

  /** `rows` reads as far as it can, `read` one element each. */
  #list(known: KnownPrefix, read: () => void, rows?: RowReader): void {
    const cursor = this.#cursor;
    if (!(this.#cumulative ? cursor.enterArrayAfter(known) : cursor.enterArray())) return;
    const from = cursor.at;
    if (rows !== undefined) cursor.rows(rows);
    while (cursor.element()) read();
    if (this.#cumulative) cursor.remember(known);
    else if (rows !== undefined) this.#skeleton.hole(PAIRS, from, cursor.at - 1);
  }

  /** `[logprob, id, text or null]` */
  #triple(ids: GrowingUint32, logprobs: GrowingFloat32): void {
    const cursor = this.#cursor;
    if (!cursor.enterArray() || !cursor.element()) return;
    logprobs.push(cursor.float32());
    if (!cursor.element()) return;
    ids.push(cursor.uint32());
    while (cursor.element()) cursor.skip();
  }

  #topRow(): void {
    const cursor = this.#cursor;
    const { offsets, ids, logprobs } = this.#top;
    offsets.push(ids.length);
    if (!cursor.enterArray()) return;
    while (cursor.element()) this.#triple(ids, logprobs);
  }

  #maskRow(): void {
    const { offsets, ids } = this.#mask;
    offsets.push(ids.length);
    this.#cursor.uint32Array(ids);
  }

  #skipOutputIds(): void {
    this.#list(this.#known.outputIds, () => this.#cursor.skip());
  }

  #chunk(before: number): Chunk {
    return {
      id: this.#id,
      completionTokens: this.#completionTokens,
      cachedTokens: this.#cachedTokens,
      retractions: this.#retractions,
      tokens: this.ids.length - before,
      top: this.#takeTop(),
      mask: this.#takeMask(),
      finish: this.#finish,
      spans: this.#spans,
    };
  }

  #takeTop(): TopLogprobs | null {
    const { offsets, ids, logprobs } = this.#top;
    if (offsets.length === 0) return null;
    offsets.push(ids.length);
    return { offsets: offsets.take(), ids: ids.take(), logprobs: logprobs.take() };
  }

  #takeMask(): IdRows | null {
    const { offsets, ids } = this.#mask;
    if (offsets.length === 0) return null;
    offsets.push(ids.length);
    return { offsets: offsets.take(), ids: ids.take() };
  }

  /** Whatever a walk that broke off has left. */
  #forget(before: number): void {
    this.rewind(before);
    this.#skeleton.forget();
    for (const rows of [...Object.values(this.#top), ...Object.values(this.#mask)]) rows.rewind(0);
    for (const known of Object.values(this.#known)) known.forget();
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;
