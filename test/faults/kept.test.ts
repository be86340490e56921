/**
 * Rollouts that were not needed and are kept between two steps of a trainer, while the worker that made their tokens is killed, a
 * version is published, or the server is stopped.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { request } from "undici";
import { decodeResult } from "../../server/api/codec/result.ts";
import type { Result } from "../../server/contract/result.ts";
import { createReplayer } from "../../server/engine/replay.ts";
import { samplingOf } from "../support/core-sampling.ts";
import {
  type LiveServer,
  STEP_1,
  STEP_2,
  startLiveServer,
  workersReady,
} from "../support/live-server.ts";

const LONG = 24;
const SHORT = 8;

const prompt = (i: number): number[] => [...Buffer.from(`${i + 10}+${i + 31}=`)];
const samplingAt = (i: number) => ({
  ...{ max_new_tokens: i < LONG ? 180 : 6, ignore_eos: true, seed: 7 * i, temperature: 0.9 },
});
const bodies = (tag: string) =>
  Array.from({ length: LONG + SHORT }, (_, i) => ({
    id: `${tag}-${i}`,
    prompt_token_ids: prompt(i),
    sampling: samplingAt(i),
    version: { max_lag: 4 },
  }));

async function many(server: LiveServer, body: object) {
  const reply = await request(`${server.http}/v1/rollouts/many`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(reply.statusCode, 200);
  const lines = (await reply.body.text())
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const results = lines.filter((line) => "output_token_ids" in line).map(decodeResult);
  const kept = lines.filter((line) => "kept_tokens" in line) as {
    id: string;
    kept_tokens: number;
  }[];
  const { summary } = lines.at(-1) as { summary: { need?: { kept: { members: number } } } };
  return { results, kept, summary };
}

const need = { groups: SHORT, partial: "keep" };
const indexOf = ({ id }: { id: string }): number => Number(id.slice(id.indexOf("-") + 1));
const tokensOf = (results: readonly Result[]): Map<number, number[]> =>
  new Map(results.map((result) => [indexOf(result), [...result.outputTokenIds]]));

async function withServer(use: (server: LiveServer) => Promise<void>): Promise<void> {
  const settings = { workers: 2, stream_interval: 4, probe_ms: 200, lease_ms: 3000 };
  const server = await startLiveServer(settings);
  try {
    await workersReady(server, 2);
    await use(server);
  } finally {
    await server.stop();
  }
}

/** One step: what is short finishes, most of what is long has tokens and is kept. */
async function firstStep(server: LiveServer, tag: string) {
  const { results, kept, summary } = await many(server, { rollouts: bodies(tag), need });
  assert.equal(results.length + kept.length, LONG + SHORT);
  assert.equal(summary.need?.kept.members, kept.length);
  const begun = kept.filter(({ kept_tokens }) => kept_tokens > 0);
  assert.ok(begun.length > 1, `${begun.length} were kept with tokens`);
  const names = new Set(kept.map(({ id }) => id));
  return { results, kept, again: bodies(tag).filter(({ id }) => names.has(id)) };
}

suite("kept between two steps", { timeout: 120_000 }, () => {
  test("a worker that dies between takes no token: all are as in a run that nothing disturbed", () =>
    withServer(async (server) => {
      const undisturbed = tokensOf((await many(server, { rollouts: bodies("u") })).results);
      const first = await firstStep(server, "k");
      for (const { id, kept_tokens } of first.kept) {
        const { body } = await server.call<{ state: string; output_tokens: number }>(
          "GET",
          `/v1/rollouts/${id}`,
        );
        assert.deepEqual([body.state, body.output_tokens], ["held", kept_tokens]);
      }
      const pid = server.workerPids().get("w-1");
      assert.ok(pid !== undefined);
      process.kill(pid, "SIGKILL");
      const second = await many(server, { rollouts: first.again });
      assert.equal(second.results.length, first.again.length);
      assert.deepEqual(
        tokensOf([...first.results, ...second.results]),
        new Map(
          [...undisturbed].toSorted(([a], [b]) => a - b).map(([i]) => [i, undisturbed.get(i)]),
        ),
      );
      for (const { usage } of second.results) assert.equal(usage.wastedTokens, 0);
    }));

  test("over a version's commit each token is of the version that its span names", () =>
    withServer(async (server) => {
      const first = await firstStep(server, "v");
      const published = await server.call("POST", "/v1/policies/default/versions?wait=committed", {
        source: { path: STEP_2 },
      });
      assert.equal(published.status, 200);
      await workersReady(server, 2, 2);
      const had = new Map(first.kept.map(({ id, kept_tokens }) => [id, kept_tokens]));
      const { results } = await many(server, { rollouts: first.again });
      const replayer = createReplayer({ directory: STEP_1 });
      let mixed = 0;
      for (const result of results) {
        const at = had.get(result.id) ?? 0;
        const spans = result.spans.map(({ version, start, end }) => [version, start, end]);
        const all = result.outputTokenIds.length;
        assert.deepEqual(
          spans,
          at === 0
            ? [[2, 0, all]]
            : [
                [1, 0, at],
                [2, at, all],
              ],
        );
        const body = bodies("v")[indexOf(result)] as ReturnType<typeof bodies>[0];
        const { logprobs, tokenIds } = replayer.replay({
          promptTokenIds: Uint32Array.from(body.prompt_token_ids),
          outputTokenIds: result.outputTokenIds,
          sampling: samplingOf(body),
          siblingIndex: 0,
          logprobMode: result.logprobMode,
          runs: result.spans.map(({ version, start, end, kv }) => ({
            ...{ start, end, weights: version === 1 ? STEP_1 : STEP_2, rebuild: kv === "pure" },
          })),
        });
        assert.deepEqual(tokenIds, result.outputTokenIds);
        for (const [position, logprob] of result.logprobs.entries())
          assert.ok(Math.abs(logprob - (logprobs[position] as number)) <= 1e-5);
        if (at > 0) mixed++;
      }
      assert.ok(mixed > 1, `${mixed} went on under another version`);
    }));

  test("a server that stops ends them with what they made, and answers for them until it is gone", async () => {
    const settings = { workers: 2, stream_interval: 4, probe_ms: 200, lease_ms: 3000 };
    const server = await startLiveServer(settings);
    await workersReady(server, 2);
    const { kept } = await firstStep(server, "d");
    const [{ id, kept_tokens } = { id: "", kept_tokens: 0 }] = kept.filter(
      (one) => one.kept_tokens > 0,
    );
    const stream = await request(`${server.http}/v1/rollouts/${id}`, {
      headers: { accept: "text/event-stream" },
    });
    const text = stream.body.text();
    await server.stop();
    const frames = (await text).split("\n\n");
    const finished = frames.find((frame) => frame.includes("event: finished")) ?? "";
    assert.ok(finished.includes('"cause":"drain"'), finished);
    assert.ok(finished.includes(`"output_tokens":${kept_tokens}`), finished);
  });
});
