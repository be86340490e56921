/**
 * Cuts a stream of server-sent events (WHATWG HTML, 9.2) into the byte ranges of their data, without making
 * strings. Comments, `id` and `retry` are read over; lines end with LF or CRLF, the two that engines write.
 */
import { PacelineError } from "../../server/contract/errors.ts";

const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;
const DATA = Buffer.from("data");
const EVENT = Buffer.from("event");
const DONE = Buffer.from("[DONE]");

export interface SseSink {
  /** The data of one event: `bytes[start, end)`, good until this returns. `event`: its type, "" where none was told. */
  data(bytes: Buffer, start: number, end: number, event: string): void;
  /** `data: [DONE]`: nothing but comments may follow. */
  done(): void;
}

export class SseCutter {
  readonly #sink: SseSink;
  readonly #eventBytes: number;
  /** Of the event that is not whole yet: its bytes so far, in a buffer that grows. */
  #kept: Buffer = Buffer.alloc(0);
  #keptBytes = 0;
  #done = false;

  /** `eventBytes`: most bytes of one event, its framing included. */
  constructor(sink: SseSink, eventBytes: number) {
    this.#sink = sink;
    this.#eventBytes = eventBytes;
  }

  get done(): boolean {
    return this.#done;
  }

  /** Throws `engine_error` for an event beyond the limit or after `[DONE]`, and whatever the sink throws. */
  push(bytes: Uint8Array): void {
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#keptBytes === 0) {
      this.#keep(piece.subarray(this.#cut(piece, 0)));
    } else {
      const looked = this.#keptBytes;
      this.#keep(piece);
      const cut = this.#cut(this.#kept.subarray(0, this.#keptBytes), looked);
      this.#kept.copyWithin(0, cut, this.#keptBytes);
      this.#keptBytes -= cut;
    }
    if (this.#keptBytes > this.#eventBytes) throw beyond(this.#eventBytes);
  }

  /** The body has ended. Throws `engine_error` where an event is not whole. */
  end(): void {
    if (this.#keptBytes > 0) throw broken("the stream ended within an event");
  }

  /** Hands out every whole event, none of which ends before `looked`; where the first that is not whole begins. */
  #cut(bytes: Buffer, looked: number): number {
    let begin = 0;
    let line = looked === 0 ? 0 : bytes.lastIndexOf(LF, looked - 1) + 1;
    for (;;) {
      const end = bytes.indexOf(LF, Math.max(line, looked));
      if (end === -1) return begin;
      if (end === line || (end === line + 1 && bytes[line] === CR)) {
        if (line > begin) this.#event(bytes, begin, line);
        begin = end + 1;
      }
      line = end + 1;
    }
  }

  #keep(piece: Buffer): void {
    const bytes = this.#keptBytes + piece.length;
    if (bytes > this.#kept.length) {
      const grown = Buffer.allocUnsafe(Math.max(bytes, 2 * this.#kept.length, 1_024));
      this.#kept.copy(grown, 0, 0, this.#keptBytes);
      this.#kept = grown;
    }
    piece.copy(this.#kept, this.#keptBytes);
    this.#keptBytes = bytes;
  }

  /** The lines of one event. */
  #event(bytes: Buffer, from: number, to: number): void {
    if (to - from > this.#eventBytes) throw beyond(this.#eventBytes);
    let type = "";
    let start = -1;
    let end = -1;
    let joined: Buffer[] | null = null;
    for (let line = from; line < to; ) {
      const next = bytes.indexOf(LF, line) + 1;
      const stop = bytes[next - 2] === CR ? next - 2 : next - 1;
      if (isField(bytes, line, stop, DATA)) {
        if (start !== -1) {
          joined ??= [bytes.subarray(start, end)];
          joined.push(bytes.subarray(valueAt(bytes, line + DATA.length, stop), stop));
        } else {
          start = valueAt(bytes, line + DATA.length, stop);
          end = stop;
        }
      } else if (isField(bytes, line, stop, EVENT)) {
        type = bytes.toString("utf8", valueAt(bytes, line + EVENT.length, stop), stop);
      }
      line = next;
    }
    if (start === -1 && type === "") return;
    if (this.#done) throw broken("an event after [DONE]");
    if (start === -1) this.#sink.data(bytes, from, from, type);
    else if (joined !== null) this.#joined(joined, type);
    else if (end - start === DONE.length && DONE.compare(bytes, start, end) === 0) this.#finish();
    else this.#sink.data(bytes, start, end, type);
  }

  #joined(lines: readonly Buffer[], type: string): void {
    const whole = Buffer.concat(lines.flatMap((line, n) => (n === 0 ? [line] : [NEWLINE, line])));
    this.#sink.data(whole, 0, whole.length, type);
  }

  #finish(): void {
    this.#done = true;
    this.#sink.done();
  }
}

const NEWLINE = Buffer.of(LF);

/** Whether the line's field is `name`; one without a colon is a field without a value. */
function isField(bytes: Buffer, line: number, stop: number, name: Buffer): boolean {
  const end = line + name.length;
  if (end > stop || (end < stop && bytes[end] !== COLON)) return false;
  for (let i = 0; i < name.length; i++) if (bytes[line + i] !== name[i]) return false;
  return true;
}

/** Where the value after a field's name begins: behind the colon and one space. */
function valueAt(bytes: Buffer, colon: number, stop: number): number {
  const start = Math.min(colon + 1, stop);
  return start < stop && bytes[start] === SPACE ? start + 1 : start;
}

function beyond(limit: number): PacelineError {
  return new PacelineError("engine_error", `an event of the engine's exceeds ${limit} bytes`, {
    details: { limit },
  });
}

function broken(what: string): PacelineError {
  return new PacelineError("engine_error", `the engine broke its stream of events: ${what}`);
}
