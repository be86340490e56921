/**
 * Routed experts of a model that has none: numbers that follow from each token alone, of any shape and so of any size. A rollout
 * that goes on elsewhere has the same.
 */
import type { ExpertsDtype } from "../contract/routed-experts.ts";

export interface SimulatedExperts {
  readonly layers: number;
  readonly perToken: number;
  readonly dtype: ExpertsDtype;
}

const ARRAYS = { uint8: Uint8Array, uint16: Uint16Array, int32: Int32Array } as const;
/** The largest prime of a byte. */
const COUNT = 251;

/** One row a token of `ids`, little-endian: all `layers` × `perToken` of them. */
export function expertRows(
  ids: ArrayLike<number>,
  { layers, perToken, dtype }: SimulatedExperts,
): Uint8Array<ArrayBuffer> {
  const width = layers * perToken;
  const values = new ARRAYS[dtype](ids.length * width);
  for (let row = 0, at = 0; row < ids.length; row++) {
    const first = 31 * (ids[row] as number);
    for (let column = 0; column < width; column++) values[at++] = (first + 7 * column) % COUNT;
  }
  return new Uint8Array(values.buffer);
}
