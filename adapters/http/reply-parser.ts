/**
 * One HTTP/1.1 reply, from bytes in whatever pieces the socket gives (RFC 9112). Bodies: chunked, of a given
 * length, or until the connection ends. Interim replies and trailers are read over. Strict where engines have
 * no reason to differ: no line folding, no compression (we ask for none), no two lengths.
 */
import { PacelineError } from "../../server/contract/errors.ts";

const CR = 13;
const LF = 10;
const ZERO = 48;
const SEMICOLON = 59;
const LOWER_A = 97;

/** What the next byte belongs to. */
type Part =
  | "head"
  | "size"
  | "extension"
  | "data"
  | "after-data"
  | "trailers"
  | "sized"
  | "endless";

/** Status line and headers of a reply. */
export interface ReplyHead {
  /** 0 until the head has been read. */
  readonly status: number;
  /** A header's value, trimmed; the first of several. `name` in lower case. */
  header(name: string): string | null;
}

export class ReplyParser implements ReplyHead {
  readonly #headBytes: number;
  #part: Part = "head";
  /** The head as far as it has come; all of it once the body begins. */
  #head = "";
  #status = 0;
  #keepAlive = true;
  /** Bytes of the chunk or the body still to come; of `size`, its value so far; of trailers, of their line. */
  #left = 0;
  #digits = 0;
  #trailerBytes = 0;
  #complete = false;
  #error: PacelineError | null = null;

  /** `headBytes`: most bytes of the head, and of trailers. */
  constructor(headBytes: number) {
    this.#headBytes = headBytes;
  }

  get status(): number {
    return this.#status;
  }

  header(name: string): string | null {
    return valuesOf(this.#head, name)[0] ?? null;
  }

  get complete(): boolean {
    return this.#complete;
  }

  /** Whether another request may follow on the connection. */
  get keepAlive(): boolean {
    return this.#complete && this.#keepAlive;
  }

  /** What broke the reply off: `engine_error` for what is not HTTP, or comes after the reply. */
  get error(): PacelineError | null {
    return this.#error;
  }

  /**
   * The bytes of the body among `bytes`, moved together to the front of its own memory, so that chunks
   * cost no object each. Those before an error are good.
   */
  push(bytes: Uint8Array): Uint8Array {
    let body = 0;
    try {
      let at = 0;
      while (at < bytes.length) {
        if (this.#complete) throw broken("bytes after the reply");
        if (this.#part === "head") {
          at += this.#readHead(bytes.subarray(at));
        } else if (this.#part === "data" || this.#part === "sized" || this.#part === "endless") {
          const end = Math.min(bytes.length, at + this.#left);
          if (body !== at) bytes.copyWithin(body, at, end);
          body += end - at;
          this.#took(end - at);
          at = end;
        } else {
          this.#framing(bytes[at++] as number);
        }
      }
    } catch (thrown) {
      this.#error = PacelineError.from(thrown);
    }
    return bytes.subarray(0, body);
  }

  /** The connection has ended. Whether that completes the reply. */
  end(): boolean {
    if (this.#part === "head" && this.#head !== "") this.#checkStatusLine();
    this.#complete ||= this.#part === "endless";
    return this.#complete;
  }

  #took(bytes: number): void {
    this.#left -= bytes;
    if (this.#left > 0) return;
    if (this.#part === "data") this.#part = "after-data";
    else this.#complete = true;
  }

  /** One byte between the data of two chunks: `CRLF size [;extension] CRLF`. */
  #framing(byte: number): void {
    switch (this.#part) {
      case "after-data":
        if (byte === CR) return;
        if (byte !== LF) throw broken("a chunk longer than its size");
        this.#startSize();
        return;
      case "size":
        if (byte === LF) this.#endSize();
        else if (byte === SEMICOLON) this.#part = "extension";
        else if (byte !== CR) this.#digit(byte);
        return;
      case "extension":
        if (byte === LF) this.#endSize();
        return;
      default:
        this.#trailer(byte);
    }
  }

  /** Trailers end with an empty line. */
  #trailer(byte: number): void {
    if (byte === CR) return;
    this.#trailerBytes += 1;
    if (this.#trailerBytes > this.#headBytes) throw broken("trailers beyond the limit");
    if (byte !== LF) this.#left += 1;
    else if (this.#left === 0) this.#complete = true;
    else this.#left = 0;
  }

  #startSize(): void {
    this.#part = "size";
    this.#left = 0;
    this.#digits = 0;
  }

  #digit(byte: number): void {
    const decimal = byte - ZERO;
    const letter = (byte | 32) - LOWER_A;
    const value = decimal >>> 0 < 10 ? decimal : letter >>> 0 < 6 ? 10 + letter : -1;
    // Eight digits are 4 GiB, more than any chunk.
    if (value === -1 || ++this.#digits > 8) throw broken("a chunk size that is none");
    this.#left = this.#left * 16 + value;
  }

  #endSize(): void {
    if (this.#digits === 0) throw broken("a chunk without a size");
    this.#part = this.#left === 0 ? "trailers" : "data";
  }

  /** How many of `bytes` belong to the head; all of them while it goes on. */
  #readHead(bytes: Uint8Array): number {
    const before = this.#head.length;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#head += text.toString("latin1", 0, this.#headBytes);
    const end = this.#head.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (this.#head.includes("\r\n")) this.#checkStatusLine();
    if (end === -1) {
      if (this.#head.length >= this.#headBytes) throw broken("a head beyond the limit");
      return bytes.length;
    }
    this.#head = this.#head.slice(0, end);
    if (this.#status < 200) this.#head = "";
    else this.#startBody();
    return end + 4 - before;
  }

  #checkStatusLine(): void {
    const line = /^HTTP\/1\.([01]) (1(?!01)\d\d|[2-5]\d\d)/.exec(this.#head);
    if (line === null) throw broken(`a reply that begins with ${excerpt(this.#head)}`);
    this.#status = Number(line[2]);
    if (line[1] === "0") this.#keepAlive = false;
  }

  #startBody(): void {
    for (const line of this.#head.split("\r\n").slice(1)) {
      if (!/^[^\s:]+:/.test(line)) throw broken(`a header ${excerpt(line)}`);
    }
    if (this.#list("connection").includes("close")) this.#keepAlive = false;
    const [encoding] = this.#list("content-encoding");
    if (encoding !== undefined && encoding !== "identity") throw broken(`a body as ${encoding}`);
    const transfer = this.#list("transfer-encoding");
    const lengths = valuesOf(this.#head, "content-length");
    if (this.#status === 204 || this.#status === 304) {
      this.#complete = true;
    } else if (transfer.length > 0) {
      if (transfer.join() !== "chunked") throw broken(`a transfer encoding ${transfer.join()}`);
      if (lengths.length > 0) throw broken("a length beside chunks");
      this.#startSize();
    } else if (lengths.length > 0) {
      this.#startSized(lengths);
    } else {
      this.#part = "endless";
      this.#left = Number.POSITIVE_INFINITY;
      this.#keepAlive = false;
    }
  }

  #startSized([length = "", ...others]: readonly string[]): void {
    if (!/^\d{1,15}$/.test(length) || others.some((other) => other !== length)) {
      throw broken("a length that is none");
    }
    this.#part = "sized";
    this.#left = Number(length);
    this.#complete = this.#left === 0;
  }

  #list(name: string): readonly string[] {
    return valuesOf(this.#head, name).flatMap((value) =>
      value.split(",").map((part) => part.trim().toLowerCase()),
    );
  }
}

function valuesOf(head: string, name: string): string[] {
  const found: string[] = [];
  for (let at = head.indexOf("\r\n"); at !== -1; ) {
    const next = head.indexOf("\r\n", at + 2);
    const line = head.slice(at + 2, next === -1 ? undefined : next);
    const colon = line.indexOf(":");
    if (colon === name.length && line.slice(0, colon).toLowerCase() === name) {
      found.push(line.slice(colon + 1).trim());
    }
    at = next;
  }
  return found;
}

const excerpt = (text: string): string => JSON.stringify(text.slice(0, 40));

function broken(what: string): PacelineError {
  return new PacelineError("engine_error", `the engine does not speak HTTP: ${what}`);
}
