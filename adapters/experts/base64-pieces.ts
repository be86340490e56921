/** Base64 that comes bit by bit, decoded into buffers of one size that somebody else takes: the one copy that is made of it. */
import { broken } from "./broken.ts";

export interface PiecesOptions {
  /** Bytes of a buffer. */
  readonly pieceBytes: number;
  /** Most bytes of all. */
  readonly mostBytes: number;
  /** Default: a new one each. */
  readonly buffer?: ((bytes: number) => Uint8Array<ArrayBuffer>) | undefined;
}

export class Base64Pieces {
  readonly #options: PiecesOptions;
  readonly #take: (bytes: Uint8Array<ArrayBuffer>) => void;
  #piece: Uint8Array<ArrayBuffer> | null = null;
  #filled = 0;
  #bytes = 0;
  /** Up to three characters that are no whole group yet. */
  #rest = "";

  /** `take`: told of each piece that is full, and of the last one; it may keep the whole buffer. */
  constructor(options: PiecesOptions, take: (bytes: Uint8Array<ArrayBuffer>) => void) {
    this.#options = options;
    this.#take = take;
  }

  /** Throws `engine_error` for what is no base64, or more than the limit. */
  push(text: Buffer): void {
    const missing = this.#rest === "" ? 0 : 4 - this.#rest.length;
    this.#rest += text.toString("latin1", 0, missing);
    if (text.length < missing) return;
    if (missing > 0) this.#decode(this.#rest);
    // Joined strings would be copied once more before they are decoded.
    const end = text.length - ((text.length - missing) % 4);
    this.#decode(text.toString("latin1", missing, end));
    this.#rest = text.toString("latin1", end);
  }

  /** The text is whole. Throws `engine_error`. */
  end(): void {
    if (this.#rest !== "") throw broken("base64 that is cut off");
    this.#hand();
  }

  #decode(text: string): void {
    let at = 0;
    while (at < text.length) {
      const piece = this.#room();
      const { read, written } = decodeInto(piece.subarray(this.#filled), text, at);
      at += read;
      this.#filled += written;
      this.#bytes += written;
      if (this.#bytes > this.#options.mostBytes) {
        throw broken(`more than ${this.#options.mostBytes} bytes`);
      }
      if (read === 0 && this.#filled === 0) throw broken("base64 that is none");
      if (at < text.length) this.#hand();
    }
  }

  #room(): Uint8Array<ArrayBuffer> {
    const { pieceBytes, buffer } = this.#options;
    this.#piece ??= buffer?.(pieceBytes) ?? new Uint8Array(pieceBytes);
    return this.#piece;
  }

  #hand(): void {
    const piece = this.#piece;
    if (piece === null || this.#filled === 0) return;
    this.#piece = null;
    const filled = piece.subarray(0, this.#filled);
    this.#filled = 0;
    this.#take(filled);
  }
}

/** As much of `text` from `at` on as there is room for; characters read, bytes written. */
function decodeInto(room: Uint8Array, text: string, at: number) {
  try {
    return room.setFromBase64(at === 0 ? text : text.slice(at), { lastChunkHandling: "strict" });
  } catch (cause) {
    throw broken("base64 that is none", cause);
  }
}
