/** Rows of side data that grow with the tokens they belong to. */
import type { IdRows, SideChunk, TopLogprobs } from "./side-data.ts";

/** A typed array that grows by doubling. */
class Growing<A extends Uint32Array | Float32Array> {
  readonly #make: (length: number) => A;
  #array: A;
  #length = 0;

  constructor(make: (length: number) => A, room: number) {
    this.#make = make;
    this.#array = make(room);
  }

  get length(): number {
    return this.#length;
  }

  /** A view of what there is. */
  get values(): A {
    return this.#array.subarray(0, this.#length) as A;
  }

  /** `shift` is added to each. */
  append(values: A, shift = 0): void {
    const from = this.#length;
    this.#length += values.length;
    if (this.#length > this.#array.length) {
      const bigger = this.#make(Math.max(this.#length, 2 * this.#array.length));
      bigger.set(this.#array);
      this.#array = bigger;
    }
    this.#array.set(values, from);
    if (shift === 0) return;
    for (let i = from; i < this.#length; i++) this.#array[i] = (this.#array[i] as number) + shift;
  }

  clear(to: number): void {
    this.#length = to;
  }
}

const FIRST_ROOM = 64;
const words = (): Growing<Uint32Array> => new Growing((n) => new Uint32Array(n), FIRST_ROOM);

class GrowingRows {
  readonly offsets = words();
  readonly ids = words();

  constructor() {
    this.offsets.append(Uint32Array.of(0));
  }

  append({ offsets, ids }: IdRows): void {
    this.offsets.append(offsets.subarray(1), this.ids.length);
    this.ids.append(ids);
  }

  clear(): void {
    this.offsets.clear(1);
    this.ids.clear(0);
  }
}

/** Of what is wanted, and of nothing else. */
export class SideBuffer {
  readonly #top: GrowingRows | null;
  readonly #logprobs = new Growing<Float32Array>((n) => new Float32Array(n), FIRST_ROOM);
  readonly #mask: GrowingRows | null;

  constructor(want: { readonly topLogprobs: number; readonly samplingMask: boolean }) {
    this.#top = want.topLogprobs > 0 ? new GrowingRows() : null;
    this.#mask = want.samplingMask ? new GrowingRows() : null;
  }

  get maskIds(): number {
    return this.#mask?.ids.length ?? 0;
  }

  /** All of its ids, logprobs and offsets. */
  get bytes(): number {
    const top = this.#top === null ? 0 : 2 * this.#top.ids.length + this.#top.offsets.length;
    const mask = this.#mask === null ? 0 : this.#mask.ids.length + this.#mask.offsets.length;
    return 4 * (top + mask);
  }

  /** Rows that were checked. */
  append({ top, mask }: SideChunk): void {
    if (top !== null) {
      this.#top?.append(top);
      this.#logprobs.append(top.logprobs);
    }
    if (mask !== null) this.#mask?.append(mask);
  }

  /** Views, valid until the next change. */
  get rows(): SideChunk {
    const view = (rows: GrowingRows): IdRows => ({
      offsets: rows.offsets.values,
      ids: rows.ids.values,
    });
    const top: TopLogprobs | null =
      this.#top === null ? null : { ...view(this.#top), logprobs: this.#logprobs.values };
    return { top, mask: this.#mask === null ? null : view(this.#mask) };
  }

  clear(): void {
    this.#top?.clear();
    this.#logprobs.clear(0);
    this.#mask?.clear();
  }
}
