/** Exact conversion of a checkpoint's floating-point values to F32. */
import { rejected, type TensorEntry } from "../checkpoint/safetensors.ts";

/** Throws `weights_rejected` for dtypes other than F32, F16 and BF16, and for values that are not finite. */
export function upcast(entry: TensorEntry, bytes: Uint8Array): Float32Array {
  const values = decode(entry, bytes);
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw rejected(entry.file, `${entry.name} holds ${values[i]} at element ${i}`);
    }
  }
  return values;
}

function decode({ file, name, dtype }: TensorEntry, bytes: Uint8Array): Float32Array {
  switch (dtype) {
    case "F32":
      return new Float32Array(bytes.slice().buffer);
    case "BF16": {
      const halves = new Uint16Array(bytes.slice().buffer);
      return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
    }
    case "F16":
      return Float32Array.from(new Float16Array(bytes.slice().buffer));
    default:
      throw rejected(file, `${name} has the dtype ${dtype}, which the engine does not compute`);
  }
}
