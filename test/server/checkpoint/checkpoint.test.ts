import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openCheckpoint, readConfig } from "../../../server/checkpoint/checkpoint.ts";
import { contentDigest } from "../../../server/checkpoint/digest.ts";
import { type Tensor, writeSafetensors } from "../../../server/checkpoint/safetensors.ts";

let root = "";
before(() => {
  root = mkdtempSync(join(tmpdir(), "paceline-test-"));
});
after(() => rmSync(root, { recursive: true }));

let folders = 0;
function folder(files: Readonly<Record<string, readonly Tensor[] | string>>): string {
  const path = join(root, String(folders++));
  mkdirSync(path);
  for (const [name, content] of Object.entries(files)) {
    if (typeof content === "string") writeFileSync(join(path, name), content);
    else writeSafetensors(join(path, name), content);
  }
  return path;
}

const tensor = (name: string, ...bytes: number[]): Tensor => ({
  name,
  dtype: "U8",
  shape: [bytes.length],
  bytes: Uint8Array.from(bytes),
});
const index = (weightMap: unknown): string => JSON.stringify({ weight_map: weightMap });
const A = tensor("a", 1, 2);
const B = tensor("b", 3);

test("the digest tells content, whatever files hold it", async () => {
  const single = folder({ "model.safetensors": [A, B] });
  const { digest, bytes, tensors } = await contentDigest(single);
  assert.equal(bytes, 3);
  assert.deepEqual(
    tensors.map(({ name }) => name),
    ["a", "b"],
  );
  const same: readonly [string, string][] = [
    ["the file itself", join(single, "model.safetensors")],
    ["another order", folder({ "model.safetensors": [B, A] })],
    [
      "shards",
      folder({
        "x.safetensors": [B],
        "y.safetensors": [A],
        "model.safetensors.index.json": index({ a: "y.safetensors", b: "x.safetensors" }),
      }),
    ],
  ];
  for (const [name, path] of same) assert.equal((await contentDigest(path)).digest, digest, name);
  const other: readonly [string, readonly Tensor[]][] = [
    ["a value", [tensor("a", 1, 3), B]],
    ["a name", [tensor("A", 1, 2), B]],
    ["a dtype", [{ ...A, dtype: "I8" }, B]],
    ["a shape", [{ ...A, shape: [1, 2] }, B]],
    ["a tensor more", [A, B, tensor("c")]],
    ["values that moved to a neighbour", [tensor("a", 1), tensor("b", 2, 3)]],
  ];
  for (const [name, tensors] of other) {
    const path = folder({ "model.safetensors": tensors });
    assert.notEqual((await contentDigest(path)).digest, digest, name);
  }
});

test("the digest's encoding is the documented one", async () => {
  // sha256sum of the bytes that the header of digest.ts spells out, made by hand.
  const { digest } = await contentDigest(folder({ "model.safetensors": [B] }));
  assert.equal(digest, "448aa4ee5ebdcbb0247c4339fbf9bc20320e3218b092672df635e9627a7ca518");
});

describe("directories that are no checkpoint", () => {
  const cases: readonly [string, Readonly<Record<string, readonly Tensor[] | string>>, RegExp][] = [
    ["empty", {}, /neither model.safetensors nor/],
    ["no tensors", { "model.safetensors": [] }, /holds no tensors/],
    ["no weight_map", { "model.safetensors.index.json": "{}" }, /no weight_map/],
    [
      "a shard outside",
      { "model.safetensors.index.json": index({ a: "../x.safetensors" }) },
      /no shard's name/,
    ],
    [
      "a shard that is absent",
      { "model.safetensors.index.json": index({ a: "x.safetensors" }) },
      /opened/,
    ],
    [
      "a tensor missing from its shard",
      {
        "x.safetensors": [A],
        "model.safetensors.index.json": index({ a: "x.safetensors", b: "x.safetensors" }),
      },
      /does not hold b/,
    ],
    [
      "a tensor that the index does not know",
      { "x.safetensors": [A, B], "model.safetensors.index.json": index({ a: "x.safetensors" }) },
      /does not place b/,
    ],
    [
      "a tensor in two shards",
      {
        "x.safetensors": [A, B],
        "y.safetensors": [B],
        "model.safetensors.index.json": index({ a: "x.safetensors", b: "y.safetensors" }),
      },
      /does not place b/,
    ],
  ];
  for (const [name, files, reason] of cases) {
    test(name, () => {
      assert.throws(() => openCheckpoint(folder(files)), {
        code: "weights_rejected",
        message: reason,
      });
    });
  }
});

test("a path that does not exist", () => {
  assert.throws(() => openCheckpoint(join(root, "absent")), { code: "weights_rejected" });
});

test("config.json is optional, but JSON", () => {
  assert.equal(readConfig(folder({})), null);
  assert.deepEqual(readConfig(folder({ "config.json": '{"a":1}' })), { a: 1 });
  assert.throws(() => readConfig(folder({ "config.json": "[]" })), { code: "weights_rejected" });
});
