/** A machine whose wall clock jumps, and one that stands still for longer than any lease: nobody's rollout is touched. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimulatedEngine } from "../../adapters/simulated/engine.ts";
import type { Result } from "../../server/contract/result.ts";
import { liveClock } from "../../server/live-clock.ts";
import { startEngineProcess } from "../conformance/engines/engine-process.ts";
import { STEP_1, STEP_2 } from "../support/live-server.ts";
import { kill, startServerProcess } from "../support/server-process.ts";
import { expect, withFleet } from "./simulated-fleet.ts";
import { assertServes } from "./versions-served.ts";

const HOUR = 3_600_000;
const TOKENS = 400;

const body = (seed: number) => ({
  id: `r-${seed}`,
  prompt_token_ids: [7, seed],
  sampling: { max_new_tokens: TOKENS, seed, ignore_eos: true },
  timeout_ms: 50_000,
});

interface Reply {
  readonly output_token_ids: readonly number[];
  readonly routing: Pick<Result["routing"], "attempts">;
}

function assertUntouched({ output_token_ids, routing }: Reply): void {
  assert.equal(output_token_ids.length, TOKENS);
  assert.equal(routing.attempts, 1);
}

test("a wall clock that jumps by years under load", { timeout: 60_000 }, async () => {
  const jumps = [0, 48, -9_000, 9_000].map((hours) => hours * HOUR);
  let jumped = 0;
  const clock = { ...liveClock, wall: () => liveClock.wall() + (jumps[jumped] ?? 0) };
  await withFleet({ clock }, async (fleet) => {
    for (const seed of jumps.keys()) {
      jumped = seed;
      const replies = [0, 1, 2, 3].map((at) =>
        fleet.server.call<Reply>("POST", "/v1/rollouts", body(4 * seed + at)),
      );
      for (const reply of await Promise.all(replies)) {
        expect(200, reply);
        assertUntouched(reply.body);
      }
      // What was made before the jump is neither too old nor too new to be asked for.
      expect(200, await fleet.server.call("GET", "/v1/rollouts/r-0"));
    }
    expect(200, await fleet.publish(STEP_2));
    await assertServes(fleet, 2, "w-1", "w-2");
    assert.equal(await fleet.metric("paceline_attempts_total", 'outcome="lost"'), 0);
  });
});

test("a server that is frozen for longer than its leases", { timeout: 60_000 }, async () => {
  const engine = await startEngineProcess({
    kind: "simulated",
    kvTokens: 65_536,
    maxRunning: 32,
    streamInterval: 4,
    simulated: { stepSeconds: 0.005 },
  });
  const client = createSimulatedEngine(engine.url);
  const server = await startServerProcess({ store: "memory", "probe-ms": 100, "lease-ms": 500 });
  const { child, call } = server;
  const running = async () => (await client.telemetry(AbortSignal.timeout(5_000))).running;
  try {
    await call("PUT", "/v1/policies/default", {});
    await call("POST", "/v1/workers", { url: engine.url, engine: "simulated", id: "w" });
    const source = { path: STEP_1 };
    await call("POST", "/v1/policies/default/versions?wait=committed", { source });
    const replies = Array.from({ length: 16 }, (_, seed) =>
      call<Reply>("POST", "/v1/rollouts", body(seed)),
    );
    for (const reply of replies) reply.catch(() => undefined);
    while ((await running()) < replies.length);
    child.kill("SIGSTOP");
    // Some two seconds: the engine goes on into the sockets.
    while ((await running()) > 0);
    child.kill("SIGCONT");
    for (const reply of await Promise.all(replies)) assertUntouched(reply);
    const { state } = await call<{ state: string }>("GET", "/v1/workers/w");
    assert.equal(state, "ready");
  } finally {
    child.kill("SIGCONT");
    await kill(server);
    await client.close();
    engine.kill("SIGKILL");
    await engine.ended;
  }
});
