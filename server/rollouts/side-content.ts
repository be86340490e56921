/** The bytes of one reference, wherever they are. */
import { RECORD_HEAD, type SpoolRef } from "../spool/record.ts";
import type { Spool } from "../spool/spool.ts";

/** Of the spool's records, those that are side data. */
export const SIDE = 1;

export interface Content {
  /** `[from, to)` in pieces, each good until the next is asked for. Throws `store_unavailable` for what is not what was written. */
  read(from: number, to: number): AsyncGenerator<Buffer>;
  /** Nobody reads it any more. */
  free(): void;
}

export const spooledContent = (
  spool: Pick<Spool, "read" | "release">,
  pieces: readonly SpoolRef[],
): Content => ({
  read: (from, to) => readPieces(spool, pieces, from, to),
  free() {
    for (const piece of pieces) spool.release(piece);
  },
});

export async function* readPieces(
  spool: Pick<Spool, "read">,
  pieces: readonly SpoolRef[],
  from: number,
  to: number,
): AsyncGenerator<Buffer> {
  const most = pieces.reduce((bytes, { length }) => Math.max(bytes, length), 0);
  const room = Buffer.allocUnsafeSlow(RECORD_HEAD + most);
  let at = 0;
  for (const piece of pieces) {
    const start = at;
    at += piece.length;
    if (at <= from) continue;
    if (start >= to) return;
    const bytes = await spool.read(piece, room);
    yield bytes.subarray(Math.max(0, from - start), to - start);
  }
}
