/**
 * Bytes that a rollout costs the server while it waits, beside its prompt's token ids: the decoded rollout,
 * its life and journey, a unary caller who waits for its Result, and its card in the books of the placement owner
 * and the scheduler. Goal: 2,048.
 *
 *   node --expose-gc bench/queue/run.ts [--waiting 100000] [--prompt 256]
 */
import { parseArgs } from "node:util";
import { decodeRollout } from "../../server/api/codec/rollout.ts";
import type { Clock } from "../../server/contract/clock.ts";
import type { EngineDescription } from "../../server/contract/worker.ts";
import type { WorkerRecord } from "../../server/fleet/fleet.ts";
import { createPlacementOwner } from "../../server/placement/owner.ts";
import type { RolloutObserver } from "../../server/rollouts/observer.ts";
import { createRollouts } from "../../server/rollouts/rollouts.ts";
import { createSessionCaches } from "../../server/rollouts/session-caches.ts";
import type { Scheduler } from "../../server/scheduler/events.ts";
import { createScheduler } from "../../server/scheduler/scheduler.ts";
import { createSessions } from "../../server/sessions/sessions.ts";
import { seededRandom } from "../scheduler/workload.ts";

const GOAL_BYTES = 2_048;
/** Sent first and not counted: they fill the worker and grow what grows by doubling. */
const WARM = 2_000;

const { values } = parseArgs({
  options: {
    waiting: { type: "string", default: "100000" },
    prompt: { type: "string", default: "256" },
  },
});
const waiting = Number(values.waiting);
const promptTokens = Number(values.prompt);

const { gc } = globalThis;
if (gc === undefined) throw new Error("run it with --expose-gc");

const random = seededRandom(1);
/** Fractions of milliseconds, as a live clock tells them: in V8 such a number is an object of its own. */
const clock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  timer: () => ({ cancel: nothing }),
};

function nothing(): void {}

const description: EngineDescription = {
  kind: "simulated",
  engineVersion: "1",
  incarnation: "w-1",
  model: "model",
  dtype: "f32",
  maxModelLen: 32_768,
  vocabSize: 32_000,
  eosTokenIds: [0],
  slots: [{ index: 0, kvTokens: 150_000, maxRunning: 256 }],
  capabilities: {
    logprobModes: ["processed"],
    sampling: [],
    resume: { seeded: true, penalties: true },
    spans: "chunk",
    journal: "stream",
    sessionCache: false,
    pause: ["keep"],
    sleep: true,
    weights: { stage: false, proof: "digest" },
    promptLogprobs: false,
    maxTopLogprobs: 0,
    samplingMask: false,
  },
  paused: false,
  asleep: false,
  held: [],
};

const worker: WorkerRecord = {
  id: "w",
  url: "http://127.0.0.1:9",
  engine: "simulated",
  pool: "default",
  role: "full",
  parallel: {},
  policies: [],
  state: "ready",
  reason: null,
  description,
  load: null,
  rates: { step: null, prefillTokensPerSecond: null },
  leaseMs: 60_000,
};

/** The placement owner over one worker, which is soon full. */
function createOwner(scheduler: Scheduler) {
  const owner = createPlacementOwner({
    scheduler,
    fleet: {
      find: () => worker,
      list: () => [worker],
      listen: () => nothing,
      mark: nothing,
      engine: () => null,
    },
    ledger: {
      holds: () => [
        { policy: "policy", version: 2, label: null, proof: "digest", load: 1, digest: null },
      ],
      policies: () => [],
      listen: () => nothing,
      forget: nothing,
      inCurrentRun: () => true,
    },
    clock,
    epoch: 1,
  });
  scheduler.handle({ type: "committed", policy: "policy", version: 2 });
  return owner;
}

/** The rollouts of a server with a worker that is full and never ends anything. */
function createQueue() {
  const scheduler = createScheduler(clock, random);
  const owner = createOwner(scheduler);
  const observer: RolloutObserver = {
    accepted: nothing,
    traceparent: () => null,
    placed: nothing,
    tokens: nothing,
    attempt: nothing,
    moved: nothing,
    wasted: nothing,
    kept: nothing,
    infeasible: nothing,
    finished: nothing,
    failed: nothing,
  };
  const rollouts = createRollouts(
    {
      clock,
      placement: {
        // What is granted runs for ever.
        connect: (to) => owner.connect((reply) => (reply.type === "grant" ? undefined : to(reply))),
        send: (request) => owner.send(request),
      },
      sessions: createSessions(clock, { ttlMs: 60_000 }, nothing),
      caches: createSessionCaches({ engine: () => null }, clock, { warn: nothing }),
      sideStore: null,
      adapters: { enter: () => null },
      fleet: {
        engine: () => null,
        find: () => null,
        vocabularyFor: () => null,
        report: nothing,
        listen: () => nothing,
      },
      tokenizer: () => null,
      ledger: {
        policy: (policy) => ({ policy, committedVersion: 2 }),
        holds: () => [],
        proved: () => null,
        listen: () => nothing,
      },
      jobs: { enter() {}, refused() {}, admits: () => true, rests() {}, left() {} },
      observer,
      log: { warn: nothing },
    },
    { stuckMs: 5_000, detachMs: 30_000, resultTtlMs: 60_000, sideInlineBytes: 1024 ** 2 },
  );
  return { rollouts, waiting: () => scheduler.snapshot().waiting };
}

const prompt = (): number[] => Array.from({ length: promptTokens }, () => random.u32() % 32_000);

/** As the server mints it: beyond 32 bits, hence an object too. */
const seed = (): number => random.u32() * 2 ** 21;

/** As it comes over HTTP: groups of eight. */
function bodyOf(index: number): unknown {
  const body = {
    id: `r-${index}`,
    policy: "policy",
    prompt_token_ids: prompt(),
    sampling: { max_new_tokens: 4_096 },
    group: { id: `g-${index >> 3}`, size: 8, index: index % 8 },
  };
  return JSON.parse(JSON.stringify(body));
}

function usedBytes(): number {
  for (let i = 0; i < 3; i++) gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Bytes that each of what `make` returns keeps. */
function bytesOf(count: number, make: (index: number) => unknown): number {
  const kept: unknown[] = new Array(count).fill(null);
  const before = usedBytes();
  for (let index = 0; index < count; index++) kept[index] = make(index);
  const bytes = usedBytes() - before;
  if (kept.length !== count) throw new Error("what was made is gone");
  return bytes / count;
}

const queue = createQueue();
const decoded = (index: number) =>
  decodeRollout(bodyOf(index), { id: () => "never", seed }).rollout;
const wait = (index: number): unknown => {
  const handle = queue.rollouts.submit(decoded(index));
  return [handle.attach("unary"), handle.result()];
};

bytesOf(WARM, wait);
const tokens = bytesOf(waiting, () => Uint32Array.from(prompt()));
const rollout = bytesOf(waiting, (index) => decoded(WARM + index)) - tokens;
const whole = bytesOf(waiting, (index) => wait(WARM + index)) - tokens;
if (queue.waiting() < waiting) throw new Error(`only ${queue.waiting()} wait`);

const line = (name: string, bytes: number): void =>
  console.log(`${name.padEnd(52)} ${bytes.toFixed(0).padStart(6)} B`);
console.log(`${waiting} rollouts wait, prompts of ${promptTokens} tokens\n`);
line("the prompt's token ids alone", tokens);
line("beside them: the decoded rollout", rollout);
line("beside them: all of the waiting rollout", whole);
console.log(`\ngoal ${GOAL_BYTES} B: ${whole <= GOAL_BYTES ? "met" : "MISSED"}`);
