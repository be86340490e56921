/**
 * The routed experts of one rollout while they come in. An engine gives all of them at once, at the end of an attempt, so what
 * a lost one gave is dropped. A little stays in memory; what is more, or wanted so, goes to the side store piece by piece.
 */
import { crc32 } from "node:zlib";
import { PacelineError } from "../contract/errors.ts";
import {
  type ExpertsHead,
  type ExpertsWant,
  expertsShape,
  type RoutedExperts,
} from "../contract/routed-experts.ts";
import type { SidePlace } from "./side-place.ts";
import type { SideWriter } from "./side-store.ts";

/** Without a store what exceeds `inlineBytes` fails with `side_data_too_large`. */
export interface ExpertsPlace extends SidePlace {
  readonly promptTokens: number;
}

export class ExpertsRecord {
  readonly want: ExpertsWant;
  readonly #place: ExpertsPlace;
  #head: ExpertsHead | null = null;
  /** Those in memory; empty once there is a writer. */
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;
  #crc32 = 0;
  #writer: SideWriter | null = null;
  #whole: RoutedExperts | null = null;

  constructor(want: ExpertsWant, place: ExpertsPlace) {
    this.want = want;
    this.#place = place;
  }

  head(head: ExpertsHead): void {
    this.#head = head;
  }

  /** The next bytes, with their whole buffer. Null: go on; else when there is room. Throws `side_data_too_large`, `spool_full`. */
  take(bytes: Uint8Array<ArrayBuffer>): Promise<void> | null {
    const { store, inlineBytes, byRef } = this.#place;
    this.#bytes += bytes.length;
    this.#crc32 = crc32(bytes, this.#crc32);
    if (this.#writer !== null) return this.#writer.write(bytes);
    this.#pieces.push(bytes);
    if (this.#bytes <= inlineBytes && !byRef) return null;
    if (store === null) {
      throw tooLarge(`of more than ${inlineBytes} bytes need a spool, and this server has none`);
    }
    this.#writer = store.writer();
    const waits = this.#pieces.map((piece) => this.#writer?.write(piece) ?? null);
    this.#pieces = [];
    return waits.at(-1) ?? null;
  }

  /**
   * The engine has finished, with so many output tokens in all. Throws `misaligned` unless there is exactly one row for each
   * position from the first wanted one on, but for the last token.
   */
  async end(outputTokens: number, source: RoutedExperts["source"]): Promise<void> {
    const { job, promptTokens } = this.#place;
    const head = this.#head;
    if (head === null) throw missing();
    const rows = promptTokens + outputTokens - 1 - this.want.start;
    const shape = expertsShape(head, this.#bytes, rows);
    const held =
      this.#writer === null
        ? { data: joined(this.#pieces, this.#bytes) }
        : { ref: await this.#writer.end(job) };
    this.#whole = {
      ...{ dtype: head.dtype, firstPosition: this.want.start, shape, source, held },
      ...{ bytes: this.#bytes, crc32: this.#crc32 },
    };
    this.#writer = null;
    this.#pieces = [];
  }

  /** Those of a whole rollout; null where it ended without its engine's word. */
  get whole(): RoutedExperts | null {
    return this.#whole;
  }

  /** Nothing of it is wanted: the attempt was lost, or its tokens are withheld. */
  discard(): void {
    this.#writer?.drop();
    if (this.#whole !== null && "ref" in this.#whole.held) {
      this.#place.store?.release(this.#whole.held.ref);
    }
    this.#writer = null;
    this.#whole = null;
    this.#head = null;
    this.#pieces = [];
    this.#bytes = 0;
    this.#crc32 = 0;
  }
}

function joined(pieces: readonly Uint8Array<ArrayBuffer>[], bytes: number): Uint8Array {
  const [only] = pieces;
  // One that is nearly full; else a copy, which keeps no room that it does not need.
  if (pieces.length === 1 && only !== undefined && 2 * bytes > only.buffer.byteLength) return only;
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

const missing = (): PacelineError =>
  new PacelineError("misaligned", "the engine finished without its routed experts", {
    // It has nothing more to make: another one has to make it again.
    details: { doubtful: true },
  });

const tooLarge = (what: string): PacelineError =>
  new PacelineError("side_data_too_large", `routed experts ${what}`, {
    details: { path: "want.routed_experts" },
  });
