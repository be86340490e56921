/**
 * Side data that was handed over at once: in memory, and read from there, until the spool has all of it, which is piece by
 * piece. Where the spool fails or is full, it stays in memory: nothing is lost, and nobody waits for a disk.
 */
import { PacelineError } from "../contract/errors.ts";
import type { SpoolRef } from "../spool/record.ts";
import type { Spool } from "../spool/spool.ts";
import { type Content, readPieces, SIDE } from "./side-content.ts";

export interface HeldEnds {
  /** The spool has all of it, or `error` is why it stays in memory. Not told of what was freed before. */
  written(error: PacelineError | null): void;
  /** Once: it is in memory no more. */
  letGo(): void;
}

type Pieces = Pick<Spool, "append" | "release" | "backlog" | "buffer" | "read">;

export class HeldSide implements Content {
  readonly #spool: Pieces;
  readonly #pieceBytes: number;
  readonly #ends: HeldEnds;
  /** Null once the spool has them. */
  #parts: readonly Uint8Array[] | null;
  #pieces: readonly SpoolRef[] = [];
  #freed = false;
  /** In memory for as long as it is wanted. */
  #failed = false;

  /** `parts` are not written to any more. */
  constructor(spool: Pieces, parts: readonly Uint8Array[], pieceBytes: number, ends: HeldEnds) {
    this.#spool = spool;
    this.#parts = parts;
    this.#pieceBytes = pieceBytes;
    this.#ends = ends;
    void this.#write(parts);
  }

  read(from: number, to: number): AsyncGenerator<Buffer> {
    return this.#parts === null
      ? readPieces(this.#spool, this.#pieces, from, to)
      : this.#readParts(this.#parts, from, to);
  }

  free(): void {
    this.#freed = true;
    this.#parts = null;
    this.#release(this.#pieces);
    if (this.#failed) this.#ends.letGo();
  }

  async *#readParts(parts: readonly Uint8Array[], from: number, to: number) {
    yield* slicesOf(parts, from, to, this.#pieceBytes);
  }

  async #write(parts: readonly Uint8Array[]): Promise<void> {
    const pieces: SpoolRef[] = [];
    let error: PacelineError | null = null;
    try {
      for (const slice of slicesOf(parts, 0, Number.POSITIVE_INFINITY, this.#pieceBytes)) {
        const piece = this.#spool.buffer(slice.length).subarray(0, slice.length);
        piece.set(slice);
        pieces.push(await this.#spool.append(piece, SIDE));
        await this.#spool.backlog();
        if (this.#freed) break;
      }
    } catch (thrown) {
      error = PacelineError.from(thrown);
    }
    this.#failed = error !== null && !this.#freed;
    if (this.#failed || this.#freed) this.#release(pieces);
    else {
      this.#pieces = pieces;
      this.#parts = null;
    }
    if (!this.#failed) this.#ends.letGo();
    if (!this.#freed) this.#ends.written(error);
  }

  #release(pieces: readonly SpoolRef[]): void {
    for (const piece of pieces) this.#spool.release(piece);
  }
}

/** `[from, to)` of all parts together, none larger than `most`. */
function* slicesOf(
  parts: readonly Uint8Array[],
  from: number,
  to: number,
  most: number,
): Generator<Buffer> {
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of parts) {
    const part = Buffer.from(buffer, byteOffset, byteLength);
    const end = Math.min(to - at, byteLength);
    for (let next = Math.max(0, from - at); next < end; next += most) {
      yield part.subarray(next, Math.min(next + most, end));
    }
    at += byteLength;
  }
}
