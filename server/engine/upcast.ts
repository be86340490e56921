/** Exact conversion of a checkpoint's floating-point values to F32. */
import { rejected, type TensorEntry } from "../checkpoint/safetensors.ts";

/** Throws `weights_rejected` for dtypes other than F32, F16 and BF16, and for values that are not finite. */
export function upcast(entry: TensorEntry, bytes: Uint8Array): Float32Array {
  const values = decode(entry, bytes);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    // Only what is not finite has a distance from itself.
    if (value - value !== 0) {
      throw rejected(entry.file, `${entry.name} holds ${value} at element ${i}`);
    }
  }
  return values;
}

function decode({ file, name, dtype }: TensorEntry, bytes: Uint8Array): Float32Array {
  const { buffer } = bytes.slice();
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer);
    case "BF16":
      return fromUpperHalves(new Uint16Array(buffer));
    case "F16":
      return new Float32Array(new Float16Array(buffer));
    default:
      throw rejected(file, `${name} has the dtype ${dtype}, which the engine does not compute`);
  }
}

/** BF16 is the upper half of an F32. */
function fromUpperHalves(halves: Uint16Array): Float32Array {
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = (halves[i] as number) << 16;
  return new Float32Array(words.buffer);
}
