/** Every route of HTTP over a whole server and simulated engines: callers that also leave when it takes long. */
import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { type SimulatedFleet, withFleet } from "../faults/simulated-fleet.ts";
import { assertHttpAnswer } from "./answer-oracle.ts";
import type { Target } from "./campaign.ts";
import { createHttpExchange } from "./http-exchange.ts";
import { type HttpInput, httpInputs, shownInput } from "./http-input.ts";
import { isEndless, isNoAnswer } from "./http-target.ts";

const PATIENCE_MS = 20_000;
/** For what may rightly take as long as it likes: a rollout, a drain, a publication. */
const LOOK_MS = 150;

export const liveTarget: Target<HttpInput> = {
  name: "live",
  inputs: httpInputs,
  shown: shownInput,
  async open() {
    const ready = Promise.withResolvers<SimulatedFleet>();
    const over = Promise.withResolvers<void>();
    const settings = { result_ttl_ms: 200, detach_ms: 50 };
    const ended = withFleet({ engines: 1, settings }, async (fleet) => {
      // What is fuzzed by name is `w-2` alone: `w-1` must serve at the end.
      await fleet.join("w-2");
      ready.resolve(fleet);
      await over.promise;
    });
    const fleet = await Promise.race([ready.promise, ended.then(() => assert.fail("no fleet"))]);
    const port = Number(new URL(fleet.server.http).port);
    const exchanges: { close(): void }[] = [];
    return {
      lane() {
        const exchange = createHttpExchange(port);
        exchanges.push(exchange);
        return async (input) => {
          const patience = input.method === "GET" ? PATIENCE_MS : LOOK_MS;
          try {
            const answer = await exchange.send(input, patience, isEndless(input));
            assert.ok(answer !== null || patience === LOOK_MS, "no answer");
            // What breaks off because we leave is no error's whole reply.
            if (answer !== null && (answer.whole || answer.status < 400)) {
              assertHttpAnswer(input, answer);
            }
          } catch (error) {
            if (!isNoAnswer(input, error)) throw error;
          }
        };
      },
      healthy: () => assertServes(fleet),
      async close() {
        for (const exchange of exchanges) exchange.close();
        over.resolve();
        await ended;
      },
    };
  },
};

/** Serves, and nothing of what was sent before goes on or was a defect. */
export async function assertServes({ server, metric }: SimulatedFleet): Promise<void> {
  const reply = await server.call("POST", "/v1/rollouts", {
    prompt_token_ids: [72],
    sampling: { max_new_tokens: 4 },
    timeout_ms: PATIENCE_MS,
  });
  assert.equal(reply.status, 200, JSON.stringify(reply.body));
  // Those whose callers left end; a snapshot, not an event, is what is asked.
  for (let look = 0; (await metric("paceline_inflight")) > 0; look++) {
    assert.ok(look < 400, `${await metric("paceline_inflight")} rollouts of nobody go on`);
    await wait(25);
  }
  assert.equal(await metric("paceline_queue_depth"), 0);
  assert.equal(await metric("paceline_errors_total", 'code="internal"'), 0, "defects");
}
