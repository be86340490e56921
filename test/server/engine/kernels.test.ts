import assert from "node:assert/strict";
import { test } from "node:test";
import { createKernels, MemoryPlan } from "../../../server/engine/kernels/kernels.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";

const random = seededRandom(testSeed("kernels"));

test("matmul: sums in ascending order, in single precision, whatever the rows", () => {
  for (const [rows, depth, outputs] of [
    [1, 5, 8],
    [3, 36, 40],
    [4, 7, 8],
    [9, 128, 72],
    [17, 33, 16],
  ] as const) {
    const plan = new MemoryPlan();
    const x = plan.floats(rows * depth);
    const w = plan.floats(outputs * depth);
    const out = plan.floats(rows * outputs);
    const kernels = createKernels(plan);
    const xs = new Float32Array(kernels.buffer, x, rows * depth).map(() => random.next() - 0.5);
    const ws = new Float32Array(outputs * depth).map(() => random.next() - 0.5);
    new Float32Array(kernels.buffer, x).set(xs);
    const packed = new Float32Array(kernels.buffer, w);
    for (let o = 0; o < outputs; o++) {
      for (let k = 0; k < depth; k++) {
        packed[(o - (o % 8)) * depth + k * 8 + (o % 8)] = ws[o * depth + k] ?? 0;
      }
    }
    kernels.matmul(out, outputs, x, depth, w, rows, depth, outputs / 8);
    const results = new Float32Array(kernels.buffer, out);
    for (let r = 0; r < rows; r++) {
      for (let o = 0; o < outputs; o++) {
        let sum = 0;
        for (let k = 0; k < depth; k++) {
          const product = Math.fround((xs[r * depth + k] ?? 0) * (ws[o * depth + k] ?? 0));
          sum = Math.fround(sum + product);
        }
        assert.equal(results[r * outputs + o], sum, `${rows}x${depth}x${outputs} at ${r}, ${o}`);
      }
    }
  }
});

test("swiglu: silu by an exponential within 2 units in the last place", () => {
  const gates = [0, 1, -1, 1e-8, 5.5, -5.5, 20, -20, 86, -86, 89, -89, 1_000, -1_000, 1e30];
  for (let i = 0; i < 4_096; i++) gates.push((random.next() - 0.5) * 40);
  const plan = new MemoryPlan();
  const x = plan.floats(2 * gates.length);
  const out = plan.floats(gates.length);
  const kernels = createKernels(plan);
  new Float32Array(kernels.buffer, x).set(gates);
  new Float32Array(kernels.buffer, x + 4 * gates.length).fill(1, 0, gates.length);
  kernels.swiglu(out, x, 1, gates.length);
  const results = new Float32Array(kernels.buffer, out);
  for (const [i, gate] of gates.entries()) {
    const g = Math.fround(gate);
    const exact = g / (1 + Math.exp(-g));
    const error = Math.abs((results[i] ?? Number.NaN) - exact);
    assert.ok(error <= Math.abs(exact) * 5e-7 + 1e-35, `silu(${g}) = ${results[i]}, not ${exact}`);
  }
});

test("a plan beyond the address space is refused", () => {
  const plan = new MemoryPlan();
  plan.floats(2 ** 30);
  assert.throws(() => createKernels(plan), { code: "unsupported" });
});
