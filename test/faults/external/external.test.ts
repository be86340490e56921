/**
 * Versions whose bytes a separate process moves behind Paceline's back, into embedded engines under load: spans name the
 * version that made each token, and nobody serves what it did not prove, whoever lies, dies or comes too late.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createReplayer } from "../../../server/engine/replay.ts";
import { STEP_1, STEP_2 } from "../../support/live-server.ts";
import { expect } from "../simulated-fleet.ts";
import { DIGEST_1, type ExternalFleet, withExternalFleet } from "./external-fleet.ts";

const TIMEOUT = { timeout: 60_000 };
/** The first version, moved by a mover like all others. */
const FIRST = { path: STEP_1, digest: DIGEST_1 };

interface Reply {
  readonly output_token_ids: readonly number[];
  readonly logprobs: readonly number[];
  readonly spans: readonly {
    readonly version: number;
    readonly start: number;
    readonly end: number;
    readonly kv: "pure" | "mixed";
  }[];
}

/** An engine's answers to an update call that are none. */
const LIES = [
  { kind: "update_ignored" },
  { kind: "update_other", path: STEP_1 },
  { kind: "update_partial" },
] as const;

const WISHES = ["keep", "reprefill", "finish"] as const;
const PROMPT = [49, 55, 43, 50, 53, 61];
let sent = 0;

/** `count` rollouts in flight, one third with each wish. */
function load(fleet: ExternalFleet, count: number, tokens = 160) {
  const bodies = Array.from({ length: count }, (_, i) => ({
    id: `load-${sent++}`,
    prompt_token_ids: [...PROMPT, 48 + (i % 10)],
    sampling: { max_new_tokens: tokens, ignore_eos: true, seed: i + 1 },
    on_update: WISHES[i % 3],
  }));
  const replies = Promise.all(
    bodies.map(async (body) => {
      const reply = await fleet.server.call<Reply>("POST", "/v1/rollouts", body);
      expect(200, reply);
      return reply.body;
    }),
  );
  return {
    replies,
    /** Each token is what the weights of its span's version make at that place. */
    async check(
      paths: ReadonlyMap<number, string>,
    ): Promise<{ mixed: number; versions: number[] }> {
      const replayer = createReplayer({ directory: STEP_1 });
      let mixed = 0;
      const versions = new Set<number>();
      for (const [index, reply] of (await replies).entries()) {
        // The server computes in this process too: its probes must not lie unread for as long as all of this takes.
        await setImmediate();
        const { prompt_token_ids: prompt, sampling } = bodies[index] as (typeof bodies)[number];
        assert.equal(reply.output_token_ids.length, tokens);
        const { logprobs, tokenIds } = replayer.replay({
          promptTokenIds: Uint32Array.from(prompt),
          outputTokenIds: Uint32Array.from(reply.output_token_ids),
          sampling: { ...SAMPLING, maxNewTokens: tokens, seed: sampling.seed },
          siblingIndex: 0,
          logprobMode: "processed",
          runs: reply.spans.map(({ version, start, end, kv }) => {
            versions.add(version);
            const weights = paths.get(version);
            assert.ok(weights, `a token claims version ${version}`);
            return { start, end, weights, rebuild: kv === "pure" };
          }),
        });
        if (reply.spans.some(({ kv }) => kv === "mixed")) mixed++;
        assert.deepEqual([...tokenIds], reply.output_token_ids, JSON.stringify(reply.spans));
        for (const [at, reported] of reply.logprobs.entries()) {
          assert.ok(Math.abs(reported - (logprobs[at] as number)) <= 1e-5, `logprob ${at}`);
        }
      }
      return { mixed, versions: [...versions].sort((a, b) => a - b) };
    },
  };
}

const SAMPLING = {
  minNewTokens: 0,
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  stopTokenIds: [],
  ignoreEos: true,
  logitBias: [],
  allowedTokenIds: [],
  badWords: [],
};

/** All workers hold and serve `version`, proven so. */
async function assertServes(
  fleet: ExternalFleet,
  version: number,
  proof: string,
  ...ids: string[]
) {
  for (const id of ids) {
    const { state, versions } = await fleet.worker(id);
    assert.equal(state, "ready", id);
    assert.deepEqual(
      versions.map((held) => [held.version, held.proof]),
      [[version, proof]],
    );
  }
}

async function moveFirst(fleet: ExternalFleet): Promise<void> {
  const { last } = await fleet.move(FIRST);
  assert.deepEqual([last.step, last.status, last.body.state], ["committed", 200, "installed"]);
}

/** Resolves when some rollouts have tokens. */
async function underWay(fleet: ExternalFleet): Promise<void> {
  await fleet.settled(async () => {
    let running = 0;
    for (const id of Object.keys(fleet.engines)) {
      const { body } = await fleet.server.call<{
        load: { output_tokens: number; running: number };
      }>("GET", `/v1/workers/${id}`);
      running += body.load?.running ?? 0;
    }
    return running >= 6;
  });
}

test(
  "a mover's versions under load: spans name what made each token, whatever rollouts wish",
  TIMEOUT,
  () =>
    withExternalFleet({ proofs: ["digest", "digest"] }, async (fleet) => {
      await moveFirst(fleet);
      await assertServes(fleet, 1, "digest", "w-1", "w-2");
      // Long enough that some are still running when the gate closes, on any machine.
      const running = load(fleet, 24, 900);
      await underWay(fleet);
      const { last, steps } = await fleet.move({ publication: { update_grace_ms: 100 } });
      assert.deepEqual([last.step, last.status, last.body.installed], ["committed", 200, 2]);
      const gated = steps.find(({ step }) => step === "gated");
      assert.ok((gated?.body.lapse_ms ?? 0) > 100_000);
      const paths = new Map([
        [1, STEP_1],
        [2, STEP_2],
      ]);
      const { mixed, versions } = await running.check(paths);
      assert.deepEqual(versions, [1, 2]);
      assert.ok(mixed > 0, "some lived through it in place");
      await assertServes(fleet, 2, "digest", "w-1", "w-2");
      assert.deepEqual((await load(fleet, 3).check(paths)).versions, [2]);
    }),
);

describe("a worker that lies about what its mover put there", () => {
  test("with a digest to show: found out by it; the next version heals it", TIMEOUT, () =>
    withExternalFleet({ proofs: ["digest", "digest"] }, async (fleet) => {
      await moveFirst(fleet);
      let version = 1;
      for (const fault of LIES) {
        await fleet.fault("w-2", fault);
        const { last } = await fleet.move({});
        version += 1;
        assert.deepEqual([last.status, last.body.installed], [200, 1]);
        const liar = last.body.workers.find(({ worker }) => worker === "w-2");
        assert.equal(liar?.phase, "poisoned", fault.kind);
        assert.match(liar.reason ?? "", /digest_mismatch/);
        await assertServes(fleet, version, "digest", "w-1");
        const { state, versions } = await fleet.worker("w-2");
        assert.deepEqual([state, versions], ["poisoned", []]);
        const made = await load(fleet, 3).check(new Map([[version, STEP_2]]));
        assert.deepEqual(made.versions, [version]);
        const next = await fleet.move(FIRST);
        version += 1;
        assert.deepEqual([next.last.status, next.last.body.installed], [200, 2]);
        await assertServes(fleet, version, "digest", "w-1", "w-2");
      }
    }),
  );

  test("with a receipt: found out by its canary; what was emptied goes on elsewhere", TIMEOUT, () =>
    withExternalFleet({ proofs: ["receipt", "receipt", "receipt"] }, async (fleet) => {
      await moveFirst(fleet);
      await assertServes(fleet, 1, "receipt", "w-1", "w-2", "w-3");
      const paths = new Map([[1, STEP_1]]);
      for (const fault of LIES) {
        await fleet.fault("w-2", fault);
        const running = load(fleet, 6);
        const { last } = await fleet.move({});
        paths.set(last.body.version, STEP_2);
        assert.deepEqual([last.status, last.body.installed], [200, 2]);
        const liar = last.body.workers.find(({ worker }) => worker === "w-2");
        assert.equal(liar?.phase, "poisoned", fault.kind);
        assert.match(liar.reason ?? "", /canary/);
        await assertServes(fleet, last.body.version, "receipt", "w-1", "w-3");
        // An engine that must compute before it is trusted keeps nobody in place.
        assert.equal((await running.check(paths)).mixed, 0);
        const next = await fleet.move(FIRST);
        paths.set(next.last.body.version, STEP_1);
        assert.equal(next.last.body.installed, 3);
      }
    }),
  );

  test(
    "alone, with a receipt: a canary that is what it was finds that nothing was loaded",
    TIMEOUT,
    () =>
      withExternalFleet({ proofs: ["receipt"] }, async (fleet) => {
        await moveFirst(fleet);
        await fleet.fault("w-1", { kind: "update_ignored" });
        const { last } = await fleet.move({});
        assert.deepEqual([last.status, last.body.error?.code], [409, "commit_aborted"]);
        assert.equal(last.body.error?.details["cause"], "digest_mismatch");
        assert.match(JSON.stringify(last.body.error?.details["workers"]), /nothing was loaded/);
        assert.equal((await fleet.progress(2)).state, "aborted");
        assert.equal((await fleet.worker("w-1")).state, "poisoned");
        assert.equal((await fleet.move(FIRST)).last.body.installed, 1);
        await assertServes(fleet, 3, "receipt", "w-1");
      }),
  );

  test(
    "its label alone: refused unless the policy says so, and then believed",
    TIMEOUT,
    async () => {
      await withExternalFleet({ proofs: ["reported"] }, async (fleet) => {
        const { last } = await fleet.move(FIRST);
        assert.deepEqual([last.step, last.body.error?.code], ["gated", "no_eligible_worker"]);
        assert.match((await fleet.progress(1)).workers[0]?.reason ?? "", /no more than reported/);
      });
      const declaration = { min_proof: "reported" };
      await withExternalFleet({ proofs: ["reported"], declaration }, async (fleet) => {
        await moveFirst(fleet);
        await assertServes(fleet, 1, "reported", "w-1");
        // Nobody can find this out: that is what was agreed to.
        await fleet.fault("w-1", { kind: "update_ignored" });
        assert.equal((await fleet.move({})).last.body.installed, 1);
        await assertServes(fleet, 2, "reported", "w-1");
      });
    },
  );
});
