/** Small workloads made by hand or by seed. */
import { seededRandom } from "../../../server/seeded-random.ts";
import type { SimulatedRollout, WorkerSpec, Workload } from "../../../server/simulator/workload.ts";

export function worker(id: string, more: Partial<WorkerSpec> = {}): WorkerSpec {
  return {
    id,
    pool: "default",
    kvTokens: 10_000,
    maxRunning: 64,
    step: { a: 0.01, s: 0.001 },
    prefillTokensPerSecond: 10_000,
    prefillChunk: 512,
    tiers: null,
    adapters: null,
    ...more,
  };
}

export function rollout(id: string, more: Partial<SimulatedRollout> = {}): SimulatedRollout {
  return {
    id,
    group: null,
    promptTokens: 100,
    prefix: [],
    outputTokens: 10,
    maxNewTokens: 4_096,
    arrivalSeconds: 0,
    session: null,
    policy: "p",
    prompt: id,
    ...more,
  };
}

export function workload(
  rollouts: readonly SimulatedRollout[],
  workers: readonly WorkerSpec[] = [worker("w0")],
): Workload {
  return { name: "test", policies: [{ name: "p", base: null }], rollouts, fleet: { workers } };
}

/** Groups of long-tailed lengths on few workers whose KV they overfill. */
export function crowded(seed: number, rollouts = 96, workers = 3): Workload {
  const random = seededRandom(seed);
  const made = Array.from({ length: rollouts }, (_, i) => {
    const group = Math.floor(i / 4);
    const promptTokens = 40 + ((group * 97) % 900);
    const blocks = Math.floor(promptTokens / 256);
    const normal = random.next() + random.next() + random.next() - 1.5;
    return rollout(`r${i}`, {
      group: { id: `g${group}`, size: 4, index: i % 4 },
      promptTokens,
      prefix: Array.from({ length: blocks }, (_, block) => group * 16 + block),
      outputTokens: Math.max(1, Math.min(4_096, Math.round(400 * Math.exp(2 * normal)))),
      arrivalSeconds: i % 3 === 0 ? 0 : random.next() * 5,
    });
  });
  return workload(
    made,
    Array.from({ length: workers }, (_, i) => worker(`w${i}`, { kvTokens: 8_000 + i * 900 })),
  );
}
