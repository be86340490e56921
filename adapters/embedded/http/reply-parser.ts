/**
 * One HTTP/1.1 reply, from bytes in whatever pieces the socket gives (RFC 9112). Strict, since both ends
 * are ours: no trailers, no obsolete line folding, no interim replies. Bodies: chunked, of a given length,
 * or until the connection ends.
 */
import { PacelineError } from "../../../server/contract/errors.ts";
import { LIMITS } from "../../../server/limits.ts";

const CR = 13;
const LF = 10;
const SEMICOLON = 59;

/** What the next byte belongs to. */
type Part = "head" | "size" | "extension" | "data" | "after-data" | "last" | "sized" | "endless";

export class ReplyParser {
  #part: Part = "head";
  #head = "";
  #status = 0;
  #keepAlive = true;
  /** Bytes of the chunk or the body still to come; of `size`, its value so far. */
  #left = 0;
  #digits = 0;
  #complete = false;
  #error: PacelineError | null = null;

  /** 0 until the head has been read. */
  get status(): number {
    return this.#status;
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
      let at = this.#part === "head" ? this.#readHead(bytes) : 0;
      while (at < bytes.length) {
        if (this.#complete) throw broken("bytes after the reply");
        if (this.#part === "data" || this.#part === "sized" || this.#part === "endless") {
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
        if (byte === CR) return;
        if (byte !== LF) throw broken("trailers");
        this.#complete = true;
    }
  }

  #startSize(): void {
    this.#part = "size";
    this.#left = 0;
    this.#digits = 0;
  }

  #digit(byte: number): void {
    const value = Number.parseInt(String.fromCharCode(byte), 16);
    // Seven digits are 256 MB, more than any chunk of ours.
    if (Number.isNaN(value) || ++this.#digits > 7) throw broken("a chunk size that is none");
    this.#left = this.#left * 16 + value;
  }

  #endSize(): void {
    if (this.#digits === 0) throw broken("a chunk without a size");
    this.#part = this.#left === 0 ? "last" : "data";
  }

  /** Offset of the first byte after the head; all of `bytes` while the head goes on. */
  #readHead(bytes: Uint8Array): number {
    const before = this.#head.length;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#head += text.toString("latin1", 0, LIMITS.engineHeadBytes);
    const end = this.#head.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (this.#head.includes("\r\n")) this.#checkStatusLine();
    if (end === -1) {
      if (this.#head.length >= LIMITS.engineHeadBytes) throw broken("a head beyond the limit");
      return bytes.length;
    }
    this.#startBody(this.#head.slice(0, end));
    return end + 4 - before;
  }

  #checkStatusLine(): void {
    const status = /^HTTP\/1\.1 ([2-5]\d\d)/.exec(this.#head)?.[1];
    if (status === undefined) throw broken(`a reply that begins with ${excerpt(this.#head)}`);
    this.#status = Number(status);
  }

  #startBody(head: string): void {
    this.#head = "";
    this.#part = "endless";
    this.#left = Number.POSITIVE_INFINITY;
    for (const line of head.split("\r\n").slice(1)) {
      const colon = line.indexOf(":");
      if (colon < 1) throw broken(`a header ${excerpt(line)}`);
      this.#header(
        line.slice(0, colon).toLowerCase(),
        line
          .slice(colon + 1)
          .trim()
          .toLowerCase(),
      );
    }
    this.#keepAlive &&= this.#part !== "endless";
  }

  #header(name: string, value: string): void {
    if (name === "transfer-encoding") {
      if (value !== "chunked") throw broken(`a transfer encoding ${excerpt(value)}`);
      this.#startSize();
    } else if (name === "content-length") {
      if (!/^\d{1,9}$/.test(value)) throw broken("a length that is none");
      this.#part = "sized";
      this.#left = Number(value);
      this.#complete = this.#left === 0;
    } else if (name === "connection" && value === "close") {
      this.#keepAlive = false;
    }
  }
}

const excerpt = (text: string): string => JSON.stringify(text.slice(0, 40));

function broken(what: string): PacelineError {
  return new PacelineError("engine_error", `the engine does not speak HTTP: ${what}`);
}
