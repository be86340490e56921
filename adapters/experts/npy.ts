/**
 * The head of a `.npy` file, as vLLM sends routed experts: magic, version, length, and a Python dict as text
 * (numpy.lib.format).
 *
 *     \x93NUMPY 1 0 <u16 length> {'descr': '<u2', 'fortran_order': False, 'shape': (31, 48, 8), }
 */
import type { ExpertsDtype, ExpertsHead } from "../../server/contract/routed-experts.ts";
import { broken } from "./broken.ts";

/** Numpy pads its own to 64; ten times the longest with three lengths. */
const MOST = 1_024;
const MAGIC = Buffer.from("\x93NUMPY", "latin1");

const DTYPES: Readonly<Record<string, ExpertsDtype>> = {
  "|u1": "uint8",
  "<u2": "uint16",
  "<i4": "int32",
};

export interface NpyHead {
  readonly head: ExpertsHead;
  /** Where the values begin. */
  readonly end: number;
}

/** Null: it is not whole yet. Throws `engine_error` for what is none, or for values that are no experts. */
export function readNpyHead(bytes: Buffer): NpyHead | null {
  const known = Math.min(bytes.length, MAGIC.length);
  if (bytes.compare(MAGIC, 0, known, 0, known) !== 0) throw broken("no .npy file");
  if (bytes.length < 12) return null;
  const long = (bytes[6] as number) > 1;
  const start = long ? 12 : 10;
  const end = start + (long ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8));
  if (end > MOST) throw broken(`a head of ${end} bytes`);
  if (bytes.length < end) return null;
  const text = bytes.toString("latin1", start, end);
  const descr = /'descr': *'([^']*)'/.exec(text)?.[1] ?? "";
  const dtype = DTYPES[descr];
  // Rows, layers, experts a token: how many rows there are their bytes say.
  const [, layers, experts] = /'shape': *\(\d+, *(\d+), *(\d+)\)/.exec(text) ?? [];
  if (dtype === undefined || experts === undefined || !/'fortran_order': *False/.test(text)) {
    throw broken(`an array of ${text.trim()}`);
  }
  return { head: { dtype, row: [Number(layers), Number(experts)] }, end };
}
