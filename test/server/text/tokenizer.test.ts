import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { LIMITS } from "../../../server/limits.ts";
import type { Ledger } from "../../../server/policy/ledger.ts";
import { policyTokenizer } from "../../../server/rollouts/text.ts";
import { createTokenizers } from "../../../server/text/tokenizer.ts";
import { STEP_1, STEP_2 } from "../../support/live-server.ts";

const root = mkdtempSync(join(tmpdir(), "tokenizers-"));
after(() => rmSync(root, { recursive: true }));

suite("tokenizers beside weights", () => {
  test("equal ones are parsed once; a file's is that of its directory", () => {
    const tokenizers = createTokenizers();
    const codec = tokenizers.beside(STEP_1);
    assert.ok(codec);
    assert.equal(tokenizers.beside(STEP_2), codec);
    assert.equal(tokenizers.beside(join(STEP_1, "model.safetensors")), codec);
    assert.equal(codec.decodeAll(codec.encode("17+25=→🚀")), "17+25=→🚀");
  });

  test("special tokens are text only where all is decoded", () => {
    const codec = createTokenizers().beside(STEP_1);
    assert.deepEqual([codec?.decode([49, 257]), codec?.decodeAll([49, 257])], ["1", "1<|eos|>"]);
  });

  test("a text that would hold everybody up is refused before it is read", () => {
    const codec = createTokenizers().beside(STEP_1);
    const text = "x".repeat(LIMITS.tokenizedChars + 1);
    assert.throws(() => codec?.encode(text), { code: "prompt_too_long" });
  });

  test("none is null, a broken one unsupported, each time", () => {
    const tokenizers = createTokenizers();
    assert.equal(tokenizers.beside(root), null);
    const broken = join(root, "broken");
    cpSync(STEP_1, broken, { recursive: true });
    writeFileSync(join(broken, "tokenizer.json"), "{");
    for (let i = 0; i < 2; i++) {
      assert.throws(() => tokenizers.beside(broken), { code: "unsupported" });
    }
  });
});

suite("a policy's tokenizer", () => {
  const external = { external: {} } as const;
  const cases = [
    ["of the committed version", 2, [STEP_1, STEP_2, root], STEP_2],
    ["of the last files before an external one", 3, [STEP_1, STEP_2, external], STEP_2],
    ["of the first version before a commit", null, [STEP_1, root], STEP_1],
    ["none where all is external", 1, [external], null],
    ["none without a version", null, [], null],
  ] as const;
  for (const [name, committedVersion, sources, path] of cases) {
    test(name, () => {
      const ledger = {
        policy: () => ({ committedVersion }),
        versions: () =>
          sources.map((source, at) => ({
            version: at + 1,
            source: typeof source === "string" ? { path: source } : source,
          })),
      } as unknown as Pick<Ledger, "policy" | "versions">;
      const asked: string[] = [];
      const tokenizers = {
        beside(at: string) {
          asked.push(at);
          return null;
        },
      };
      policyTokenizer("p", ledger, tokenizers);
      assert.deepEqual(asked, path === null ? [] : [path]);
    });
  }
});
