/**
 * Collects the frames of all reply streams of one step, so that they cross to the HTTP thread in one
 * message with one transferred buffer.
 */
import { FrameWriter } from "../../../adapters/embedded/wire/frame-writer.ts";
import { AFTER, type FromCompute, type Handle } from "./messages.ts";

const RECORD = 4;

export class Outbox {
  readonly writer = new FrameWriter();
  #records: number[] = [];

  /** What was written since `from` belongs to `handle`. Neighbouring records of one handle become one. */
  record(handle: Handle, from: number, after: number): void {
    const records = this.#records;
    const last = records.length - RECORD;
    if (last >= 0 && records[last] === handle && records[last + 3] === AFTER.more) {
      records[last + 2] = this.writer.used;
      records[last + 3] = after;
      return;
    }
    records.push(handle, from, this.writer.used, after);
  }

  /** The batch of this step; null if nothing was written. */
  take(): Extract<FromCompute, { type: "batch" }> | null {
    if (this.#records.length === 0) return null;
    const records = this.#records;
    this.#records = [];
    return { type: "batch", bytes: this.writer.take(), records };
  }
}
