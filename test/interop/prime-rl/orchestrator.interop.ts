/**
 * prime-rl's own orchestrator client (https://github.com/PrimeIntellect-ai/prime-rl, nothing of it here) against the vLLM
 * dialect as its one inference server. PACELINE_PRIME_RL: folder of a checkout; PACELINE_PRIME_RL_PYTHON: a Python ≥ 3.11
 * with verifiers, renderers, msgspec, prometheus-client, aiolimiter, beartype and jaxtyping (default `python3`).
 */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { STEP_1, STEP_2, startLiveServer, workersReady } from "../../support/live-server.ts";
import { skipWithout } from "../../support/require.ts";
import { runDriver } from "../python-driver.ts";

const CHECKOUT = process.env["PACELINE_PRIME_RL"] ?? "";
const PACKAGES = [`${CHECKOUT}/src`, `${CHECKOUT}/packages/prime-rl-configs/src`].join(":");

interface Said {
  readonly updates: number;
  readonly versions: readonly (readonly string[])[];
  readonly gauges: Readonly<Record<string, readonly string[]>>;
  readonly cache: Readonly<Record<string, string>>;
  readonly lora: number;
}

suite("prime-rl's inference pool", { skip: skipWithout("prime-rl", CHECKOUT !== "") }, () => {
  test("readiness, three updates under load, metrics, a LoRA adapter that no engine takes", async (t) => {
    const root = mkdtempSync(join(tmpdir(), "broadcasts-"));
    t.after(() => rmSync(root, { recursive: true }));
    // Its client marks the directory that it announces.
    const directories = [STEP_2, STEP_1, STEP_2].map((weights, at) => {
      const directory = join(root, `step_${at + 1}`);
      cpSync(weights, directory, { recursive: true });
      return directory;
    });
    const server = await startLiveServer({ dialects: [{ name: "vllm", port: 0, job: "prime" }] });
    t.after(() => server.stop());
    await workersReady(server, 2);
    const [said] = await runDriver<Said>({
      python: process.env["PACELINE_PRIME_RL_PYTHON"] ?? "python3",
      path: PACKAGES,
      driver: fileURLToPath(new URL("driver.py", import.meta.url)),
      args: [`http://127.0.0.1:${server.dialects[0]?.port}`, ...directories],
    });
    assert.ok(said);
    t.diagnostic(JSON.stringify(said));
    assert.deepEqual([said.updates, said.versions.length, said.lora], [3, 48, 422]);
    for (const [at, versions] of said.versions.entries()) {
      const step = Math.floor(at / 16);
      const before = step === 0 ? "default" : String(step);
      for (const version of versions) assert.ok([before, String(step + 1)].includes(version));
    }
    assert.ok(said.versions.some((versions) => versions.length === 2));
    assert.deepEqual(Object.keys(said.gauges), ["0", "1"]);
    assert.ok(said.gauges["0"]?.includes("kv_cache_usage_perc"));
    assert.ok(said.gauges["0"]?.includes("num_requests_waiting_reason_capacity"));
    assert.deepEqual(Object.keys(said.cache), ["0", "1"]);
  });
});
