/**
 * How records lie in a segment. Little-endian.
 *
 *     segment: "PLSPOOL1" · u32 number · u32 crc of the 12 bytes before · records
 *     record:  u32 bytes · u32 crc of them · u32 kind · u32 crc of the 12 bytes before · bytes
 *
 * A record's head has a checksum of its own, so that a flipped bit in a length never makes the rest unreadable as
 * something else, and so that a record that was not written whole is told from one that rotted.
 */
import { crc32 } from "node:zlib";

export const SEGMENT_HEAD = 16;
export const RECORD_HEAD = 16;
const MAGIC = "PLSPOOL1";

/** Where a record lies. Good until it is released. */
export interface SpoolRef {
  readonly segment: number;
  /** Of its head. */
  readonly offset: number;
  /** Without its head. */
  readonly length: number;
  readonly crc: number;
}

export interface RecordHead {
  readonly length: number;
  readonly crc: number;
  /** Whose it is: what a reader of found records tells them apart by. */
  readonly kind: number;
}

export function segmentHead(number: number): Buffer {
  const head = Buffer.alloc(SEGMENT_HEAD);
  head.write(MAGIC, "latin1");
  head.writeUInt32LE(number, 8);
  head.writeUInt32LE(crc32(head.subarray(0, 12)), 12);
  return head;
}

/** Number that a segment says it has; null: it is none. */
export function readSegmentHead(head: Buffer): number | null {
  if (head.length < SEGMENT_HEAD || head.toString("latin1", 0, 8) !== MAGIC) return null;
  if (head.readUInt32LE(12) !== crc32(head.subarray(0, 12))) return null;
  return head.readUInt32LE(8);
}

export function recordHead({ length, crc, kind }: RecordHead): Buffer {
  const head = Buffer.allocUnsafe(RECORD_HEAD);
  head.writeUInt32LE(length, 0);
  head.writeUInt32LE(crc, 4);
  head.writeUInt32LE(kind, 8);
  head.writeUInt32LE(crc32(head.subarray(0, 12)), 12);
  return head;
}

/** Null: it is none. */
export function readRecordHead(head: Buffer): RecordHead | null {
  if (head.length < RECORD_HEAD || head.readUInt32LE(12) !== crc32(head.subarray(0, 12))) {
    return null;
  }
  return { length: head.readUInt32LE(0), crc: head.readUInt32LE(4), kind: head.readUInt32LE(8) };
}

const SUFFIX = ".seg";

/** In order of numbers as names sort. */
export const segmentName = (number: number): string =>
  `${String(number).padStart(10, "0")}${SUFFIX}`;

/** Null: a file that is none of ours. */
export function numberOfSegment(name: string): number | null {
  return /^\d{10}\.seg$/.test(name) ? Number(name.slice(0, -SUFFIX.length)) : null;
}
