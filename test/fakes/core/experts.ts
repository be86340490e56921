/** Routed experts of a model that has none: numbers that follow from each token alone, of any shape and so of any size. */
import type { ExpertsDtype } from "../../../server/contract/routed-experts.ts";

export interface FakeExperts {
  readonly layers: number;
  readonly perToken: number;
  readonly dtype: ExpertsDtype;
}

const ARRAYS = { uint8: Uint8Array, uint16: Uint16Array, int32: Int32Array } as const;
const DESCRS = { uint8: "|u1", uint16: "<u2", int32: "<i4" } as const;

/** One row a token of `ids`, little-endian. */
export function expertRows(
  ids: readonly number[],
  { layers, perToken, dtype }: FakeExperts,
): Buffer {
  const width = layers * perToken;
  const values = new ARRAYS[dtype](ids.length * width);
  for (const [row, id] of ids.entries()) {
    const own = values.subarray(row * width, (row + 1) * width);
    for (let at = 0; at < width; at++) own[at] = (31 * id + 7 * at) % 251;
  }
  return Buffer.from(values.buffer);
}

/** As `numpy.save` writes them: the head is padded to a multiple of 64. */
export function npyFile(rows: Buffer, { layers, perToken, dtype }: FakeExperts): Buffer {
  const count = rows.length / (layers * perToken * ARRAYS[dtype].BYTES_PER_ELEMENT);
  const dict = `{'descr': '${DESCRS[dtype]}', 'fortran_order': False, 'shape': (${count}, ${layers}, ${perToken}), }`;
  const text = `${dict.padEnd(Math.ceil((dict.length + 11) / 64) * 64 - 11)}\n`;
  const head = Buffer.alloc(10);
  head.write("\x93NUMPY\x01\x00", "latin1");
  head.writeUInt16LE(text.length, 8);
  return Buffer.concat([head, Buffer.from(text, "latin1"), rows]);
}
