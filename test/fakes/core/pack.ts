/** MessagePack, written: what engines write their events in. */

export type Packable =
  | null
  | number
  | bigint
  | string
  | readonly Packable[]
  | { readonly [name: string]: Packable };

/** Whole numbers as 64 bits where a byte does not hold them; others as doubles. */
export function pack(value: Packable): Buffer {
  if (value === null) return Buffer.of(0xc0);
  if (typeof value === "bigint" || typeof value === "number") return packNumber(value);
  if (typeof value === "string") {
    const text = Buffer.from(value);
    return Buffer.concat([head(0xdb, text.length), text]);
  }
  if (isList(value)) return Buffer.concat([head(0xdd, value.length), ...value.map(pack)]);
  const entries = Object.entries(value);
  return Buffer.concat([
    head(0xdf, entries.length),
    ...entries.flatMap(([name, each]) => [pack(name), pack(each)]),
  ]);
}

const isList = (value: object): value is readonly Packable[] => Array.isArray(value);

function packNumber(value: number | bigint): Buffer {
  if (typeof value === "number" && !Number.isInteger(value)) {
    const double = Buffer.alloc(9);
    double[0] = 0xcb;
    double.writeDoubleBE(value, 1);
    return double;
  }
  if (value >= 0 && value < 128) return Buffer.of(Number(value));
  const whole = Buffer.alloc(9);
  whole[0] = value < 0 ? 0xd3 : 0xcf;
  if (value < 0) whole.writeBigInt64BE(BigInt(value), 1);
  else whole.writeBigUInt64BE(BigInt(value), 1);
  return whole;
}

function head(tag: number, length: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = tag;
  bytes.writeUInt32BE(length, 1);
  return bytes;
}
