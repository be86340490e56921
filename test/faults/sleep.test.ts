/** A worker sleeps while it is full of rollouts: they go on elsewhere, nothing is sent to it, and it wakes to the fleet's version. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { STEP_2 } from "../support/live-server.ts";
import { expect, withFleet } from "./simulated-fleet.ts";

const ROLLOUTS = 12;

const submit = (id: string) => ({
  id,
  prompt_token_ids: [72, 105],
  sampling: { max_new_tokens: 400, ignore_eos: true },
});

test("a sleeper's rollouts move with their tokens; it wakes and catches up before it is asked again", async () => {
  await withFleet({ engines: 2 }, async (fleet) => {
    const { server } = fleet;
    const running = Array.from({ length: ROLLOUTS }, (_, i) =>
      server.call<{ output_token_ids: number[]; routing: { worker: string; moves: number } }>(
        "POST",
        "/v1/rollouts",
        submit(`r-${i}`),
      ),
    );
    await fleet.settled(async () => (await fleet.engine("w-1").telemetry()).outputTokens > 0);
    const asleep = await server.call<{ state: string }>("POST", "/v1/workers/w-1/sleep");
    expect(200, asleep);
    assert.equal(asleep.body.state, "asleep");
    const made = (await fleet.engine("w-1").telemetry()).outputTokens;
    const results = await Promise.all(running);
    for (const result of results) {
      expect(200, result);
      assert.equal(result.body.output_token_ids.length, 400);
      assert.equal(result.body.routing.worker, "w-2");
    }
    assert.ok(results.some(({ body }) => body.routing.moves > 0));
    assert.equal((await fleet.engine("w-1").telemetry()).outputTokens, made);

    for (const path of ["pause", "resume", "flush"])
      expect(409, await server.call("POST", `/v1/workers/w-1/${path}`));
    expect(200, await fleet.publish(STEP_2));
    assert.deepEqual(
      (await fleet.worker("w-1")).versions.map(({ version }) => version),
      [1],
    );
    expect(200, await server.call("POST", "/v1/pools/default/wake"));
    await fleet.settled(async () => {
      const { state, versions } = await fleet.worker("w-1");
      return state === "ready" && versions[0]?.version === 2;
    });
  });
});

test("a pool sleeps as a whole: rollouts are held, not failed, until it wakes", async () => {
  await withFleet({ engines: 2 }, async ({ server, settled, events }) => {
    const sleeping = await server.call<{ workers: { state: string }[] }>(
      "POST",
      "/v1/pools/default/sleep",
    );
    expect(200, sleeping);
    assert.deepEqual(
      sleeping.body.workers.map(({ state }) => state),
      ["asleep", "asleep"],
    );
    const waiting = server.call<{ output_token_ids: number[] }>(
      "POST",
      "/v1/rollouts",
      submit("held"),
    );
    await settled(async () => (await events()).some((event) => event["rollout"] === "held"));
    const { body } = await server.call<{ state: string }>("GET", "/v1/rollouts/held");
    assert.equal(body.state, "held");
    expect(200, await server.call("POST", "/v1/pools/default/wake"));
    expect(200, await waiting);
  });
});
