/** Cards and a fleet for the scheduler's bench: long-tailed lengths in groups, several jobs, mixed hardware, two versions. */
import type { Random } from "../../server/contract/clock.ts";
import type { HeldVersion } from "../../server/contract/policy.ts";
import type { Card } from "../../server/scheduler/card.ts";
import type { SchedulerEvent, WorkerView } from "../../server/scheduler/events.ts";

const JOBS = 8;
const GROUP = 8;
const MAX_NEW_TOKENS = 16_384;
/** Prompts come again after so many groups: an epoch. */
const PROMPTS = 4_096;
/** Three kinds of hardware: decode step `a + s·batch` in seconds, prefill tokens/s. */
const HARDWARE = [
  { a: 0.01, s: 0.0001, prefill: 12_000 },
  { a: 0.014, s: 0.00015, prefill: 8_000 },
  { a: 0.02, s: 0.0003, prefill: 5_000 },
] as const;

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const u32 = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    const a = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    const b = Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
    return (b ^ (b >>> 16)) >>> 0;
  };
  return { u32, next: () => u32() / 2 ** 32 };
}

/** Lognormal by Box–Muller, median and σ of the logarithm as in the published length facts. */
function lognormal(random: Random, median: number, sigma: number, cap: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  const z = radius * Math.cos(2 * Math.PI * random.next());
  return Math.max(1, Math.min(cap, Math.round(median * Math.exp(sigma * z))));
}

export interface CardWishes {
  /** One in ten is a turn of a session. */
  readonly sessions: boolean;
  /** The caller says how long each will be; else lengths are predicted, from what ended and what still runs. */
  readonly hinted: boolean;
}

/** How long rollouts turn out to be: siblings are alike, with σ of the logarithm 0.8 between groups and 0.6 within. */
export function lengthSource(random: Random): (card: Card) => number {
  let group: string | null = null;
  let median = 0;
  return (card) => {
    if (group !== card.group?.id) {
      group = card.group?.id ?? null;
      median = lognormal(random, 1_160, 0.8, MAX_NEW_TOKENS);
    }
    return lognormal(random, median, 0.6, MAX_NEW_TOKENS);
  };
}

/** One card after another, in groups of eight with one prompt, eight jobs. */
export function cardSource(random: Random, { sessions, hinted }: CardWishes): () => Card {
  let serial = 0;
  let promptTokens = 0;
  let prefix: number[] = [];
  return () => {
    const index = serial % GROUP;
    const group = Math.floor(serial / GROUP);
    if (index === 0) {
      promptTokens = lognormal(random, 600, 0.8, 8_000);
      prefix = Array.from({ length: promptTokens >> 8 }, () => random.u32());
    }
    const job = `job-${group % JOBS}`;
    const key = `${job}/r-${serial++}`;
    const inSession = sessions && random.u32() % 10 === 0;
    return {
      key,
      job,
      policy: "policy",
      pool: null,
      pools: [],
      attempt: 1,
      promptTokens,
      outputTokens: 0,
      maxNewTokens: MAX_NEW_TOKENS,
      expectedNewTokens: hinted ? lognormal(random, 1_160, 1, MAX_NEW_TOKENS) : null,
      prefix,
      priority: random.u32() % 20 === 0 ? -1 : 0,
      session: inSession ? `s-${random.u32() % 1_000}` : null,
      group: { id: `g-${group}`, size: GROUP, index },
      constraint: group % JOBS < 2 ? { max_lag: 1 } : null,
      lastVersion: null,
      onUpdate: null,
      updateGraceMs: null,
      logprobModes: ["processed", "tempered"],
      features: ["temperature", "seed"],
      side: null,
      resume: { seeded: false, penalties: false },
      cuttable: false,
      deadlineVersion: null,
      prompt: hinted || inSession ? null : `prompt-${group % PROMPTS}`,
      avoid: [],
      engine: null,
      acceptedAt: serial,
    };
  };
}

const held = (version: number): HeldVersion => ({
  policy: "policy",
  version,
  label: null,
  proof: "digest",
  load: 1,
  digest: null,
});

/** Half the fleet is an update ahead. KV is a little different everywhere, as engines measure it. */
export function fleetEvents(count: number, maxRunning: number, random: Random): SchedulerEvent[] {
  const events: SchedulerEvent[] = [{ type: "committed", policy: "policy", version: 2 }];
  for (let i = 0; i < count; i++) {
    const hardware = HARDWARE[i % 3] ?? HARDWARE[0];
    const worker: WorkerView = {
      id: `w-${i}`,
      incarnation: `w-${i}#1`,
      engine: "vllm",
      pool: "pool",
      slots: [{ index: 0, kvTokens: 150_000 + (random.u32() % 8_000), maxRunning }],
      maxModelLen: 32_768,
      capabilities: {
        logprobModes: ["processed", "tempered", "raw"],
        sampling: ["temperature", "seed", "top_p"],
        resume: { seeded: false, penalties: false },
        spans: "chunk",
        journal: "stream",
        sessionCache: false,
        pause: ["keep"],
        sleep: true,
        weights: { stage: false, proof: "receipt" },
        promptLogprobs: true,
        maxTopLogprobs: 0,
        samplingMask: false,
      },
      holds: [held(i % 2 === 0 ? 1 : 2)],
      open: true,
    };
    const noise = 0.9 + random.next() / 5;
    const step = { a: hardware.a * noise, s: hardware.s * noise };
    const load = { kvUsedTokens: 0, running: 0, waiting: 0 };
    const prefillTokensPerSecond = hardware.prefill * noise;
    events.push({ type: "worker", worker });
    events.push({
      type: "telemetry",
      worker: worker.id,
      slot: 0,
      ...load,
      step,
      prefillTokensPerSecond,
    });
  }
  return events;
}
