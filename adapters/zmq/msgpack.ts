/** MessagePack, read: what engines write their events in. Maps become Maps, 64-bit integers bigints where they must. */
import { PacelineError } from "../../server/contract/errors.ts";

export type Packed =
  | null
  | boolean
  | number
  | bigint
  | string
  | Buffer
  | readonly Packed[]
  | ReadonlyMap<Packed, Packed>;

const DEEPEST = 32;

/** Throws `engine_error` for what is no single value, or nested too deeply. */
export function unpack(bytes: Buffer): Packed {
  try {
    const reader = new Reader(bytes);
    const value = reader.value(0);
    if (reader.at === bytes.length) return value;
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
  }
  throw broken("cut short, or with more behind it");
}

class Reader {
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  value(depth: number): Packed {
    if (depth > DEEPEST) throw broken(`nested deeper than ${DEEPEST}`);
    const tag = this.#uint(1);
    if (tag < 0x80) return tag;
    if (tag < 0x90) return this.#map(tag & 15, depth);
    if (tag < 0xa0) return this.#array(tag & 15, depth);
    if (tag < 0xc0) return this.#take(tag & 31).toString("utf8");
    if (tag >= 0xe0) return tag - 256;
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return tag === 0xc3;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return Buffer.from(this.#take(this.#uint(2 ** (tag - 0xc4))));
      case 0xca:
        return this.#take(4).readFloatBE();
      case 0xcb:
        return this.#take(8).readDoubleBE();
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(2 ** (tag - 0xcc));
      case 0xcf:
        return whole(this.#take(8).readBigUInt64BE());
      case 0xd0:
      case 0xd1:
      case 0xd2:
        return this.#take(2 ** (tag - 0xd0)).readIntBE(0, 2 ** (tag - 0xd0));
      case 0xd3:
        return whole(this.#take(8).readBigInt64BE());
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#take(this.#uint(2 ** (tag - 0xd9))).toString("utf8");
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(tag === 0xdc ? 2 : 4), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(tag === 0xde ? 2 : 4), depth);
      default:
        throw broken(`a tag 0x${tag.toString(16)}`);
    }
  }

  #array(length: number, depth: number): Packed[] {
    this.#assertRoom(length);
    return Array.from({ length }, () => this.value(depth + 1));
  }

  #map(length: number, depth: number): Map<Packed, Packed> {
    this.#assertRoom(length);
    const map = new Map<Packed, Packed>();
    for (let i = 0; i < length; i++) map.set(this.value(depth + 1), this.value(depth + 1));
    return map;
  }

  /** Each element is one byte at least: a length that lies must not cost memory. */
  #assertRoom(length: number): void {
    if (length > this.#bytes.length - this.at) throw new RangeError("cut short");
  }

  #uint(bytes: number): number {
    return this.#take(bytes).readUIntBE(0, bytes);
  }

  #take(length: number): Buffer {
    if (length > this.#bytes.length - this.at) throw new RangeError("cut short");
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }
}

const whole = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value;

const broken = (what: string): PacelineError =>
  new PacelineError("engine_error", `the engine's events are no MessagePack: ${what}`);
