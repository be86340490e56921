/** A worker that dies while it was being emptied, or while it slept. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { STEP_2 } from "../support/live-server.ts";
import {
  expect,
  type Failure,
  type SimulatedFleet,
  type Worker,
  withFleet,
} from "./simulated-fleet.ts";
import { assertServes } from "./versions-served.ts";

const ROLLOUTS = 12;
const TOKENS = 400;

interface Reply {
  readonly output_token_ids: readonly number[];
  readonly segments: readonly { readonly worker: string }[];
}

const sendAll = ({ server }: SimulatedFleet) =>
  Promise.all(
    Array.from({ length: ROLLOUTS }, (_, i) =>
      server.call<Reply>("POST", "/v1/rollouts", {
        id: `r-${i}`,
        prompt_token_ids: [72, 105],
        sampling: { max_new_tokens: TOKENS, ignore_eos: true },
      }),
    ),
  );

const ids = async ({ server }: SimulatedFleet): Promise<string[]> => {
  const { body } = await server.call<{ workers: Worker[] }>("GET", "/v1/workers");
  return body.workers.map(({ id }) => id);
};

test(
  "killed while it drains: its rollouts end whole elsewhere, and the drain is over",
  {
    timeout: 30_000,
  },
  () =>
    withFleet({ processes: ["w-1"] }, async (fleet) => {
      const { server } = fleet;
      const sent = sendAll(fleet);
      await fleet.settled(
        async () => (await fleet.engine("w-1").telemetry()).outputTokens > 10 * ROLLOUTS,
      );
      const removed = server.call("DELETE", "/v1/workers/w-1?drain=finish");
      await server.until(({ worker, to }) => worker === "w-1" && to === "draining");
      fleet.engine("w-1").signal("SIGKILL");
      expect(200, await removed);
      assert.deepEqual(await ids(fleet), ["w-2"]);
      const replies = await sent;
      for (const reply of replies) {
        expect(200, reply);
        assert.equal(reply.body.output_token_ids.length, TOKENS);
        assert.equal(reply.body.segments.at(-1)?.worker, "w-2");
      }
      assert.ok(
        replies.some(({ body }) => body.segments[0]?.worker === "w-1"),
        "it had rollouts to lose",
      );
      await fleet.join("w-1");
      await assertServes(fleet, 1, "w-1", "w-2");
    }),
);

test(
  "killed while asleep: told as lost, not woken, not waited for by a version; its next life serves",
  {
    timeout: 30_000,
  },
  () =>
    withFleet({ processes: ["w-1"] }, async (fleet) => {
      const { server } = fleet;
      expect(200, await server.call("POST", "/v1/workers/w-1/sleep"));
      const before = (await fleet.worker("w-1")).incarnation;
      fleet.engine("w-1").signal("SIGKILL");
      await server.until(({ worker, to }) => worker === "w-1" && to === "lost");
      const woken = await server.call<Failure>("POST", "/v1/workers/w-1/wake");
      assert.deepEqual([woken.status, woken.body.error.code], [503, "engine_unreachable"]);
      assert.match(woken.body.error.message, /^w-1 is lost/);
      expect(200, await fleet.publish(STEP_2));
      const pool = await server.call<{ workers: Worker[] }>("POST", "/v1/pools/default/wake");
      expect(200, pool);
      assert.deepEqual(
        pool.body.workers.map(({ id }) => id),
        ["w-2"],
      );
      await assertServes(fleet, 2, "w-2");
      await fleet.join("w-1");
      await assertServes(fleet, 2, "w-1", "w-2");
      assert.notEqual((await fleet.worker("w-1")).incarnation, before);
    }),
);
