// What the compiled module exports. See ../kernels.ts for the contract of each kernel.
export { matmul } from "./matmul";
export { attend } from "./attention";
export { rotateAndStore } from "./rotary";
export { gather, rmsNorm, swiglu, add } from "./elementwise";
export { multiplyAddLoop } from "./ceiling";
