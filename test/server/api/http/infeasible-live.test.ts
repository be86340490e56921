/** What a job has done with rollouts that a commit made too old, on a real engine and over both fronts. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Result } from "../../../../server/contract/result.ts";
import type { FrontClient } from "../../../conformance/fronts/front-conformance.ts";
import { createGrpcClient, type GrpcClient } from "../../../support/grpc-client.ts";
import { createHttpClient, type HttpClient } from "../../../support/http-client.ts";
import {
  type LiveServer,
  STEP_2,
  startLiveServer,
  workersReady,
} from "../../../support/live-server.ts";

const FATES = ["drop", "requeue", "flag"] as const;

let server: LiveServer;
let http: HttpClient;
let grpc: GrpcClient;
before(async () => {
  server = await startLiveServer({ workers: 1, stream_interval: 4 });
  await workersReady(server, 1);
  http = createHttpClient(Number(new URL(server.http).port));
  grpc = createGrpcClient(`127.0.0.1:${server.grpcPort}`);
});
after(async () => {
  await http.close();
  grpc.close();
  await server.stop();
});

/** Resolves once it has made something, with its Result to come. */
async function started(client: FrontClient, job: string, id: string) {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const ended = (async (): Promise<Result> => {
    const body = {
      ...{ job, id, prompt_token_ids: [...Buffer.from("17+25=")] },
      sampling: { max_new_tokens: 1_000, ignore_eos: true },
    };
    for await (const { event } of client.stream(body)) {
      if (event.type === "tokens") begin();
      if (event.type === "finished") return event.result;
    }
    throw new Error("the stream ended without a Result");
  })();
  await Promise.race([begun, ended]);
  return { ended };
}

test("a commit decides: dropped at once, run anew under the new version, or kept and flagged", async () => {
  for (const fate of FATES) {
    const settings = { eta: 0, batch_groups: 8, on_infeasible: fate };
    assert.equal((await server.call("PUT", `/v1/jobs/${fate}`, settings)).status, 200);
  }
  const runs = await Promise.all(
    FATES.map(async (fate) => ({
      fate,
      over: [await started(http, fate, "http"), await started(grpc, fate, "grpc")],
    })),
  );
  const { status } = await server.call("POST", "/v1/policies/default/versions?wait=committed", {
    source: { path: STEP_2 },
  });
  assert.equal(status, 200);
  for (const { fate, over } of runs) {
    for (const { ended } of over) check(fate, await ended);
  }
  const metrics = await http.call("GET", "/metrics");
  for (const fate of FATES) {
    assert.match(metrics.text, new RegExp(`paceline_infeasible_rollouts_total{fate="${fate}"} 2`));
  }
  assert.match(metrics.text, /paceline_stale_tokens_total 0/);
});

function check(fate: (typeof FATES)[number], result: Result): void {
  const { finishReason, outputTokenIds, spans, usage, stale } = result;
  const versions = new Set(spans.map(({ version }) => version));
  if (fate === "drop") {
    assert.deepEqual([finishReason.cause, outputTokenIds.length, stale], ["stale", 0, null]);
    assert.ok(usage.wastedTokens > 0 && usage.wastedTokens < 1_000, String(usage.wastedTokens));
    return;
  }
  assert.deepEqual([finishReason.cause, outputTokenIds.length], ["max_new", 1_000]);
  if (fate === "requeue") {
    assert.deepEqual([[...versions], stale], [[2], null]);
    assert.ok(usage.wastedTokens > 0);
  } else {
    assert.deepEqual([[...versions], stale], [[1, 2], { lag: 1, maxLag: 0 }]);
    assert.equal(usage.wastedTokens, 0);
  }
}
