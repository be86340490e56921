/**
 * One workload live over sockets, and the same in virtual time: how near the simulator's T/LB comes to what is measured.
 *
 *     node bench/calibration/run.ts [--workers 4] [--rollouts 160] [--json]
 *
 * Stated beforehand: 4 simulated engines of 6,000 KV tokens behind a server process, steps of 20 ms + 0.5 ms a sequence (a
 * large model's, twice as fast), prefill 20,000 tokens/s in chunks of 512; 160 rollouts at once of 64 prompt tokens and
 * log-normal lengths (median 150, σ 0.9), seed 1. The server records its scheduler's inputs; out of these alone the workload
 * is made again (`server/simulator/recorded-workload.ts`). The goal is 5 %.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Pool } from "undici";
import { startEngineServer } from "../../server/engine/server/engine-server.ts";
import type { Recording } from "../../server/scheduler/recording.ts";
import { seededRandom } from "../../server/seeded-random.ts";
import { calibrate, calibrationLine } from "../../server/simulator/calibration.ts";
import { recordedWorkload } from "../../server/simulator/recorded-workload.ts";
import { simulate } from "../../server/simulator/simulate.ts";
import { model, startServer } from "../gateway/fleet.ts";
import { stopAll } from "../gateway/processes.ts";

const KV_TOKENS = 6_000;
const MAX_RUNNING = 64;
const PREFILL_CHUNK = 512;
const ENGINE = {
  stepSeconds: 0.02,
  perRequestSeconds: 0.0005,
  prefillTokensPerSecond: 20_000,
  prefillChunk: PREFILL_CHUNK,
  length: { median: 150, sigma: 0.9 },
};
const PROMPT_TOKENS = 64;
const MAX_NEW_TOKENS = 2_048;

const { values: flags } = parseArgs({
  options: {
    workers: { type: "string", default: "4" },
    rollouts: { type: "string", default: "160" },
    json: { type: "boolean", default: false },
  },
});
const directory = mkdtempSync(join(tmpdir(), "paceline-live-"));
try {
  const file = join(directory, "recording.json");
  await live(Number(flags.workers), Number(flags.rollouts), file);
  const recording: Recording = JSON.parse(readFileSync(file, "utf8"));
  const recorded = recordedWorkload(recording, PREFILL_CHUNK);
  const calibration = calibrate(simulate(recorded.workload, { seed: recording.seed }), recorded);
  console.log(flags.json ? JSON.stringify(calibration) : calibrationLine(calibration).trimEnd());
} finally {
  rmSync(directory, { recursive: true });
}

/** Runs the workload, and has the server write what its scheduler heard. */
async function live(workers: number, rollouts: number, file: string): Promise<void> {
  const { http } = await startServer(["--record", file], []);
  const pool = new Pool(http, { connections: rollouts, headersTimeout: 0, bodyTimeout: 0 });
  const call = async (method: "POST" | "PUT", path: string, body: unknown): Promise<void> => {
    const headers = { "content-type": "application/json" };
    const reply = await pool.request({ method, path, headers, body: JSON.stringify(body) });
    const said = await reply.body.text();
    if (reply.statusCode !== 200) throw new Error(`${path}: ${reply.statusCode} ${said}`);
  };
  const shape = { kind: "simulated", kvTokens: KV_TOKENS, maxRunning: MAX_RUNNING } as const;
  const engines = await Promise.all(
    Array.from({ length: workers }, () => startEngineServer({ ...shape, simulated: ENGINE })),
  );
  try {
    await call("PUT", "/v1/policies/default", {});
    for (const [i, { url }] of engines.entries()) {
      await call("POST", "/v1/workers", { url, engine: "simulated", id: `w-${i}` });
    }
    const version = { source: { path: model } };
    await call("POST", "/v1/policies/default/versions?wait=committed", version);
    const random = seededRandom(1);
    const bodies = Array.from({ length: rollouts }, (_, i) => ({
      policy: "default",
      prompt_token_ids: Array.from({ length: PROMPT_TOKENS }, () => 3 + (random.u32() % 30_000)),
      sampling: { max_new_tokens: MAX_NEW_TOKENS, temperature: 1, seed: i },
    }));
    await Promise.all(bodies.map((body) => call("POST", "/v1/rollouts", body)));
  } finally {
    await pool.destroy();
    await stopAll("SIGTERM");
    await Promise.all(engines.map((engine) => engine.close()));
  }
}
