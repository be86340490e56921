/**
 * Appends records to segment files, synchronously: it lives in the spool's thread. A record is written whole or is not
 * there: what a failed write left of it is cut off, and where that fails too the next record begins a new segment.
 */
import * as files from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { RECORD_HEAD, recordHead, SEGMENT_HEAD, segmentHead, segmentName } from "./record.ts";

/** Of `node:fs`; tests hand in ones that fail. */
export type SegmentFiles = Pick<
  typeof files,
  "openSync" | "writevSync" | "ftruncateSync" | "fsyncSync" | "closeSync" | "unlinkSync"
>;

export interface Written {
  readonly segment: number;
  readonly offset: number;
  readonly crc: number;
}

export class SegmentWriter {
  readonly #folder: string;
  readonly #segmentBytes: number;
  readonly #fs: SegmentFiles;
  /** Null: the next record begins a segment. */
  #fd: number | null = null;
  #number: number;
  #size = 0;
  /** Segments that were filled since the last `sync`. */
  readonly #unsynced = new Set<number>();
  /** Segments that their folder may not have on disk yet. */
  readonly #entries = new Set<number>();
  /**
   * Segments of which an fsync failed, and with what. The system may have thrown the pages away that it could not write, so a
   * later fsync that succeeds says nothing of them (PostgreSQL's fsync errors of 2018).
   */
  readonly #poisoned = new Map<number, unknown>();

  /** `next`: number of the first segment. `segmentBytes`: a segment is full from there on; a longer record has one alone. */
  constructor(folder: string, next: number, segmentBytes: number, fs: SegmentFiles = files) {
    this.#folder = folder;
    this.#number = next - 1;
    this.#segmentBytes = segmentBytes;
    this.#fs = fs;
  }

  /** Throws what the file system says; nothing of the record is there then. */
  append(kind: number, bytes: Uint8Array): Written {
    const whole = RECORD_HEAD + bytes.length;
    if (this.#fd !== null && this.#size + whole > this.#segmentBytes) this.#seal();
    const fd = this.#fd ?? this.#begin();
    const offset = this.#size;
    const crc = crc32(bytes);
    try {
      this.#write(fd, [recordHead({ length: bytes.length, crc, kind }), bytes], offset);
    } catch (thrown) {
      this.#takeBack(fd, offset);
      throw thrown;
    }
    this.#size += whole;
    return { segment: this.#number, offset, crc };
  }

  /** All that was appended is on disk. Once it has thrown it throws, until the segments that were hit are dropped. */
  sync(): void {
    const open = this.#fd === null ? [] : [this.#number];
    for (const segment of [...this.#unsynced, ...open]) this.#syncSegment(segment);
    this.#unsynced.clear();
    if (this.#entries.size > 0) this.#syncEntries();
    for (const failure of this.#poisoned.values()) throw failure;
  }

  /** Nobody wants what this segment, a filled one, holds. */
  drop(segment: number): void {
    for (const known of [this.#unsynced, this.#entries, this.#poisoned]) known.delete(segment);
    this.#fs.unlinkSync(join(this.#folder, segmentName(segment)));
  }

  close(): void {
    if (this.#fd !== null) this.#fs.closeSync(this.#fd);
    this.#fd = null;
  }

  #syncSegment(segment: number): void {
    if (this.#poisoned.has(segment)) return;
    const isOpen = this.#fd !== null && segment === this.#number;
    try {
      if (isOpen) this.#fs.fsyncSync(this.#fd as number);
      else this.#syncPath(segmentName(segment));
    } catch (thrown) {
      this.#poisoned.set(segment, thrown);
      // What comes next is not to share its fate.
      if (isOpen) this.#seal();
    }
  }

  #syncEntries(): void {
    try {
      this.#syncPath("");
    } catch (thrown) {
      for (const segment of this.#entries) this.#poisoned.set(segment, thrown);
      if (this.#entries.has(this.#number)) this.#seal();
    }
    this.#entries.clear();
  }

  #syncPath(name: string): void {
    const fd = this.#fs.openSync(join(this.#folder, name), "r");
    try {
      this.#fs.fsyncSync(fd);
    } finally {
      this.#fs.closeSync(fd);
    }
  }

  #begin(): number {
    const number = this.#number + 1;
    const fd = this.#fs.openSync(join(this.#folder, segmentName(number)), "wx", 0o600);
    this.#number = number;
    this.#entries.add(number);
    this.#size = 0;
    try {
      this.#write(fd, [segmentHead(number)], 0);
    } catch (thrown) {
      this.#fs.closeSync(fd);
      throw thrown;
    }
    this.#fd = fd;
    this.#size = SEGMENT_HEAD;
    return fd;
  }

  #seal(): void {
    if (this.#fd === null) return;
    this.#fs.closeSync(this.#fd);
    this.#fd = null;
    this.#unsynced.add(this.#number);
  }

  #write(fd: number, parts: readonly Uint8Array[], at: number): void {
    const bytes = parts.reduce((sum, { length }) => sum + length, 0);
    let written = 0;
    let left = parts;
    while (written < bytes) {
      const more = this.#fs.writevSync(fd, left, at + written);
      written += more;
      left = behind(left, more);
    }
  }

  #takeBack(fd: number, offset: number): void {
    try {
      this.#fs.ftruncateSync(fd, offset);
    } catch {
      // A torn record is the last of its segment then, where recovery cuts it off.
      this.#seal();
    }
  }
}

/** What is left of `parts` without their first `bytes`. */
function behind(parts: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  const left: Uint8Array[] = [];
  let skip = bytes;
  for (const part of parts) {
    if (skip < part.length) left.push(part.subarray(skip));
    skip = Math.max(0, skip - part.length);
  }
  return left;
}
