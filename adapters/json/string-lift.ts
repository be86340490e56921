/**
 * Takes one huge string out of JSON while it comes: whoever reads the JSON sees an empty string in its place, and the string's
 * own bytes go elsewhere piece by piece. So hundreds of MB need never lie together, whatever surrounds them.
 *
 *     … "routed_experts":"AAEC…" …    →    … "routed_experts":"" …
 *
 * The name with its quotes stands nowhere else in what engines write: within a string its quotes would be escaped.
 */
const QUOTE = 34;
const BACKSLASH = 92;
const SPACES = new Set([32, 10, 13, 9]);
/** What stands between the name and the string, spaces apart. */
const OPENING = ':"';

export interface LiftSink {
  /** JSON without the string, good until this returns. */
  json(bytes: Buffer): void;
  /** More of the string, as it is written; good until this returns. */
  string(bytes: Buffer): void;
  /** The string is whole. */
  end(): void;
}

export class StringLift {
  readonly #name: Buffer;
  readonly #sink: LiftSink;
  #state: "looking" | "opening" | "inside" = "looking";
  /** Since the name, without spaces. */
  #seen = "";
  /** The end of what came, where it may be the beginning of the name. */
  #held: Buffer = Buffer.alloc(0);
  #before = 0;

  /** `name`: of the field; ASCII. */
  constructor(name: string, sink: LiftSink) {
    this.#name = Buffer.from(`"${name}"`, "latin1");
    this.#sink = sink;
  }

  /** Amid the string. */
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
      if (this.#seen === OPENING) this.#state = "inside";
      else if (!OPENING.startsWith(this.#seen)) this.#state = "looking";
      // What is none of ours may begin with the name's own quote.
      if (this.#state !== "looking") at += 1;
    }
    this.#json(bytes.subarray(from, at));
    return at;
  }

  #lift(bytes: Buffer, from: number): number {
    const quote = bytes.indexOf(QUOTE, from);
    const to = quote === -1 ? bytes.length : quote;
    if (to > from) this.#sink.string(bytes.subarray(from, to));
    if (quote !== -1) {
      this.#state = "looking";
      this.#sink.end();
    }
    return to;
  }

  #json(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#before = bytes[bytes.length - 1] as number;
    this.#sink.json(bytes);
  }
}
