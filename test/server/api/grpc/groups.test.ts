/** Groups over real gRPC: the same siblings and the same summary as over HTTP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, credentials } from "@grpc/grpc-js";
import { pino } from "pino";
import { paceline } from "../../../../proto/gen/paceline.js";
import { createOpenGatekeeper } from "../../../../server/api/auth/gatekeeper.ts";
import { createGrpcFront } from "../../../../server/api/grpc/front.ts";
import { PacelineError } from "../../../../server/contract/errors.ts";
import { liveClock } from "../../../../server/live-clock.ts";
import { fakeControl } from "../../../support/front-fakes.ts";
import { encodeMessage } from "../../../support/grpc-client.ts";
import { errorFromTrailer } from "../../../support/grpc-messages.ts";
import {
  createScriptedRollouts,
  playToEnd,
  type Script,
} from "../../../support/scripted-rollouts.ts";

const { v1 } = paceline;
const ROLLOUT = { id: "g", prompt_token_ids: [72], sampling: { max_new_tokens: 4 } };

/** Calls a front over the script. Throws the error that it answered. */
async function group(script: Script, order: object): Promise<paceline.v1.GroupReply> {
  const front = createGrpcFront({
    rollouts: createScriptedRollouts(script),
    mint: { id: () => "minted", seed: () => 1 },
    control: fakeControl(),
    readiness: { ready: () => true, listen: () => () => {} },
    clock: liveClock,
    gate: createOpenGatekeeper({ rate: null, concurrency: null }, liveClock),
    audit: () => {},
    certificates: null,
    log: pino({ level: "silent" }),
  });
  const { port } = await front.listen("127.0.0.1", 0);
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        "/paceline.v1.RolloutService/GenerateGroup",
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => v1.GroupReply.decode(bytes),
        encodeMessage("GroupOrder", order),
        (error, reply) => {
          if (reply !== undefined) resolve(reply);
          else reject((error && errorFromTrailer(error.metadata)) ?? error);
        },
      );
    });
  } finally {
    client.close();
    await front.close(0);
  }
}

test("a group over gRPC: replaced members, its summary, its Results", async () => {
  const error = new PacelineError("engine_error", "odd");
  const script: Script = (rollout) =>
    rollout.group?.index === 1 ? [{ do: "fail", error }] : playToEnd(rollout);
  const order = { rollout: ROLLOUT, job: "grpo", size: 2, backfill: 1 };
  const { group: summary, rollouts } = await group(script, order);
  assert.equal(summary?.ended, v1.GroupEnd.GROUP_END_NEED);
  assert.deepEqual([summary.finished, summary.members, summary.lengths?.kept?.mean], [2, 3, 4]);
  assert.deepEqual(
    summary.replaced?.map(({ index, by }) => [index, by]),
    [[1, 2]],
  );
  assert.deepEqual(
    rollouts?.map(({ result, error: failed }) => result?.id ?? failed?.id),
    ["g.0", "g.1", "g.2"],
  );
  assert.equal(rollouts?.[0]?.result?.job, "grpo");
});

test("what is wrong is refused with its path", async () => {
  for (const [order, path] of [
    [{ rollout: ROLLOUT, size: 2, need: 3 }, "need"],
    [{ rollout: { ...ROLLOUT, job: "other" }, size: 2 }, "rollout.job"],
  ] as const) {
    await assert.rejects(group(playToEnd, order), (thrown: PacelineError) => {
      assert.deepEqual([thrown.code, thrown.details["path"]], ["invalid_argument", path]);
      return true;
    });
  }
});
