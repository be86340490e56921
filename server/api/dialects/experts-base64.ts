/** Routed experts as the wires of engines write them: base64 of values, made piece by piece from whatever pieces there are. */
import { PacelineError } from "../../contract/errors.ts";
import type { ExpertsDtype, RoutedExperts } from "../../contract/routed-experts.ts";

/**
 * `values`: as they are. `int32`: each as one, as SGLang sends them. `npy`: behind the head of a `.npy` file, as vLLM does.
 */
export type ExpertsForm = "values" | "int32" | "npy";

type Told = Pick<RoutedExperts, "dtype" | "shape" | "bytes">;

const WIDTHS: Readonly<Record<ExpertsDtype, number>> = { uint8: 1, uint16: 2, int32: 4 };
const DESCRS: Readonly<Record<ExpertsDtype, string>> = {
  uint8: "|u1",
  uint16: "<u2",
  int32: "<i4",
};

/** Characters of `expertsBase64`. */
export function base64Length(told: Told, form: ExpertsForm): number {
  const { bytes, dtype } = told;
  const all =
    form === "int32"
      ? (bytes / WIDTHS[dtype]) * WIDTHS.int32
      : bytes + (form === "npy" ? npyHead(told).length : 0);
  return 4 * Math.ceil(all / 3);
}

/** In parts, each good until the next is asked for, as `pieces` are. */
export async function* expertsBase64(
  told: Told,
  form: ExpertsForm,
  pieces: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  const { dtype } = told;
  const widens = form === "int32" && dtype !== "int32";
  // Groups of three bytes, of whole values where each becomes another.
  const group = widens ? 3 * WIDTHS[dtype] : 3;
  let rest: Buffer = form === "npy" ? npyHead(told) : Buffer.alloc(0);
  const written = new Base64Text();
  const text = (bytes: Buffer): Buffer =>
    written.of(widens ? widened(bytes, WIDTHS[dtype]) : bytes);
  for await (const piece of pieces) {
    const missing = (group - (rest.length % group)) % group;
    const first = Buffer.concat([rest, piece.subarray(0, missing)]);
    const whole = piece.length - missing - ((piece.length - missing) % group);
    if (piece.length < missing) {
      rest = first;
      continue;
    }
    if (first.length > 0) yield text(first);
    if (whole > 0) yield text(piece.subarray(missing, missing + whole));
    // The piece's memory is the next one's.
    rest = Buffer.from(piece.subarray(missing + whole));
  }
  if (rest.length > 0) yield text(rest);
}

/** Short strings die young, and what they are written to is used again: hundreds of MB of text leave hardly any garbage. */
class Base64Text {
  /** A multiple of three. */
  static readonly #slice = 48 * 1_024;
  #room: Buffer = Buffer.alloc(0);

  of(bytes: Buffer): Buffer {
    const length = 4 * Math.ceil(bytes.length / 3);
    if (this.#room.length < length) this.#room = Buffer.allocUnsafeSlow(length);
    let end = 0;
    for (let at = 0; at < bytes.length; at += Base64Text.#slice) {
      const slice = bytes.toString("base64", at, at + Base64Text.#slice);
      end += this.#room.write(slice, end, "latin1");
    }
    return this.#room.subarray(0, end);
  }
}

/** Unsigned values of 1 or 2 bytes as int32s, little-endian. */
function widened(bytes: Buffer, width: number): Buffer {
  const values = new Int32Array(bytes.length / width);
  for (let at = 0; at < values.length; at++) {
    values[at] = width === 1 ? (bytes[at] as number) : bytes.readUInt16LE(2 * at);
  }
  return Buffer.from(values.buffer);
}

/** As `numpy.save` writes it, padded to a multiple of 64. Throws `internal` for more lengths than fit there, which no engine tells. */
function npyHead({ dtype, shape }: Told): Buffer {
  const dict = `{'descr': '${DESCRS[dtype]}', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
  if (dict.length > 117) throw new PacelineError("internal", `${dict} in 117 characters`);
  const head = Buffer.alloc(128, " ");
  head.write("\x93NUMPY\x01\x00", "latin1");
  head.writeUInt16LE(118, 8);
  head.write(dict, 10, "latin1");
  head.write("\n", 127);
  return head;
}
