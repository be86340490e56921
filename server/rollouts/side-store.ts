/**
 * Side data that goes by reference: in the spool, and read back piece by piece while it goes to a client. What an engine
 * gives in bulk is written while it comes (`writer`); rows that grew in memory are handed over at the end (`put`). It is there
 * as long as the Result that names it, and until its readers are done.
 */
import { PacelineError } from "../contract/errors.ts";
import type { SpoolRef } from "../spool/record.ts";
import type { Spool } from "../spool/spool.ts";
import { HeldSide } from "./held-side.ts";
import { type Content, SIDE, spooledContent } from "./side-content.ts";

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
  /**
   * Takes what there is as it lies, which nobody may write to any more, and answers its reference at once. Null where there is no
   * room for it, in the spool or among what waits for it: it stays with whoever has it.
   */
  put(job: string, parts: readonly Uint8Array[]): string | null;
  /** Of what was put and is in memory: the spool has not got it yet, or could not take it. */
  readonly unwrittenBytes: number;
  /** Memory for a piece of so many bytes, of those that were written where there is some. */
  buffer(bytes: number): Uint8Array<ArrayBuffer>;
  /** Throws `not_found` for what never was a reference of this job, `expired` for one whose Result is gone. */
  open(job: string, ref: string): StoredSide;
  release(ref: string): void;
}

export interface SideLimits {
  /** Of the spool. */
  readonly bytes: number;
  /** Of what was put and is in memory. */
  readonly unwrittenBytes: number;
  /** A piece of what was put, on its way to the spool or a reader. */
  readonly pieceBytes: number;
}

/** Where side data went that was put: to the spool, back for want of room, or nowhere, since the spool failed. */
type PutFate = "stored" | "no_room" | "failed";
export type PutTold = (fate: PutFate, error: PacelineError | null) => void;

interface Stored {
  readonly job: string;
  readonly bytes: number;
  readonly content: Content;
  readers: number;
  released: boolean;
}

/** `life`: sets this life's references apart from an earlier one's. `told`: of each `put`, once its fate is known. */
export function createSideStore(
  spool: Omit<Spool, "sync" | "close">,
  limits: SideLimits,
  life: string,
  told: PutTold = () => {},
): SideStore {
  const stored = new Map<string, Stored>();
  let made = 0;
  let unwritten = 0;

  const dropped = (side: Stored): void => {
    if (side.released && side.readers === 0) side.content.free();
  };
  const keep = (job: string, bytes: number, content: Content): string => {
    const ref = `${life}-${++made}`;
    stored.set(ref, { job, bytes, content, readers: 0, released: false });
    return ref;
  };

  function put(job: string, parts: readonly Uint8Array[]): string | null {
    const bytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (spool.usage.bytes + bytes > limits.bytes || unwritten + bytes > limits.unwrittenBytes) {
      told("no_room", null);
      return null;
    }
    unwritten += bytes;
    const held = new HeldSide(spool, parts, limits.pieceBytes, {
      written: (error) => told(error === null ? "stored" : "failed", error),
      letGo() {
        unwritten -= bytes;
      },
    });
    return keep(job, bytes, held);
  }

  /** References count up, so that one that was is told from one that never was. */
  function missing(ref: string): PacelineError {
    const [, of, number] = /^([0-9a-f]+)-([1-9]\d*)$/.exec(ref) ?? [];
    return of === life && Number(number) <= made
      ? new PacelineError("expired", "it was kept as long as its Result", { details: { ref } })
      : new PacelineError("not_found", "no side data has this reference", { details: { ref } });
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
        const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
        return keep(job, bytes, spooledContent(spool, pieces));
      }),
    put,
    get unwrittenBytes() {
      return unwritten;
    },
    buffer: (bytes) => spool.buffer(bytes),
    open(job, ref) {
      const side = stored.get(ref);
      if (side?.job !== job) throw missing(ref);
      side.readers += 1;
      let open = true;
      return {
        bytes: side.bytes,
        read: (from, to) => side.content.read(from, to),
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
