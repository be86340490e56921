/**
 * Adapters over a whole server and two engines, under load: a rollout ends under the version that it began with, says
 * what that lay on, and an old version leaves its engines behind the last of them.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { adapterDirectory } from "../support/adapter-directory.ts";
import { STEP_1, STEP_2 } from "../support/live-server.ts";
import {
  type AdapterFleet,
  assertTrue,
  createTruth,
  type FakeEngine,
  KINDS,
  type Made,
  withAdapters,
} from "./adapter-fleet.ts";
import { expect } from "./simulated-fleet.ts";

const PROMPT = [49, 55, 43, 50, 53, 61];
const TOKENS = 200;
const ROLLOUTS = 12;

/** What stands for the adapter's two versions, and for the base's. */
const [first, second] = [adapterDirectory(STEP_2), adapterDirectory(STEP_1)];
after(() => {
  first.remove();
  second.remove();
});

async function publish({ server }: AdapterFleet, policy: string, path: string): Promise<void> {
  const call = `/v1/policies/${policy}/versions?wait=committed`;
  expect(200, await server.call("POST", call, { source: { path } }));
}

async function declare({ server }: AdapterFleet): Promise<void> {
  expect(200, await server.call("PUT", "/v1/policies/tuned", { kind: "lora", base: "default" }));
}

const rollout = ({ server }: AdapterFleet, id: string, more: object = {}) =>
  server.call<Made>("POST", "/v1/rollouts", {
    id,
    policy: "tuned",
    prompt_token_ids: PROMPT,
    sampling: { max_new_tokens: TOKENS, ignore_eos: true },
    want: { logprob_modes: ["processed", "tempered"] },
    ...more,
  });

/** Polls until it is so: what an engine has after a call has returned nobody is told. */
async function until(what: string, is: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await is()); tries++) {
    assert.ok(tries < 400, what);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

const names = (engines: readonly FakeEngine[]): string[][] =>
  engines.map(({ model }) => [...model.adapters.keys()].sort());

/** `version/base start-end` of each span. */
const spansOf = ({ spans }: Made): string[] =>
  spans.map((one) => `${one.version}/${one.base_version} ${one.start}-${one.end}`);

/** Rollouts under the first version that all run. */
async function begun(fleet: AdapterFleet): Promise<ReturnType<typeof rollout>[]> {
  await declare(fleet);
  await publish(fleet, "tuned", first.path);
  assert.deepEqual(names(fleet.engines), [["tuned@1"], ["tuned@1"]]);
  const running = Array.from({ length: ROLLOUTS }, (_, i) => rollout(fleet, `r-${i}`));
  await until(
    "all run",
    () => fleet.engines.reduce((sum, { model }) => sum + model.requests, 0) === ROLLOUTS,
  );
  return running;
}

for (const kind of KINDS) {
  describe(`adapters on ${kind}`, { timeout: 120_000 }, () => {
    test("a new version in the midst of rollouts: none changes, none is moved, the old one leaves", () =>
      withAdapters(kind, {}, async (fleet) => {
        const running = await begun(fleet);
        await publish(fleet, "tuned", second.path);
        // Committed is not yet installed everywhere.
        const later = await rollout(fleet, "new", { version: { exact: 2 } });
        const truths = [createTruth(STEP_2), createTruth(STEP_1)] as const;
        for (const reply of await Promise.all(running)) {
          expect(200, reply);
          assert.deepEqual(spansOf(reply.body), [`1/1 0-${TOKENS}`]);
          assert.equal(reply.body.routing.attempts, 1);
          await assertTrue(truths[0], PROMPT, reply.body);
        }
        expect(200, later);
        assert.deepEqual(spansOf(later.body), [`2/1 0-${TOKENS}`]);
        await assertTrue(truths[1], PROMPT, later.body);
        await until("the old one has left", () =>
          names(fleet.engines).every((held) => held.join() === "tuned@2"),
        );
      }));

    test("a new base beneath them: the adapter stays, and spans say what it lay on", () =>
      withAdapters(kind, {}, async (fleet) => {
        const running = await begun(fleet);
        await publish(fleet, "default", STEP_2);
        for (const reply of await Promise.all(running)) {
          expect(200, reply);
          const { spans } = reply.body;
          assert.ok(spans.every(({ version }) => version === 1));
          assert.ok(spans.length <= 2 && spans.at(-1)?.end === TOKENS);
          for (const { base_version: base } of spans) assert.ok(base === 1 || base === 2);
        }
        const later = await rollout(fleet, "later");
        assert.deepEqual(spansOf(later.body), [`1/2 0-${TOKENS}`]);
      }));

    test("an engine that dies takes its rollouts' adapter with it: they go on under the other's", () =>
      withAdapters(kind, {}, async (fleet) => {
        const running = await begun(fleet);
        fleet.engines[0]?.exit();
        const truth = createTruth(STEP_2);
        for (const reply of await Promise.all(running)) {
          expect(200, reply);
          assert.ok(reply.body.spans.every(({ version }) => version === 1));
          await assertTrue(truth, PROMPT, reply.body);
        }
      }));
  });
}

test("what an adapter's rollouts cannot do is refused by name", { timeout: 60_000 }, () =>
  withAdapters("vllm", {}, async (fleet) => {
    const { server } = fleet;
    await declare(fleet);
    const none = { source: { path: STEP_2 } };
    const rejected = await server.call<{ error: { code: string } }>(
      "POST",
      "/v1/policies/tuned/versions",
      none,
    );
    assert.equal(rejected.body.error.code, "weights_rejected");
    const asked = await server.call<{ error: { code: string; details: { path: string } } }>(
      "POST",
      "/v1/rollouts",
      {
        policy: "tuned",
        prompt_token_ids: PROMPT,
        sampling: { max_new_tokens: 4 },
        on_update: "reprefill",
      },
    );
    assert.deepEqual(
      [asked.body.error.code, asked.body.error.details.path],
      ["unsupported", "on_update"],
    );
  }),
);
