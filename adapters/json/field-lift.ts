/**
 * Takes one huge value out of JSON while it comes: whoever reads the JSON sees an empty one in its place, and what was in it
 * goes elsewhere piece by piece. So hundreds of MB need never lie together, nor be parsed in one go.
 *
 * The name with its quotes stands nowhere else in what engines write: within a string its quotes would be escaped.
 */
const BACKSLASH = 92;
const SPACES = new Set([32, 10, 13, 9]);

export abstract class FieldLift {
  readonly #name: Buffer;
  /** What stands between the name and the value's inside, spaces apart. */
  readonly #opening: string;
  readonly #rest: (bytes: Buffer) => void;
  #state: "looking" | "opening" | "inside" = "looking";
  /** Since the name, without spaces. */
  #seen = "";
  /** The end of what came, where it may be the beginning of the name. */
  #held: Buffer = Buffer.alloc(0);
  #before = 0;

  /** `name`: of the field; ASCII. `rest`: JSON without the value, good until it returns. */
  protected constructor(name: string, opening: ':"' | ":[", rest: (bytes: Buffer) => void) {
    this.#name = Buffer.from(`"${name}"`, "latin1");
    this.#opening = opening;
    this.#rest = rest;
  }

  /** More of the value, from `from` on: where it ends in `bytes`, or -1. What closes it is no part of it. */
  protected abstract take(bytes: Buffer, from: number): number;

  /** Amid the value. */
  get inside(): boolean {
    return this.#state === "inside";
  }

  push(piece: Uint8Array): void {
    const own = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const bytes = this.#held.length === 0 ? own : Buffer.concat([this.#held, own]);
    this.#held = Buffer.alloc(0);
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "looking") at = this.#look(bytes, at);
      else if (this.#state === "opening") at = this.#open(bytes, at);
      else at = this.#lift(bytes, at);
    }
  }

  /** Nothing more comes. */
  end(): void {
    this.#json(this.#held);
    this.#held = Buffer.alloc(0);
  }

  #look(bytes: Buffer, from: number): number {
    const found = bytes.indexOf(this.#name, from);
    const to = found === -1 ? bytes.length - this.#beginning(bytes, from) : found;
    this.#json(bytes.subarray(from, to));
    if (found === -1) {
      // A socket's bytes are good for this call alone.
      this.#held = Buffer.from(bytes.subarray(to));
      return bytes.length;
    }
    const escaped = this.#before === BACKSLASH;
    const after = found + this.#name.length;
    this.#json(bytes.subarray(found, after));
    this.#seen = "";
    this.#state = escaped ? "looking" : "opening";
    return after;
  }

  /** Bytes at the end that the name may begin with. */
  #beginning(bytes: Buffer, from: number): number {
    const most = Math.min(this.#name.length - 1, bytes.length - from);
    for (let length = most; length > 0; length--) {
      if (bytes.compare(this.#name, 0, length, bytes.length - length) === 0) return length;
    }
    return 0;
  }

  #open(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length && this.#state === "opening") {
      const byte = bytes[at] as number;
      if (!SPACES.has(byte)) this.#seen += String.fromCharCode(byte);
      if (this.#seen === this.#opening) this.#state = "inside";
      else if (!this.#opening.startsWith(this.#seen)) this.#state = "looking";
      // What is none of ours may begin with the name's own quote.
      if (this.#state !== "looking") at += 1;
    }
    this.#json(bytes.subarray(from, at));
    return at;
  }

  #lift(bytes: Buffer, from: number): number {
    const end = this.take(bytes, from);
    if (end === -1) return bytes.length;
    this.#state = "looking";
    return end;
  }

  #json(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#before = bytes[bytes.length - 1] as number;
    this.#rest(bytes);
  }
}
