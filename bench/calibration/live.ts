/**
 * One workload on simulated engines over sockets, under a scheduler of the server's choice. Stated beforehand: an eighth of B1's
 * Moonlight with its tokens at 1/32 and its time at 1/8, so that a real second is eight of the model's and no step is shorter than 40 ms:
 *
 *     engines    4, each 12,500 KV tokens, 256 running at most, steps of 40 ms + 0.4 ms a sequence, prefill 3,000 tokens/s in
 *                chunks of 64
 *     rollouts   50 groups of 8, all asked for at once; prompts of 16 tokens, lengths log-normal (median 517, σ 0.9), cut off at 2,048
 *
 * Lengths are drawn from prompt, seed and place in the group, so that every scheduler gets the same; siblings have none in common.
 */
import { readFileSync } from "node:fs";
import { Pool } from "undici";
import { startEngineServer } from "../../server/engine/server/engine-server.ts";
import type { DisciplineName } from "../../server/scheduler/disciplines/names.ts";
import type { Recording } from "../../server/scheduler/recording.ts";
import { seededRandom } from "../../server/seeded-random.ts";
import type { RecordedEngine } from "../../server/simulator/recorded-workload.ts";
import { call, publish, startServer } from "../gateway/fleet.ts";
import { stopAll } from "../gateway/processes.ts";

const PREFILL_CHUNK = 64;
/** What no engine tells; blocks are those of `server/engine/simulated-cache.ts`. */
export const RECORDED_ENGINE: RecordedEngine = { prefillChunk: PREFILL_CHUNK, blockTokens: 16 };
const GROUP = 8;
const PROMPT_TOKENS = 16;
const MAX_NEW_TOKENS = 2_048;
const ENGINE = {
  kind: "simulated",
  kvTokens: 12_500,
  maxRunning: 256,
  simulated: {
    stepSeconds: 0.04,
    perRequestSeconds: 0.000_4,
    prefillTokensPerSecond: 3_000,
    prefillChunk: PREFILL_CHUNK,
    length: { median: 517, sigma: 0.9 },
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
