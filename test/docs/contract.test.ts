import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { decodeResult, encodeResult } from "../../server/api/codec/result.ts";
import { decodeRollout } from "../../server/api/codec/rollout.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/contract.md"), "utf8");
const [rollout, result] = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]): unknown =>
  JSON.parse(text ?? ""),
);

test("the page's Rollout is one", () => {
  const mint = { id: () => "r-1", seed: () => 1 };
  assert.equal(decodeRollout(rollout, mint).rollout.sampling.maxNewTokens, 16);
});

test("the page's Result is one, written as the server writes it", () => {
  assert.deepEqual(JSON.parse(encodeResult(decodeResult(result), "json")), result);
});
