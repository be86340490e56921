/**
 * A string taken out of JSON while it comes (`field-lift.ts`), its bytes as they are written.
 *
 *     … "routed_experts":"AAEC…" …    →    … "routed_experts":"" …
 */
import { FieldLift } from "./field-lift.ts";

const QUOTE = 34;

export interface StringSink {
  /** JSON without the string, good until this returns. */
  json(bytes: Buffer): void;
  /** More of the string, as it is written; good until this returns. */
  string(bytes: Buffer): void;
  /** The string is whole. */
  end(): void;
}

export class StringLift extends FieldLift {
  readonly #sink: StringSink;

  /** `name`: of the field; ASCII. */
  constructor(name: string, sink: StringSink) {
    super(name, ':"', (bytes) => sink.json(bytes));
    this.#sink = sink;
  }

  protected take(bytes: Buffer, from: number): number {
    const quote = bytes.indexOf(QUOTE, from);
    const to = quote === -1 ? bytes.length : quote;
    if (to > from) this.#sink.string(bytes.subarray(from, to));
    if (quote !== -1) this.#sink.end();
    return quote;
  }
}
