import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CAPABILITIES } from "../../server/engine/server/capabilities.ts";
import { capabilitiesPage } from "../../tools/capabilities-page.ts";
import type { Evidence, Seen } from "../conformance/evidence.ts";

const evidence = (
  against: Evidence["against"],
  rows: Record<string, Seen>,
  suite = "vllm",
): Evidence => {
  const version = against === "real" ? "1.2" : null;
  const capabilities = suite === "vllm" ? { ...CAPABILITIES, sleep: against === "fake" } : null;
  const date = version === null ? null : "2026-11-25";
  return { engine: "vllm", against, suites: { [suite]: { version, date, capabilities, rows } } };
};

/** The row's cell of vLLM, the third engine. */
function cellOf(page: string, row: string): string | undefined {
  const line = page.split("\n").find((text) => text.startsWith(`| ${row} |`));
  return line?.split("|")[4]?.trim();
}

test("the real one outweighs the fake, a failure both; what only a fake showed is called so", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "evidence-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const put = (name: string, of: Evidence): void =>
    writeFileSync(join(folder, name), JSON.stringify(of));
  put(
    "a.json",
    evidence("fake", {
      "room › both": "done",
      "room › one": "done",
      "room › fails": "done",
      "room › lacks": "unasked",
    }),
  );
  put(
    "b.json",
    evidence("real", { "room › both": "done", "room › fails": "failed", "room › not": "refused" }),
  );
  put("c.json", evidence("real", { "torch agrees": "failed" }, "attestation"));
  const page = capabilitiesPage(folder);
  for (const [row, cell] of [
    ["both", "real 1.2"],
    ["one", "fake only"],
    ["fails", "**failed** (real 1.2)"],
    ["lacks", "–"],
    ["not", "refused (real 1.2)"],
    ["top_p", "real 1.2"],
    ["sleep", "fake only"],
    ["top logprobs", "128: real 1.2"],
  ] as const) {
    assert.equal(cellOf(page, row), cell, row);
  }
  assert.match(
    page,
    /\| vLLM \| attestation \| \*\*failed\*\*, real 1\.2, 2026-11-25 \| torch agrees \|/,
  );
});
