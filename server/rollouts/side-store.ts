/**
 * Side data that goes by reference: pieces in the spool, written while they come from an engine and read back while they go to
 * a client, so that none of it lies in memory. It is there as long as the Result that names it, and until its readers are done.
 */
import { PacelineError } from "../contract/errors.ts";
import { RECORD_HEAD, type SpoolRef } from "../spool/record.ts";
import type { Spool } from "../spool/spool.ts";

/** Of records that are side data. */
const SIDE = 1;

export interface SideWriter {
  /** Takes the bytes with their whole buffer. Null: go on; else when the disk has caught up. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> | null;
  /** Resolves to the reference once the system has all of it. Throws `spool_full`, `store_unavailable`. */
  end(job: string): Promise<string>;
  /** Nobody wants it. */
  drop(): void;
}

/** One reader's. */
export interface StoredSide {
  readonly bytes: number;
  /** `[from, to)` in pieces, each good until the next is asked for. Throws `store_unavailable` for what is not what was written. */
  read(from: number, to: number): AsyncGenerator<Buffer>;
  /** He is done. */
  close(): void;
}

export interface SideStore {
  /** Throws `spool_full` where there is no room already. */
  assertRoom(): void;
  writer(): SideWriter;
  /** Memory for a piece of so many bytes, of those that were written where there is some. */
  buffer(bytes: number): Uint8Array<ArrayBuffer>;
  /** Throws `not_found` for what never was a reference of this job, `expired` for one whose Result is gone. */
  open(job: string, ref: string): StoredSide;
  release(ref: string): void;
}

interface Stored {
  readonly job: string;
  readonly bytes: number;
  readonly pieces: readonly SpoolRef[];
  readers: number;
  released: boolean;
}

/** `life`: sets this life's references apart from an earlier one's. */
export function createSideStore(
  spool: Omit<Spool, "sync" | "close">,
  limits: { readonly bytes: number },
  life: string,
): SideStore {
  const stored = new Map<string, Stored>();
  let made = 0;

  const free = (pieces: readonly SpoolRef[]): void => {
    for (const piece of pieces) spool.release(piece);
  };
  const dropped = (side: Stored): void => {
    if (side.released && side.readers === 0) free(side.pieces);
  };

  /** References count up, so that one that was is told from one that never was. */
  function missing(ref: string): PacelineError {
    const [, of, number] = /^([0-9a-f]+)-([1-9]\d*)$/.exec(ref) ?? [];
    return of === life && Number(number) <= made
      ? new PacelineError("expired", "it was kept as long as its Result", { details: { ref } })
      : new PacelineError("not_found", "no side data has this reference", { details: { ref } });
  }

  async function* read({ pieces }: Stored, from: number, to: number): AsyncGenerator<Buffer> {
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

  return {
    assertRoom() {
      const { bytes } = spool.usage;
      if (bytes < limits.bytes) return;
      throw new PacelineError("spool_full", `the spool holds ${bytes} bytes`, {
        details: { bytes, limit: limits.bytes },
      });
    },
    writer: () =>
      new PieceWriter(spool, (job, pieces) => {
        const ref = `${life}-${++made}`;
        const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
        stored.set(ref, { job, bytes, pieces, readers: 0, released: false });
        return ref;
      }),
    buffer: (bytes) => spool.buffer(bytes),
    open(job, ref) {
      const side = stored.get(ref);
      if (side?.job !== job) throw missing(ref);
      side.readers += 1;
      let open = true;
      return {
        bytes: side.bytes,
        read: (from, to) => read(side, from, to),
        close() {
          if (!open) return;
          open = false;
          side.readers -= 1;
          dropped(side);
        },
      };
    },
    release(ref) {
      const side = stored.get(ref);
      if (side === undefined) return;
      stored.delete(ref);
      side.released = true;
      dropped(side);
    },
  };
}

class PieceWriter implements SideWriter {
  readonly #spool: Pick<Spool, "append" | "release" | "backlog">;
  readonly #stored: (job: string, pieces: readonly SpoolRef[]) => string;
  readonly #pieces: Promise<SpoolRef>[] = [];
  #dropped = false;
  #failure: PacelineError | null = null;

  constructor(
    spool: Pick<Spool, "append" | "release" | "backlog">,
    stored: (job: string, pieces: readonly SpoolRef[]) => string,
  ) {
    this.#spool = spool;
    this.#stored = stored;
  }

  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> | null {
    if (this.#failure !== null) throw this.#failure;
    const piece = this.#spool.append(bytes, SIDE);
    piece.catch((thrown) => {
      this.#failure ??= PacelineError.from(thrown);
      this.drop();
    });
    this.#pieces.push(piece);
    return this.#spool.backlog();
  }

  async end(job: string): Promise<string> {
    const pieces = await Promise.all(this.#pieces);
    if (this.#dropped) throw new PacelineError("cancelled", "side data that nobody wants any more");
    return this.#stored(job, pieces);
  }

  drop(): void {
    if (this.#dropped) return;
    this.#dropped = true;
    for (const piece of this.#pieces) {
      piece.then(
        (ref) => this.#spool.release(ref),
        () => {
          // There is nothing of it.
        },
      );
    }
  }
}
