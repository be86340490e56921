/** Routed experts of a model that has none, as engines' wires write them. */
import {
  expertRows as rowsOf,
  type SimulatedExperts,
} from "../../../server/engine/simulated-experts.ts";

export type FakeExperts = SimulatedExperts;

const WIDTHS = { uint8: 1, uint16: 2, int32: 4 } as const;
const DESCRS = { uint8: "|u1", uint16: "<u2", int32: "<i4" } as const;

export const expertRows = (ids: readonly number[], shape: FakeExperts): Buffer =>
  Buffer.from(rowsOf(ids, shape).buffer);

/** As `numpy.save` writes them: the head is padded to a multiple of 64. */
export function npyFile(rows: Buffer, { layers, perToken, dtype }: FakeExperts): Buffer {
  const count = rows.length / (layers * perToken * WIDTHS[dtype]);
  const dict = `{'descr': '${DESCRS[dtype]}', 'fortran_order': False, 'shape': (${count}, ${layers}, ${perToken}), }`;
  const text = `${dict.padEnd(Math.ceil((dict.length + 11) / 64) * 64 - 11)}\n`;
  const head = Buffer.alloc(10);
  head.write("\x93NUMPY\x01\x00", "latin1");
  head.writeUInt16LE(text.length, 8);
  return Buffer.concat([head, Buffer.from(text, "latin1"), rows]);
}
