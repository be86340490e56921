import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  readHeader,
  readTensor,
  writeSafetensors,
} from "../../../server/checkpoint/safetensors.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import { LIMITS } from "../../../server/limits.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline-test-"));
});
after(() => rmSync(folder, { recursive: true }));

function fileOf(header: unknown, dataBytes: number, claimed?: bigint): string {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(claimed ?? BigInt(text.length));
  const path = join(folder, "case.safetensors");
  writeFileSync(path, Buffer.concat([size, text, Buffer.alloc(dataBytes)]));
  return path;
}

const rejects = (path: string, reason: RegExp): void => {
  assert.throws(
    () => readHeader(path),
    (error: unknown) =>
      error instanceof PacelineError &&
      error.code === "weights_rejected" &&
      reason.test(error.message),
  );
};

test("what is written is read again, in any order of the header's keys", () => {
  const path = join(folder, "round.safetensors");
  const a = {
    name: "a",
    dtype: "F32",
    shape: [2, 3],
    bytes: Uint8Array.from({ length: 24 }, (_, i) => i),
  };
  const b = { name: "b.ü", dtype: "BF16", shape: [], bytes: Uint8Array.of(7, 8) };
  const c = { name: "c", dtype: "I64", shape: [0, 4], bytes: new Uint8Array(0) };
  writeSafetensors(path, [b, c, a]);
  const entries = readHeader(path);
  assert.deepEqual(
    entries
      .map(({ name, dtype, shape }) => ({ name, dtype, shape }))
      .toSorted((x, y) => (x.name < y.name ? -1 : 1)),
    [
      { name: "a", dtype: "F32", shape: [2, 3] },
      { name: "b.ü", dtype: "BF16", shape: [] },
      { name: "c", dtype: "I64", shape: [0, 4] },
    ],
  );
  for (const tensor of [a, b, c]) {
    const entry = entries.find(({ name }) => name === tensor.name);
    assert.ok(entry);
    assert.deepEqual(readTensor(entry), tensor.bytes);
  }
  const entry = entries.find(({ name }) => name === "a");
  assert.ok(entry);
  assert.deepEqual([...readTensor(entry, 5, 3)], [5, 6, 7]);
});

const F32 = (begin: unknown, end: unknown, shape: unknown = [1]) => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

describe("malformed files are rejected with the reason", () => {
  const cases: readonly [string, unknown, number, RegExp][] = [
    ["header that is not JSON", "{", 0, /not JSON/],
    ["header that is a list", [], 0, /not a JSON object/],
    ["tensor that is no object", { a: 1 }, 0, /tensor a is not an object/],
    ["empty name", { "": F32(0, 4) }, 4, /name has 0 characters/],
    ["endless name", { ["n".repeat(LIMITS.checkpointNameChars + 1)]: F32(0, 4) }, 4, /characters/],
    ["unknown dtype", { a: { ...F32(0, 4), dtype: "F33" } }, 4, /unknown dtype "F33"/],
    ["inherited name as dtype", { a: { ...F32(0, 4), dtype: "toString" } }, 4, /unknown dtype/],
    ["no shape", { a: { dtype: "F32", data_offsets: [0, 4] } }, 4, /no shape/],
    ["negative dimension", { a: F32(0, 4, [-1]) }, 4, /no shape/],
    ["fraction as dimension", { a: F32(0, 4, [1.5]) }, 4, /no shape/],
    ["too many dimensions", { a: F32(0, 4, Array(9).fill(1)) }, 4, /no shape/],
    ["product beyond 2^53", { a: F32(0, 4, [2 ** 30, 2 ** 30]) }, 4, /impossible size/],
    ["size that does not match", { a: F32(0, 8) }, 8, /takes 4 bytes but has 8/],
    ["offsets backwards", { a: F32(8, 4) }, 8, /takes 4 bytes but has -4/],
    ["negative offset", { a: F32(-4, 0) }, 4, /no data_offsets/],
    ["one offset", { a: { dtype: "F32", shape: [1], data_offsets: [0] } }, 4, /no data_offsets/],
    ["beyond the end", { a: F32(0, 4) }, 3, /end at byte \d+ but the file at/],
    ["bytes left over", { a: F32(0, 4) }, 5, /end at byte \d+ but the file at/],
    ["overlap", { a: F32(0, 4), b: F32(0, 4) }, 4, /overlaps/],
    ["partial overlap", { a: F32(0, 8, [2]), b: F32(4, 8) }, 8, /overlaps/],
    ["hole", { a: F32(4, 8) }, 8, /hole/],
  ];
  for (const [name, header, dataBytes, reason] of cases) {
    test(name, () => rejects(fileOf(header, dataBytes), reason));
  }

  test("header longer than the file", () => rejects(fileOf("{}", 0, 3n), /ends inside its header/));
  test("header beyond the limit", () => rejects(fileOf("{}", 0, 2n ** 63n), /claims/));
  test("invalid UTF-8", () => {
    const path = join(folder, "utf8.safetensors");
    writeFileSync(
      path,
      Buffer.concat([Buffer.from([4, 0, 0, 0, 0, 0, 0, 0]), Buffer.from([123, 34, 255, 125])]),
    );
    rejects(path, /not JSON/);
  });
  test("no 8 bytes", () => {
    const path = join(folder, "short.safetensors");
    writeFileSync(path, "abc");
    rejects(path, /3 bytes/);
  });
  test("no file", () => rejects(join(folder, "absent"), /cannot be opened/));
});

test("a file with any byte changed is read or rejected, never anything else", () => {
  const random = seededRandom(testSeed("safetensors-flip"));
  const path = join(folder, "flip.safetensors");
  const tensor = (name: string) => ({ name, dtype: "F16", shape: [4], bytes: new Uint8Array(8) });
  writeSafetensors(path, [tensor("x"), tensor("y")]);
  const whole = readFileSync(path);
  let rejections = 0;
  for (let round = 0; round < 500; round++) {
    const changed = Buffer.from(whole);
    changed[random.u32() % (whole.length - 16)] = random.u32() & 255;
    writeFileSync(path, changed);
    try {
      for (const entry of readHeader(path)) readTensor(entry);
    } catch (error) {
      assert.ok(error instanceof PacelineError && error.code === "weights_rejected", String(error));
      rejections += 1;
    }
  }
  assert.ok(rejections > 100, `only ${rejections} of 500 were rejected`);
});

test("a tensor of the wrong size is not written", () => {
  assert.throws(
    () =>
      writeSafetensors(join(folder, "w.safetensors"), [
        { name: "a", dtype: "F32", shape: [2], bytes: new Uint8Array(4) },
      ]),
    /tensor a has 4 bytes/,
  );
});
