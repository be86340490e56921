/**
 * The compiled kernels on a memory of their own. Sources: `assembly/`; `tools/build-kernels.ts` compiles them.
 *
 * Pointers are byte offsets, strides and sizes are in floats. All arithmetic is IEEE single precision in
 * an order that depends on a row's own content only, and no relaxed SIMD is used: results are
 * bit-identical in any batch and on any host.
 */
import { readFileSync } from "node:fs";
import { PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";

/** Positions in one KV block; the attention kernel's lanes are laid out for it. */
export const BLOCK_TOKENS = 16;
/** Outputs in one panel of packed weights. */
export const PANEL = 8;
const PAGE = 65_536;

export interface KernelFunctions {
  /** out[r] = x[r] · wᵀ, `w` packed in panels of 8 outputs; sums run over `depth` in ascending order. */
  matmul(
    out: number,
    outStride: number,
    x: number,
    xStride: number,
    w: number,
    rows: number,
    depth: number,
    panels: number,
  ): void;
  /** Causal attention of each row over positions `[0, positions[r]]` of its block table. */
  attend(
    out: number,
    outStride: number,
    qkv: number,
    stride: number,
    positions: number,
    tables: number,
    rows: number,
    layerOffset: number,
    heads: number,
    kvHeads: number,
    headDim: number,
    scale: number,
    scores: number,
  ): void;
  /** RoPE on queries and keys, then keys and values into the rows' blocks. */
  rotateAndStore(
    qkv: number,
    stride: number,
    positions: number,
    tables: number,
    rows: number,
    angles: number,
    layerOffset: number,
    heads: number,
    kvHeads: number,
    headDim: number,
  ): void;
  gather(out: number, table: number, ids: number, rows: number, stride: number): void;
  rmsNorm(
    out: number,
    x: number,
    weight: number,
    rows: number,
    size: number,
    stride: number,
    epsilon: number,
  ): void;
  swiglu(out: number, x: number, rows: number, stride: number): void;
  add(x: number, y: number, count: number): void;
  /** The ceiling for benchmarks: `iterations` × 32 multiply-adds on registers. */
  multiplyAddLoop(iterations: number, factor: number): number;
}

export interface Kernels extends KernelFunctions {
  readonly buffer: ArrayBuffer;
}

/** Hands out aligned ranges of a memory that is made afterwards, in one piece and never grown. */
export class MemoryPlan {
  /** Below lie the kernels' own constants. */
  #end = 4_096;

  /** Room for `count` floats or u32, on a cache line of its own. */
  floats(count: number): number {
    const at = this.#end;
    this.#end += Math.ceil((count * 4) / 64) * 64;
    return at;
  }

  get bytes(): number {
    return this.#end;
  }
}

/** Throws `unsupported` when the plan does not fit a 32-bit memory, or the host does not have it. */
export function createKernels(plan: MemoryPlan): Kernels {
  if (plan.bytes > LIMITS.engineMemoryBytes) {
    throw new PacelineError(
      "unsupported",
      `the engine needs ${plan.bytes} bytes of memory, more than ${LIMITS.engineMemoryBytes}`,
    );
  }
  const memory = new WebAssembly.Memory({ initial: Math.ceil(plan.bytes / PAGE), maximum: PAGE });
  const bytes = readFileSync(new URL("./kernels.wasm", import.meta.url));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  return { ...(exports as KernelFunctions & typeof exports), buffer: memory.buffer };
}
