/**
 * The oracle: what 200 seeded rollouts return does not depend on what happens to the fleet meanwhile; and
 * with versions published under load, every token's logprob regenerates under the version its span names.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createReplayer } from "../../server/engine/replay.ts";
import { samplingOf } from "../support/core-sampling.ts";
import {
  type LiveServer,
  STEP_1,
  STEP_2,
  startLiveServer,
  workersReady,
} from "../support/live-server.ts";
import { seededRandom, testSeed } from "../support/seeded-random.ts";

const ROLLOUTS = 200;
const WORKERS = 3;
const IN_FLIGHT = 64;

interface Body {
  id: string;
  prompt_token_ids: number[];
  sampling: Record<string, unknown> & { max_new_tokens: number; seed: number };
  on_update?: string;
  group?: { id: string; size: number; index: number };
}

interface Reply {
  output_token_ids: number[];
  logprobs: number[];
  logprob_mode: "processed";
  finish_reason: { type: string; cause: string };
  spans: { version: number; start: number; end: number; kv: "pure" | "mixed"; attested: string }[];
  segments: { worker: string; start: number; end: number }[];
  routing: { moves: number; attempts: number };
  usage: { wasted_tokens: number };
}

const seed = testSeed("oracle");

function bodies(tag: string, count: number): Body[] {
  const random = seededRandom(seed);
  const below = (limit: number): number => random.u32() % limit;
  return Array.from({ length: count }, (_, i) => ({
    id: `${tag}-${i}`,
    prompt_token_ids: [...Buffer.from(`${below(90) + 10}+${below(90) + 10}=`)],
    sampling: {
      max_new_tokens: 16 + below(140),
      ignore_eos: below(4) !== 0,
      seed: below(2 ** 31),
      temperature: [0, 0.7, 1, 1.3][below(4)] as number,
      ...(below(3) === 0 ? { top_p: 0.9, top_k: 40 } : {}),
      ...(below(4) === 0 ? { repetition_penalty: 1.1, presence_penalty: 0.2 } : {}),
    },
    on_update: ["keep", "reprefill", "finish"][below(3)] as string,
    group: { id: `${tag}-g${i >> 2}`, size: 4, index: i & 3 },
  }));
}

let server: LiveServer;
before(async () => {
  server = await startLiveServer({
    workers: WORKERS,
    stream_interval: 4,
    probe_ms: 200,
    lease_ms: 3000,
  });
  await workersReady(server, WORKERS);
});
after(() => server.stop());

/** Sends all, at most IN_FLIGHT at once; `step` sees how many have finished. */
async function runAll(
  all: readonly Body[],
  step: (finished: number) => void,
): Promise<Map<string, Reply>> {
  const replies = new Map<string, Reply>();
  const queue = all.values();
  const lane = async (): Promise<void> => {
    for (const body of queue) {
      const { status, body: reply } = await server.call<Reply>("POST", "/v1/rollouts", body);
      assert.equal(status, 200, JSON.stringify(reply));
      replies.set(body.id.slice(body.id.indexOf("-") + 1), reply);
      step(replies.size);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return replies;
}

/** Runs each disturbance once, when so many rollouts have finished; collects them so that failures surface. */
function schedule(plan: readonly [at: number, act: () => Promise<unknown>][]) {
  const running: Promise<unknown>[] = [];
  let next = 0;
  return {
    step(finished: number): void {
      for (let due = plan[next]; due && due[0] <= finished; due = plan[next]) {
        next++;
        running.push(due[1]());
      }
    },
    done: async () => {
      await Promise.all(running);
      assert.equal(next, plan.length, "every disturbance happened");
    },
  };
}

const kill = async (worker: string): Promise<void> => {
  const pid = server.workerPids().get(worker);
  if (pid !== undefined) process.kill(pid, "SIGKILL");
};

const ok = async (method: "POST" | "DELETE", path: string, body?: unknown): Promise<unknown> => {
  const reply = await server.call(method, path, body);
  assert.ok(reply.status < 300, `${method} ${path}: ${JSON.stringify(reply.body)}`);
  return reply.body;
};

test("kills, restarts, pauses and drains change not one token, logprob or finish", async () => {
  const calm = await runAll(bodies("calm", ROLLOUTS), () => undefined);
  const plan = schedule([
    [10, () => kill("w-1")],
    [30, () => ok("POST", "/v1/workers/w-2/pause", { mode: "keep" })],
    [45, () => ok("POST", "/v1/workers/w-2/resume")],
    [60, () => kill("w-3")],
    [90, () => ok("POST", "/v1/workers/w-2/pause", { mode: "retract" })],
    [100, () => ok("POST", "/v1/workers/w-2/resume")],
    [120, () => drainAndReturn("w-2")],
    [150, () => kill("w-1")],
  ]);
  const stormy = await runAll(bodies("storm", ROLLOUTS), plan.step);
  await plan.done();
  let moves = 0;
  for (const [id, undisturbed] of calm) {
    const disturbed = stormy.get(id) as Reply;
    assert.deepEqual(disturbed.output_token_ids, undisturbed.output_token_ids, `tokens of ${id}`);
    assert.deepEqual(disturbed.logprobs, undisturbed.logprobs, `logprobs of ${id}`);
    assert.deepEqual(disturbed.finish_reason, undisturbed.finish_reason, `finish of ${id}`);
    assert.equal(disturbed.usage.wasted_tokens, 0);
    moves += disturbed.routing.attempts - 1;
  }
  assert.ok(moves > 0, "the storm moved some rollouts");
  console.log(`# ${ROLLOUTS} rollouts, ${moves} further attempts, no token differs`);
});

async function drainAndReturn(worker: string): Promise<void> {
  const { body } = await server.call<{ url: string }>("GET", `/v1/workers/${worker}`);
  await ok("DELETE", `/v1/workers/${worker}?drain=migrate`);
  await ok("POST", "/v1/workers", { url: body.url, engine: "embedded", id: worker });
}

test("with versions published under load, each token regenerates under the version that its span names", async () => {
  await workersReady(server, WORKERS);
  const sources = new Map([[1, STEP_1]]);
  const publish = async (path: string): Promise<void> => {
    const reply = (await ok("POST", "/v1/policies/default/versions?wait=committed", {
      source: { path },
      commit: { mode: "all", timeout_ms: 30_000 },
    })) as { version: number };
    sources.set(reply.version, path);
  };
  // The first update meets nobody that it would wait for, so that some live through it in place.
  const all = bodies("swap", ROLLOUTS).map((body, i) => ({
    ...body,
    ...(i < ROLLOUTS / 2 && body.on_update === "finish" ? { on_update: "keep" } : {}),
    sampling: {
      ...body.sampling,
      max_new_tokens: body.sampling.max_new_tokens * 2,
      ignore_eos: true,
    },
  }));
  const plan = schedule([
    [20, () => publish(STEP_2)],
    [60, () => kill("w-2")],
    [100, () => publish(STEP_1)],
  ]);
  const replies = await runAll(all, plan.step);
  await plan.done();
  const replayer = createReplayer({ directory: STEP_1 });
  let mixed = 0;
  let multi = 0;
  for (const body of all) {
    const reply = replies.get(body.id.slice(5)) as Reply;
    assertCovers(reply);
    if (reply.spans.length > 1) multi++;
    if (reply.spans.some(({ kv }) => kv === "mixed")) mixed++;
    const { logprobs, tokenIds } = replayer.replay({
      promptTokenIds: Uint32Array.from(body.prompt_token_ids),
      outputTokenIds: Uint32Array.from(reply.output_token_ids),
      sampling: samplingOf(body),
      siblingIndex: body.group?.index ?? 0,
      logprobMode: reply.logprob_mode,
      runs: reply.spans.map(({ version, start, end, kv }) => ({
        start,
        end,
        weights: sources.get(version) as string,
        rebuild: kv === "pure",
      })),
    });
    assert.deepEqual(
      [...tokenIds],
      reply.output_token_ids,
      `tokens of ${body.id}: ${JSON.stringify(reply.spans)}`,
    );
    reply.logprobs.forEach((reported, at) => {
      assert.ok(
        Math.abs(reported - (logprobs[at] as number)) <= 1e-5,
        `logprob ${at} of ${body.id}: ${JSON.stringify(reply.spans)}`,
      );
    });
  }
  assert.ok(
    multi > 0 && mixed > 0,
    `spans of several versions (${multi}) and mixed KV (${mixed}) occurred`,
  );
  console.log(`# ${multi} rollouts over several versions, ${mixed} with mixed KV, all regenerate`);
});

function assertCovers(reply: Reply): void {
  let at = 0;
  for (const { start, end, attested } of reply.spans) {
    assert.equal(start, at);
    assert.equal(attested, "engine");
    at = end;
  }
  assert.equal(at, reply.output_token_ids.length);
  assert.equal(reply.logprobs.length, at);
}
