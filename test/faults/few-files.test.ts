/** An engine that may open far fewer sockets than it is sent rollouts: no hang, no death, no wrong answer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRORS } from "../../server/contract/errors.ts";
import { startEngineProcess } from "../conformance/engines/engine-process.ts";
import { STEP_1 } from "../support/live-server.ts";
import { expect, type Failure, type Worker, withFleet } from "./simulated-fleet.ts";

const FILES = 64;
const ROLLOUTS = 200;
const TOKENS = 100;

type Reply = Failure & { readonly output_token_ids: readonly number[] };

const submit = (id: string) => ({
  id,
  prompt_token_ids: [72, 105],
  sampling: { max_new_tokens: TOKENS, ignore_eos: true },
  timeout_ms: 60_000,
});

test(
  `${ROLLOUTS} rollouts for an engine of ${FILES} files: ended whole or refused by a typed error`,
  {
    timeout: 110_000,
  },
  () =>
    withFleet(
      { engines: 0, publish: false },
      async ({ server, publish, settled, worker, metric }) => {
        const engine = await startEngineProcess(
          {
            kind: "simulated",
            kvTokens: 1_048_576,
            maxRunning: 256,
            streamInterval: 4,
            simulated: { stepSeconds: 0.002 },
          },
          FILES,
        );
        try {
          const body = { url: engine.url, engine: "simulated", id: "w" };
          const { body: registered } = await server.call<Worker>("POST", "/v1/workers", body);
          expect(200, await publish(STEP_1));
          const replies = await Promise.all(
            Array.from({ length: ROLLOUTS }, (_, i) =>
              server.call<Reply>("POST", "/v1/rollouts", submit(`r-${i}`)),
            ),
          );
          for (const { status, body: given } of replies) {
            if (status === 200) {
              assert.equal(given.error, undefined);
              assert.equal(given.output_token_ids.length, TOKENS);
            } else assert.equal(status, ERRORS[given.error.code].http);
          }
          await settled(async () => (await worker("w")).state === "ready");
          expect(200, await server.call("POST", "/v1/rollouts", submit("after")));
          assert.equal((await worker("w")).incarnation, registered.incarnation);
          assert.ok((await metric("paceline_attempts_total")) > ROLLOUTS + 1, "the limit was met");
          assert.equal(await metric("paceline_inflight"), 0);
        } finally {
          engine.kill("SIGTERM");
        }
        assert.equal(await engine.ended, "SIGTERM", "it lived until now");
      },
    ),
);
