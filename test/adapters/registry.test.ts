import assert from "node:assert/strict";
import { test } from "node:test";
import { createEngine } from "../../adapters/registry.ts";

test("an engine is made for each kind", async () => {
  for (const kind of ["embedded", "simulated", "vllm", "sglang", "trtllm", "dynamo"] as const) {
    const engine = createEngine(kind, "http://127.0.0.1:1");
    assert.equal(engine.url, "http://127.0.0.1:1");
    await engine.close();
  }
});
