/**
 * An array taken out of JSON while it comes (`field-lift.ts`): its elements, parsed some at a time, as many as each piece
 * makes whole.
 *
 *     … "prompt_logprobs":[null,{…},…] …    →    … "prompt_logprobs":[] …
 */
import { FieldLift } from "./field-lift.ts";

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

export interface ListSink {
  /** JSON without the elements, good until this returns. */
  json(bytes: Buffer): void;
  /** The next ones. */
  elements(values: readonly unknown[]): void;
}

export class ListLift extends FieldLift {
  readonly #sink: ListSink;
  /** Of an element that is not whole yet, with the comma before it. */
  #parts: Buffer[] = [];
  /** Some of this list were. */
  #told = false;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** `name`: of the field; ASCII. Its pushes throw a `SyntaxError` for elements that are no JSON, and what `elements` throws. */
  constructor(name: string, sink: ListSink) {
    super(name, ":[", (bytes) => sink.json(bytes));
    this.#sink = sink;
  }

  protected take(bytes: Buffer, from: number): number {
    let whole = from;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (this.#inString) this.#within(byte);
      else if (byte === QUOTE) this.#inString = true;
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) this.#depth += 1;
      else if (byte === COMMA && this.#depth === 0) whole = at;
      else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        if (this.#depth === 0) {
          this.#tell(bytes.subarray(from, at));
          this.#told = false;
          return at;
        }
        this.#depth -= 1;
      }
    }
    if (whole > from) this.#tell(bytes.subarray(from, whole));
    // A socket's bytes are good for this call alone.
    this.#parts.push(Buffer.from(bytes.subarray(whole)));
    return -1;
  }

  #within(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#inString = false;
  }

  /** Elements that are whole with this, and the commas around them. */
  #tell(last: Buffer): void {
    const text = Buffer.concat([...this.#parts, last]).toString("utf8");
    this.#parts = [];
    const values: unknown[] = JSON.parse(this.#told ? `[0${text}]` : `[${text}]`);
    if (this.#told) values.shift();
    if (values.length === 0) return;
    this.#told = true;
    this.#sink.elements(values);
  }
}
