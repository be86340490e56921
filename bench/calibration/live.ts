/**
 * One workload on simulated engines over sockets, under a scheduler of the server's choice. Stated beforehand:
 *
 *     engines    each 6,000 KV tokens, 64 running at most, steps of 40 ms + 1 ms a sequence (a large model's, in its own
 *                time), prefill 10,000 tokens/s in chunks of 512
 *     rollouts   groups of 8, all asked for at once; prompts of 64 tokens, lengths log-normal (median 150, σ 0.9), cut off at 768
 *
 * Lengths are drawn from prompt and seed, so that every scheduler gets the same.
 */
import { readFileSync } from "node:fs";
import { Pool } from "undici";
import { startEngineServer } from "../../server/engine/server/engine-server.ts";
import type { DisciplineName } from "../../server/scheduler/disciplines/names.ts";
import type { Recording } from "../../server/scheduler/recording.ts";
import { seededRandom } from "../../server/seeded-random.ts";
import { call, publish, startServer } from "../gateway/fleet.ts";
import { stopAll } from "../gateway/processes.ts";

export const PREFILL_CHUNK = 512;
const GROUP = 8;
const PROMPT_TOKENS = 64;
const MAX_NEW_TOKENS = 768;
const ENGINE = {
  kind: "simulated",
  kvTokens: 6_000,
  maxRunning: 64,
  simulated: {
    stepSeconds: 0.04,
    perRequestSeconds: 0.001,
    prefillTokensPerSecond: 10_000,
    prefillChunk: PREFILL_CHUNK,
    length: { median: 150, sigma: 0.9 },
  },
} as const;

export interface LiveFleet {
  readonly workers: number;
  readonly groups: number;
}

/** Runs it, and answers what the scheduler heard meanwhile; `file` is written by the server. */
export async function runLive(
  { workers, groups }: LiveFleet,
  scheduler: DisciplineName,
  file: string,
): Promise<Recording> {
  const { http } = await startServer(["--record", file, "--scheduler", scheduler], []);
  const engines = await Promise.all(
    Array.from({ length: workers }, () => startEngineServer(ENGINE)),
  );
  const pool = new Pool(http, { connections: groups * GROUP, headersTimeout: 0, bodyTimeout: 0 });
  try {
    await call("PUT", `${http}/v1/policies/default`, {});
    for (const [i, { url }] of engines.entries()) {
      await call("POST", `${http}/v1/workers`, { url, engine: "simulated", id: `w-${i}` });
    }
    await publish(http);
    await Promise.all(bodiesOf(groups).map((body) => rollout(pool, body)));
  } finally {
    await pool.destroy();
    await stopAll("SIGTERM");
    await Promise.all(engines.map((engine) => engine.close()));
  }
  const recording: Recording = JSON.parse(readFileSync(file, "utf8"));
  return recording;
}

async function rollout(pool: Pool, body: object): Promise<void> {
  const headers = { "content-type": "application/json" };
  const request = { method: "POST", path: "/v1/rollouts", headers } as const;
  const reply = await pool.request({ ...request, body: JSON.stringify(body) });
  const said = await reply.body.text();
  if (reply.statusCode !== 200) throw new Error(`/v1/rollouts: ${reply.statusCode} ${said}`);
}

function bodiesOf(groups: number): object[] {
  const random = seededRandom(1);
  return Array.from({ length: groups }, (_, g) => {
    const prompt = Array.from({ length: PROMPT_TOKENS }, () => 3 + (random.u32() % 30_000));
    return Array.from({ length: GROUP }, (_, index) => ({
      policy: "default",
      prompt_token_ids: prompt,
      group: { id: `g-${g}`, size: GROUP, index },
      sampling: { max_new_tokens: MAX_NEW_TOKENS, temperature: 1, seed: g },
    }));
  }).flat();
}
