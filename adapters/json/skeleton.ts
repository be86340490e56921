/**
 * How a text of JSON was written that has been read: bytes that stay, and holes between them where values change from one
 * text to the next, as in the events of a stream. Where the same bytes come again they say the same again, so
 * only what stands in the holes is read.
 */
import { viewUnder } from "./row-reader.ts";

const NOTHING = Buffer.alloc(0);

export class Skeleton {
  /** Fixed parts, one behind the other, and where each ends; there is one more of them than holes. */
  #fixed: Buffer = NOTHING;
  #view: DataView = new DataView(NOTHING.buffer);
  readonly #ends: number[] = [];
  /** What kind of value stands in each hole, in their order. Empty: nothing is known. */
  readonly holes: number[] = [];
  #text: Buffer = NOTHING;
  #textView: DataView = this.#view;
  #from = 0;

  /** A text that begins at `at` is read; `hole` and `end` tell of it. */
  begin(bytes: Buffer, at: number): void {
    this.forget();
    this.#text = bytes;
    this.#from = at;
  }

  hole(kind: number, from: number, to: number): void {
    this.#keep(from);
    this.holes.push(kind);
    this.#from = to;
  }

  end(at: number): void {
    this.#keep(at);
    this.#text = NOTHING;
  }

  forget(): void {
    this.holes.length = 0;
    this.#ends.length = 0;
  }

  /** Where the fixed part before hole `part` ends, if it is written at `at`; else -1. It may reach beyond the text. */
  match(part: number, bytes: Buffer, at: number): number {
    const from = part === 0 ? 0 : (this.#ends[part - 1] as number);
    const to = this.#ends[part] as number;
    const end = at + to - from;
    if (end > bytes.length) return -1;
    const view = viewUnder(bytes, this.#textView);
    this.#textView = view;
    const apart = bytes.byteOffset + at - from;
    let here = from;
    // Equal doubles have equal bits, as in `Literal`.
    for (; here + 8 <= to; here += 8) {
      if (this.#view.getFloat64(here, true) !== view.getFloat64(here + apart, true)) return -1;
    }
    for (; here < to; here++) {
      if (this.#view.getUint8(here) !== view.getUint8(here + apart)) return -1;
    }
    return end;
  }

  #keep(to: number): void {
    const before = this.#ends.at(-1) ?? 0;
    const after = before + Math.max(0, to - this.#from);
    if (after > this.#fixed.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(2 * after, 512));
      this.#fixed.copy(grown, 0, 0, before);
      this.#fixed = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#text.copy(this.#fixed, before, this.#from, to);
    this.#ends.push(after);
  }
}
