/** Many rollouts and groups through the whole server, on two real engine processes. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { request } from "undici";
import { decodeResult } from "../../../../server/api/codec/result.ts";
import { manySummary } from "../../../../server/contract/schema-many.ts";
import { type LiveServer, startLiveServer, workersReady } from "../../../support/live-server.ts";

const prompt = [...Buffer.from("17+25=")];
const COUNT = 48;

let server: LiveServer;
before(async () => {
  server = await startLiveServer({ workers: 2, stream_interval: 4, probe_ms: 200, lease_ms: 3000 });
  await workersReady(server, 2);
});
after(() => server.stop());

const bodyOf = (tag: string) => ({
  rollouts: Array.from({ length: COUNT }, (_, i) => ({
    id: `${tag}-${i}`,
    prompt_token_ids: prompt,
    sampling: { seed: i },
  })),
  defaults: { sampling: { max_new_tokens: 40, ignore_eos: true } },
});

async function many(tag: string) {
  const reply = await request(`${server.http}/v1/rollouts/many`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(bodyOf(tag)),
  });
  assert.equal(reply.statusCode, 200);
  const lines = (await reply.body.text())
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const { summary } = lines.pop() as { summary: unknown };
  return { results: lines.map(decodeResult), summary: manySummary().parse(summary) };
}

test("many come back whole, the same each time, with a bound once every worker is measured", async () => {
  const first = await many("a");
  const tokens = (run: typeof first) =>
    run.results
      .toSorted((a, b) => Number(a.id.slice(2)) - Number(b.id.slice(2)))
      .map(({ outputTokenIds }) => [...outputTokenIds]);
  assert.equal(first.results.length, COUNT);
  for (const { outputTokenIds, logprobs } of first.results) {
    assert.equal(outputTokenIds.length, 40);
    assert.equal(logprobs.length, 40);
  }
  await ratesKnown(2);
  const second = await many("b");
  assert.deepEqual(tokens(second), tokens(first));
  const { summary } = second;
  assert.deepEqual(
    [summary.rollouts, summary.finished, summary.failed, summary.output_tokens],
    [COUNT, COUNT, 0, COUNT * 40],
  );
  const { lower_bound_ms = null, ratio, rho = null, makespan_ms } = summary;
  assert.ok(lower_bound_ms !== null && lower_bound_ms > 0);
  assert.equal(ratio, makespan_ms / lower_bound_ms);
  assert.ok(rho !== null && rho > 0);
});

/** Gives the fleet work until so many workers have fitted step times. */
async function ratesKnown(count: number): Promise<void> {
  for (let round = 0; ; round++) {
    const { body } = await server.call<{ workers: { rates: { step?: unknown } }[] }>(
      "GET",
      "/v1/workers",
    );
    if (body.workers.filter(({ rates }) => (rates.step ?? null) !== null).length >= count) return;
    await many(`warm-${round}`);
  }
}

test("a group ends with those that it needs; the others keep what they made", async () => {
  const group = {
    id: "g",
    size: 6,
    // The two longest are still on their way, and have been for hundreds of steps.
    need: 4,
    prompt_token_ids: prompt,
    // Nearly uniform over 260 ids, so each sibling ends at its own time, hundreds of steps apart.
    sampling: {
      max_new_tokens: 1500,
      temperature: 9,
      seed: 5,
      ignore_eos: true,
      stop_token_ids: [51],
    },
  };
  const { status, body } = await server.call<{ group: object; rollouts: unknown[] }>(
    "POST",
    "/v1/groups",
    group,
  );
  assert.equal(status, 200);
  const results = body.rollouts.map(decodeResult);
  const finished = results.filter(({ finishReason }) => finishReason.type !== "abort");
  const head = { id: "g", size: 6, need: 4, finished: finished.length };
  assert.deepEqual(body.group, { ...body.group, ...head, ended: "need", members: 6 });
  assert.ok(finished.length >= 4);
  const partial = results.filter(({ finishReason }) => finishReason.cause === "need");
  assert.ok(partial.some(({ outputTokenIds }) => outputTokenIds.length > 0));
  for (const [index, result] of results.entries()) {
    assert.deepEqual(result.group, { id: "g", size: 6, index });
    if (result.finishReason.type === "abort") assert.equal(result.finishReason.cause, "need");
  }
});

test("siblings prefill their prompt about once on each worker that they use, the later ones not at all", async () => {
  const long = [...Buffer.from("17+25=42\n".repeat(70))];
  const body = {
    id: "near",
    size: 12,
    prompt_token_ids: long,
    sampling: { max_new_tokens: 8, ignore_eos: true, seed: 1 },
  };
  const reply = await server.call<{ rollouts: unknown[] }>("POST", "/v1/groups", body);
  const results = reply.body.rollouts.map(decodeResult);
  const workers = new Set(results.map(({ routing }) => routing.worker));
  const prefilled = results.filter(({ routing }) => routing.cachedTokens === 0);
  assert.ok(prefilled.length <= workers.size, `${prefilled.length} on ${workers.size} workers`);
  const whole = Math.floor((long.length - 1) / 16) * 16;
  const reused = results.filter(({ routing }) => routing.cachedTokens === whole);
  assert.equal(reused.length, results.length - prefilled.length);
  // The prompt again finds it: nobody prefills where it has been.
  const again = await server.call<{ rollouts: unknown[] }>("POST", "/v1/groups", {
    ...body,
    id: "again",
  });
  for (const { routing } of again.body.rollouts.map(decodeResult)) {
    if (workers.has(routing.worker)) assert.equal(routing.cachedTokens, whole);
  }
});
