/**
 * Columns from plain values, one buffer at a time: `makeData` over typed arrays, never Arrow's builders, which
 * cost fifty times as much (they copy value by value). A missing value is `null`.
 */
import type { Data, DataType, Field } from "apache-arrow";

export type Arrow = typeof import("apache-arrow");

/** How values of one kind become a column. */
export interface Kind<V> {
  readonly type: DataType;
  column(values: readonly (V | null)[]): Data;
}

/** One child of a struct, and what of the parent's value it holds. */
export interface Member<V> {
  readonly field: Field;
  column(parents: readonly (V | null)[]): Data;
}

export interface Kinds {
  readonly utf8: Kind<string>;
  /** Whole numbers from 0 to 2^53 − 1. */
  readonly int64: Kind<number>;
  readonly float64: Kind<number>;
  readonly bool: Kind<boolean>;
  /** Of at most 2 GiB in all rows together. */
  readonly binary: Kind<Uint8Array>;
  /** Lists of token ids as int32, of 64-bit offsets. Throws `RangeError` for an id above 2^31 − 1. */
  readonly ids: Kind<Uint32Array>;
  /** Lists of float32, of 64-bit offsets. */
  readonly floats: Kind<Float32Array>;
  list<V>(item: Kind<V>): Kind<readonly V[]>;
  struct<V>(members: readonly Member<V>[]): Kind<V>;
  /** A member that is there wherever its struct is. */
  always<V, F>(name: string, kind: Kind<F>, pick: (value: V) => F): Member<V>;
  maybe<V, F>(name: string, kind: Kind<F>, pick: (value: V) => F | null): Member<V>;
}

export function createKinds(arrow: Arrow): Kinds {
  const { makeData } = arrow;
  const utf8Type = new arrow.Utf8();
  const int64Type = new arrow.Int64();
  const float64Type = new arrow.Float64();
  const boolType = new arrow.Bool();
  const binaryType = new arrow.Binary();
  const int32Type = new arrow.Int32();
  const float32Type = new arrow.Float32();
  // Readers differ in what they call a list's child unless it is named.
  const listOf = (type: DataType): Field => new arrow.Field("item", type, false);
  const idsType = new arrow.LargeList(listOf(int32Type));
  const floatsType = new arrow.LargeList(listOf(float32Type));

  const member =
    (nullable: boolean) =>
    <V, F>(name: string, kind: Kind<F>, pick: (value: V) => F | null): Member<V> => ({
      field: new arrow.Field(name, kind.type, nullable),
      column: (parents) => kind.column(parents.map((value) => value && pick(value))),
    });

  return {
    utf8: {
      type: utf8Type,
      column: (values) => makeData({ type: utf8Type, ...textBuffers(values), ...shape(values) }),
    },
    int64: {
      type: int64Type,
      column: (values) => makeData({ type: int64Type, data: int64s(values), ...shape(values) }),
    },
    float64: {
      type: float64Type,
      column: (values) =>
        makeData({
          type: float64Type,
          data: Float64Array.from(values, (value) => value ?? 0),
          ...shape(values),
        }),
    },
    bool: {
      type: boolType,
      column: (values) =>
        makeData({ type: boolType, data: bitmap(values, Boolean), ...shape(values) }),
    },
    binary: {
      type: binaryType,
      column: (values) => makeData({ type: binaryType, ...byteBuffers(values), ...shape(values) }),
    },
    ids: {
      type: idsType,
      column(values) {
        const { valueOffsets, total } = offsets64(values);
        const data = flatten(values, new Uint32Array(total));
        assertInt32(data);
        const items = new Int32Array(data.buffer);
        const child = makeData({ type: int32Type, length: total, nullCount: 0, data: items });
        return makeData({ type: idsType, valueOffsets, child, ...shape(values) });
      },
    },
    floats: {
      type: floatsType,
      column(values) {
        const { valueOffsets, total } = offsets64(values);
        const data = flatten(values, new Float32Array(total));
        const child = makeData({ type: float32Type, length: total, nullCount: 0, data });
        return makeData({ type: floatsType, valueOffsets, child, ...shape(values) });
      },
    },
    list(item) {
      const type = new arrow.List(listOf(item.type));
      return {
        type,
        column(values) {
          const valueOffsets = new Int32Array(values.length + 1);
          for (const [at, value] of values.entries()) {
            valueOffsets[at + 1] = (valueOffsets[at] as number) + (value?.length ?? 0);
          }
          const child = item.column(values.flatMap((value) => value ?? []));
          return makeData({ type, valueOffsets, child, ...shape(values) });
        },
      };
    },
    struct(members) {
      const type = new arrow.Struct(members.map(({ field }) => field));
      return {
        type,
        column: (values) =>
          makeData({
            type,
            children: members.map((one) => one.column(values)),
            ...shape(values),
          }),
      };
    },
    always: member(false),
    maybe: member(true),
  };
}

/** Length and validity. Without a missing value there is no bitmap at all. */
function shape(values: readonly unknown[]) {
  let nullCount = 0;
  for (const value of values) if (value === null) nullCount++;
  const length = values.length;
  if (nullCount === 0) return { length, nullCount };
  return { length, nullCount, nullBitmap: bitmap(values, (value) => value !== null) };
}

/** Least significant bit first, in whole words of 64 bits. */
function bitmap<V>(values: readonly V[], isSet: (value: V) => boolean): Uint8Array {
  const bits = new Uint8Array(Math.ceil(values.length / 64) * 8);
  for (const [at, value] of values.entries()) {
    if (isSet(value)) bits[at >> 3] = (bits[at >> 3] as number) | (1 << (at & 7));
  }
  return bits;
}

function textBuffers(values: readonly (string | null)[]) {
  const data = Buffer.from(values.map((value) => value ?? "").join(""));
  const valueOffsets = new Int32Array(values.length + 1);
  for (const [at, value] of values.entries()) {
    const bytes = value === null ? 0 : Buffer.byteLength(value);
    valueOffsets[at + 1] = (valueOffsets[at] as number) + bytes;
  }
  return { data, valueOffsets };
}

function byteBuffers(values: readonly (Uint8Array | null)[]) {
  const valueOffsets = new Int32Array(values.length + 1);
  for (const [at, value] of values.entries()) {
    valueOffsets[at + 1] = (valueOffsets[at] as number) + (value?.length ?? 0);
  }
  return { data: Buffer.concat(values.map((value) => value ?? NO_BYTES)), valueOffsets };
}

const NO_BYTES = new Uint8Array(0);

/** Two halves each, little-endian: a `BigInt` a value would cost more than the column. */
function int64s(values: readonly (number | null)[]): BigInt64Array {
  const words = new BigInt64Array(values.length);
  const halves = new Uint32Array(words.buffer);
  for (const [at, value] of values.entries()) {
    halves[2 * at] = (value ?? 0) >>> 0;
    halves[2 * at + 1] = Math.floor((value ?? 0) / 2 ** 32);
  }
  return words;
}

function offsets64(values: readonly (ArrayLike<number> | null)[]) {
  const valueOffsets = new BigInt64Array(values.length + 1);
  let total = 0;
  for (const [at, value] of values.entries()) {
    total += value?.length ?? 0;
    valueOffsets[at + 1] = BigInt(total);
  }
  return { valueOffsets, total };
}

function flatten<A extends Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>>(
  values: readonly (ArrayLike<number> | null)[],
  into: A,
): A {
  let at = 0;
  for (const value of values) {
    if (value === null) continue;
    into.set(value, at);
    at += value.length;
  }
  return into;
}

function assertInt32(ids: Uint32Array): void {
  let union = 0;
  for (let at = 0; at < ids.length; at++) union |= ids[at] as number;
  if (union < 0) throw new RangeError("a token id exceeds 2^31 - 1: no int32 column can hold it");
}
