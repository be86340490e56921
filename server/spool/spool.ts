/**
 * Bulk on disk: append-only, checksummed segments that one thread writes (`spool-thread.ts`), and here what of them is
 * still wanted. A record lives until it is released; a segment goes when the last of its records has. Bytes and
 * segments are bounded: beyond that nothing is taken, `spool_full`.
 *
 *     const { spool, found } = await openSpool({ folder, clock, limits });
 *     const ref = await spool.append(bytes, KIND);     // the system has it: survives `kill -9`
 *     await spool.sync();                               // the disk has it: survives a power cut
 *     const copy = await spool.read(ref);               // checked
 *     spool.release(ref);
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Clock } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import { connectThread, type ThreadCalls } from "../worker-thread.ts";
import { RECORD_HEAD, readRecordHead, SEGMENT_HEAD, type SpoolRef, segmentName } from "./record.ts";
import type { Found } from "./recovery.ts";
import type { SpoolAnswer, SpoolCall, SpoolFolder } from "./spool-calls.ts";

export interface SpoolLimits {
  /** Of all segments together. */
  readonly bytes: number;
  readonly segments: number;
  /** A segment is full from there on. */
  readonly segmentBytes: number;
  /** Bytes that wait for the thread; beyond it `append` still takes what comes, and `backlog` says to wait. */
  readonly waitingBytes: number;
}

export interface SpoolOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly limits: SpoolLimits;
  /** Where it is full, segments that were last written to so long ago go first, whoever wants them; default: none do. */
  readonly keepMs?: number;
}

export interface Spool {
  /**
   * Takes the bytes with their whole buffer, which is the spool's from here on. Resolves when the system has them. Throws
   * `spool_full` (also where the disk is), `store_unavailable`.
   */
  append(bytes: Uint8Array<ArrayBuffer>, kind: number): Promise<SpoolRef>;
  /** Resolves when all that was appended before is on disk. Throws `store_unavailable`: nothing is known of it then. */
  sync(): Promise<void>;
  /**
   * `room`: memory for its head and bytes that is used where it is large enough. Throws `expired` for what was released or went
   * by age, `store_unavailable` for what is not what was written.
   */
  read(ref: SpoolRef, room?: Buffer<ArrayBuffer>): Promise<Buffer<ArrayBuffer>>;
  release(ref: SpoolRef): void;
  /** Null: append on. Else resolves when enough has been written. */
  backlog(): Promise<void> | null;
  /** A buffer of at least so many bytes, of those that were written and came back where there is one. */
  buffer(bytes: number): Uint8Array<ArrayBuffer>;
  readonly usage: { readonly bytes: number; readonly segments: number };
  close(): Promise<void>;
}

/** Buffers that are kept to be filled again. */
const KEPT_BUFFERS = 16;

interface Segment {
  bytes: number;
  /** Records that somebody wants. */
  live: number;
  writtenAt: number;
}

type Thread = ThreadCalls<SpoolCall, SpoolAnswer>;

/** Opens or creates the folder. What an earlier life left is `found`, each record wanted until it is released. */
export async function openSpool(options: SpoolOptions): Promise<{ spool: Spool; found: Found }> {
  const { folder, limits, clock } = options;
  const settings: SpoolFolder = { folder, segmentBytes: limits.segmentBytes };
  const thread: Thread = connectThread(new URL("./spool-thread.ts", import.meta.url), settings, {
    name: `spool ${folder}`,
    clock,
  });
  try {
    const { found } = await thread.call({ type: "open" });
    if (found === undefined)
      throw new PacelineError("internal", "the spool's thread opened nothing");
    return { spool: new SegmentedSpool(options, thread, found), found };
  } catch (thrown) {
    await thread.end();
    throw thrown;
  }
}

class SegmentedSpool implements Spool {
  readonly #options: SpoolOptions;
  readonly #thread: Thread;
  readonly #segments = new Map<number, Segment>();
  readonly #free: ArrayBuffer[] = [];
  #bytes = 0;
  /** The one that is written to; 0: none of this life is. */
  #last = 0;
  /** Appended, not written yet. */
  #waiting = 0;
  #drained: PromiseWithResolvers<void> | null = null;

  constructor(options: SpoolOptions, thread: Thread, found: Found) {
    this.#options = options;
    this.#thread = thread;
    const writtenAt = options.clock.now();
    for (const { segment, bytes } of found.segments) {
      this.#segments.set(segment, { bytes, live: 0, writtenAt });
      this.#bytes += bytes;
    }
    for (const { ref } of found.records) this.#segment(ref.segment).live += 1;
    for (const segment of this.#segments.keys()) this.#dropDead(segment);
  }

  get usage() {
    return { bytes: this.#bytes, segments: this.#segments.size };
  }

  async append(bytes: Uint8Array<ArrayBuffer>, kind: number): Promise<SpoolRef> {
    const whole = RECORD_HEAD + bytes.length;
    this.#makeRoom(whole);
    const { length } = bytes;
    this.#waiting += whole;
    try {
      const call = { type: "append", kind, bytes } as const;
      const { written, buffer } = await this.#thread.call(call, [bytes.buffer]);
      if (buffer !== undefined && this.#free.length < KEPT_BUFFERS) this.#free.push(buffer);
      if (written === undefined) throw new PacelineError("internal", "the spool wrote nothing");
      this.#took(written.segment, whole);
      return { ...written, length };
    } finally {
      this.#waiting -= whole;
      if (this.#waiting < this.#options.limits.waitingBytes / 2) this.#drained?.resolve();
    }
  }

  async sync(): Promise<void> {
    await this.#thread.call({ type: "sync" });
  }

  async read(ref: SpoolRef, room?: Buffer<ArrayBuffer>): Promise<Buffer<ArrayBuffer>> {
    const { segment, offset, length } = ref;
    if (!this.#segments.has(segment)) throw gone(ref);
    const whole = RECORD_HEAD + length;
    const fits = room !== undefined && room.length >= whole;
    const record = fits ? room.subarray(0, whole) : Buffer.allocUnsafeSlow(whole);
    const file = await open(join(this.#options.folder, segmentName(segment))).catch((cause) => {
      // Released while it was being opened, or taken away by somebody else.
      throw this.#segments.has(segment) ? corrupt(ref, cause) : gone(ref);
    });
    try {
      for (let read = 0; read < record.length; ) {
        const { bytesRead } = await file.read(record, read, record.length - read, offset + read);
        if (bytesRead === 0) throw corrupt(ref);
        read += bytesRead;
      }
    } finally {
      await file.close();
    }
    const bytes = record.subarray(RECORD_HEAD);
    const head = readRecordHead(record);
    if (head?.length !== length || head.crc !== ref.crc || crc32(bytes) !== ref.crc) {
      throw corrupt(ref);
    }
    return bytes;
  }

  release({ segment }: SpoolRef): void {
    const found = this.#segments.get(segment);
    if (found === undefined) return;
    found.live -= 1;
    this.#dropDead(segment);
  }

  backlog(): Promise<void> | null {
    if (this.#waiting <= this.#options.limits.waitingBytes) return null;
    this.#drained ??= Promise.withResolvers();
    const { promise } = this.#drained;
    void promise.then(() => {
      this.#drained = null;
    });
    return promise;
  }

  buffer(bytes: number): Uint8Array<ArrayBuffer> {
    const at = this.#free.findIndex(({ byteLength }) => byteLength >= bytes);
    const [kept] = at === -1 ? [] : this.#free.splice(at, 1);
    return new Uint8Array(kept ?? new ArrayBuffer(bytes));
  }

  async close(): Promise<void> {
    await this.#thread.call({ type: "close" }).finally(() => this.#thread.end());
  }

  /** Throws `spool_full`. What is on its way to the thread counts. */
  #makeRoom(whole: number): void {
    const { limits, keepMs, clock } = this.#options;
    const full = (): boolean =>
      this.#bytes + this.#waiting + whole > limits.bytes || this.#segments.size > limits.segments;
    if (!full()) return;
    for (const [segment, { writtenAt }] of this.#segments) {
      if (keepMs === undefined || clock.now() - writtenAt < keepMs || !full()) break;
      if (segment !== this.#last) this.#drop(segment);
    }
    if (!full()) return;
    throw new PacelineError("spool_full", `the spool holds ${this.#bytes} bytes`, {
      details: { bytes: this.#bytes, segments: this.#segments.size, limit: limits.bytes },
    });
  }

  #took(number: number, bytes: number): void {
    const segment = this.#segment(number);
    segment.bytes += bytes;
    segment.live += 1;
    segment.writtenAt = this.#options.clock.now();
    this.#bytes += bytes;
  }

  #segment(number: number): Segment {
    const known = this.#segments.get(number);
    if (known !== undefined) return known;
    const before = this.#last;
    const begun = { bytes: SEGMENT_HEAD, live: 0, writtenAt: this.#options.clock.now() };
    this.#segments.set(number, begun);
    this.#bytes += SEGMENT_HEAD;
    this.#last = number;
    this.#dropDead(before);
    return begun;
  }

  #dropDead(segment: number): void {
    if (segment !== this.#last && this.#segments.get(segment)?.live === 0) this.#drop(segment);
  }

  #drop(segment: number): void {
    this.#bytes -= this.#segments.get(segment)?.bytes ?? 0;
    this.#segments.delete(segment);
    this.#thread.call({ type: "drop", segment }).catch(() => {
      // Its file stays: the next life finds it, with nobody who wants it.
    });
  }
}

const gone = ({ segment, offset }: SpoolRef): PacelineError =>
  new PacelineError("expired", "what was kept there is not kept any more", {
    details: { segment, offset },
  });

const corrupt = ({ segment, offset, length }: SpoolRef, cause?: unknown): PacelineError =>
  new PacelineError("store_unavailable", "the spool has not the bytes that were written", {
    details: { segment, offset, length },
    cause,
  });
