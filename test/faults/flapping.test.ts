/** A fleet's only worker is killed and comes back under its id, again and again, under a steady load. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type EngineProcess, startEngineProcess } from "../conformance/engines/engine-process.ts";
import { STEP_1 } from "../support/live-server.ts";
import { seededRandom, testSeed } from "../support/seeded-random.ts";
import { expect, type SimulatedFleet, type Worker, withFleet } from "./simulated-fleet.ts";

const DEATHS = 30;
const LOAD = 8;
const seed = testSeed("flapping");

interface Reply {
  readonly id: string;
  readonly output_token_ids: readonly number[];
  readonly finish_reason: { readonly type: string };
  readonly spans: readonly { readonly start: number; readonly end: number }[];
  readonly routing: { readonly attempts: number };
}

/** Lengths differ, so that whenever one has ended the others are on their way. */
const tokensOf = (caller: number): number => 20 + 12 * caller;

interface Load {
  /** Resolves when that many more rollouts have ended. */
  ended(count: number): Promise<void>;
  /** Sends no more; answers all replies once the last is there. */
  finish(): Promise<Reply[]>;
}

function startLoad({ server }: SimulatedFleet): Load {
  const replies: Reply[] = [];
  let open = true;
  let sent = 0;
  let ended = (): void => {};
  const call = async (caller: number): Promise<void> => {
    while (open) {
      const reply = await server.call<Reply>("POST", "/v1/rollouts", {
        id: `r-${sent++}`,
        prompt_token_ids: [72, 105],
        sampling: { max_new_tokens: tokensOf(caller), ignore_eos: true },
      });
      expect(200, reply);
      assert.equal(reply.body.output_token_ids.length, tokensOf(caller), reply.body.id);
      replies.push(reply.body);
      ended();
    }
  };
  const callers = Promise.all(Array.from({ length: LOAD }, (_, caller) => call(caller)));
  return {
    async ended(count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const enough = replies.length + count;
      ended = () => {
        if (replies.length >= enough) resolve();
      };
      await Promise.race([promise, callers]);
    },
    async finish() {
      open = false;
      await callers;
      assert.equal(replies.length, sent);
      return replies;
    },
  };
}

const startWorker = (): Promise<EngineProcess> =>
  startEngineProcess({
    kind: "simulated",
    kvTokens: 65_536,
    maxRunning: 32,
    streamInterval: 4,
    simulated: { stepSeconds: 0.002 },
  });

const resources = (): number => process.getActiveResourcesInfo().length;

async function assertEndedOnce(fleet: SimulatedFleet, replies: readonly Reply[]): Promise<void> {
  const events = await fleet.events();
  const ended = events
    .filter(({ type }) => type === "rollout_finished" || type === "rollout_failed")
    .map(({ rollout }) => rollout);
  assert.deepEqual(ended.toSorted(), replies.map(({ id }) => id).toSorted());
  let made = 0;
  for (const { id, output_token_ids: tokens, spans, finish_reason: finish } of replies) {
    assert.equal(finish.type, "length", id);
    assert.equal(spans[0]?.start, 0, id);
    assert.equal(spans.at(-1)?.end, tokens.length, id);
    made += tokens.length;
  }
  assert.equal(await fleet.metric("paceline_output_tokens_total"), made);
  assert.equal(await fleet.metric("paceline_inflight"), 0);
  assert.equal(await fleet.metric("paceline_queue_depth"), 0);
}

test(
  `${DEATHS} deaths of the only worker: rollouts end whole and once, nothing of the dead stays`,
  {
    timeout: 90_000,
  },
  () =>
    withFleet({ engines: 0, publish: false }, async (fleet) => {
      const random = seededRandom(seed);
      const warnings: string[] = [];
      const warned = (warning: Error): void => void warnings.push(warning.message);
      process.on("warning", warned);
      const register = async ({ url }: EngineProcess): Promise<void> =>
        expect(
          200,
          await fleet.server.call("POST", "/v1/workers", { url, engine: "simulated", id: "w" }),
        );
      let worker = await startWorker();
      await register(worker);
      expect(200, await fleet.publish(STEP_1));
      const load = startLoad(fleet);
      const incarnations = new Set<string>();
      let atFirst = 0;
      for (let death = 0; death < DEATHS; death++) {
        await load.ended(2 + (random.u32() % 3));
        if (death === 0) atFirst = resources();
        incarnations.add((await fleet.worker("w")).incarnation);
        worker.kill("SIGKILL");
        await worker.ended;
        worker = await startWorker();
        await register(worker);
      }
      await load.ended(1);
      const atLast = resources();
      const replies = await load.finish();
      process.off("warning", warned);

      assert.equal(incarnations.size, DEATHS);
      assert.ok(
        replies.some(({ routing }) => routing.attempts > 1),
        "deaths struck rollouts",
      );
      await assertEndedOnce(fleet, replies);
      const { body } = await fleet.server.call<{ workers: Worker[] }>("GET", "/v1/workers");
      assert.deepEqual(
        body.workers.map(({ id, state }) => [id, state]),
        [["w", "ready"]],
      );
      assert.ok(atLast < atFirst + DEATHS / 2, `${atFirst} sockets and timers became ${atLast}`);
      assert.deepEqual(warnings, [], "no listeners pile up");
      worker.kill("SIGKILL");
      await worker.ended;
    }),
);
