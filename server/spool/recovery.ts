/**
 * What a folder of segments holds after whatever happened to it. A record that was not written whole at the end of a
 * segment is cut off, as if it had never been; one that rotted is named and passed over. Nothing is appended to a
 * segment of an earlier life, so a cut-off end never lies under a new record.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import {
  numberOfSegment,
  RECORD_HEAD,
  readRecordHead,
  readSegmentHead,
  SEGMENT_HEAD,
  type SpoolRef,
  segmentName,
} from "./record.ts";

export interface FoundRecord {
  readonly ref: SpoolRef;
  readonly kind: number;
}

export interface Damage {
  readonly segment: number;
  readonly offset: number;
  readonly bytes: number;
  /**
   * `torn`: the end of a segment that was not written whole, and is cut off. `corrupt`: bytes that are not what was
   * written; they stay where they are.
   */
  readonly what: "torn" | "corrupt";
}

export interface Found {
  /** In order of writing. */
  readonly records: readonly FoundRecord[];
  readonly damages: readonly Damage[];
  /** Bytes of each segment. */
  readonly segments: readonly { readonly segment: number; readonly bytes: number }[];
}

export function recover(folder: string): Found {
  const records: FoundRecord[] = [];
  const damages: Damage[] = [];
  const numbers = readdirSync(folder)
    .map(numberOfSegment)
    .filter((number) => number !== null)
    .sort((a, b) => a - b);
  const segments = numbers.map((segment) => {
    const fd = openSync(join(folder, segmentName(segment)), "r+");
    try {
      return { segment, bytes: new SegmentScan(fd, segment, records, damages).run() };
    } finally {
      closeSync(fd);
    }
  });
  return { records, damages, segments };
}

class SegmentScan {
  readonly #fd: number;
  readonly #segment: number;
  readonly #size: number;
  readonly #records: FoundRecord[];
  readonly #damages: Damage[];

  constructor(fd: number, segment: number, records: FoundRecord[], damages: Damage[]) {
    this.#fd = fd;
    this.#segment = segment;
    this.#size = fstatSync(fd).size;
    this.#records = records;
    this.#damages = damages;
  }

  /** Bytes that the segment has now. */
  run(): number {
    if (this.#size < SEGMENT_HEAD) return this.#torn(0);
    if (readSegmentHead(this.#bytes(0, SEGMENT_HEAD)) !== this.#segment) return this.#corrupt(0);
    let at = SEGMENT_HEAD;
    while (at < this.#size) {
      if (this.#size - at < RECORD_HEAD) return this.#torn(at);
      const bytes = this.#bytes(at, RECORD_HEAD);
      const head = readRecordHead(bytes);
      // Room that a file system gave before it had the bytes reads as zeros.
      if (head === null) return this.#isZeros(at) ? this.#torn(at) : this.#corrupt(at);
      const end = at + RECORD_HEAD + head.length;
      if (end > this.#size) return this.#torn(at);
      const { kind, length, crc } = head;
      if (crc32(this.#bytes(at + RECORD_HEAD, length)) === crc) {
        this.#records.push({ ref: { segment: this.#segment, offset: at, length, crc }, kind });
      } else {
        this.#damage(at, end - at, "corrupt");
      }
      at = end;
    }
    return this.#size;
  }

  #bytes(at: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    let read = 0;
    while (read < length) {
      const more = readSync(this.#fd, bytes, read, length - read, at + read);
      if (more === 0) break;
      read += more;
    }
    return bytes.subarray(0, read);
  }

  #isZeros(at: number): boolean {
    const rest = this.#bytes(at, this.#size - at);
    return rest.equals(Buffer.alloc(rest.length));
  }

  #torn(at: number): number {
    this.#damage(at, this.#size - at, "torn");
    ftruncateSync(this.#fd, at);
    return at;
  }

  /** Where a head is none, nobody can say where the next one lies. */
  #corrupt(at: number): number {
    this.#damage(at, this.#size - at, "corrupt");
    return this.#size;
  }

  #damage(offset: number, bytes: number, what: Damage["what"]): void {
    this.#damages.push({ segment: this.#segment, offset, bytes, what });
  }
}
