/**
 * What other people's engines do wrong, over a whole server: rollouts are in flight on two of them, one misbehaves, and
 * every rollout has its tokens, each with the logprob that the model gives it, under versions that cover them.
 * `PACELINE_TEST_ALL=1` runs every fault; CI those that a server answers in different ways.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ERRORS } from "../../server/contract/errors.ts";
import type { FaultKind, FaultOptions } from "../fakes/core/fault.ts";
import { seededRandom, testSeed } from "../support/seeded-random.ts";
import {
  type AdapterFleet,
  assertTrue,
  createTruth,
  KINDS,
  type Made,
  withAdapters,
} from "./adapter-fleet.ts";
import { expect, type Failure } from "./simulated-fleet.ts";

const ROLLOUTS = 16;
const seed = testSeed("engine adapters");
const truth = createTruth();

interface Body {
  readonly id: string;
  readonly prompt_token_ids: readonly number[];
  readonly sampling: Readonly<Record<string, unknown>> & { readonly max_new_tokens: number };
  readonly timeout_ms?: number;
}

function bodies(): Body[] {
  const random = seededRandom(seed);
  const below = (limit: number): number => random.u32() % limit;
  return Array.from({ length: ROLLOUTS }, (_, i) => ({
    id: `r-${i}`,
    prompt_token_ids: Array.from({ length: 4 + below(40) }, () => 32 + below(90)),
    sampling: { max_new_tokens: 30 + below(40), ignore_eos: true, seed: below(2 ** 31) },
  }));
}

const send = ({ server }: AdapterFleet, body: object) =>
  server.call<Made & Failure>("POST", "/v1/rollouts", body);

async function assertMade(
  { status, body: made }: Awaited<ReturnType<typeof send>>,
  body: Body,
): Promise<void> {
  expect(200, { status, body: made });
  assert.equal(made.output_token_ids.length, body.sampling.max_new_tokens, made.id);
  assert.equal(made.logprobs.length, made.output_token_ids.length);
  let at = 0;
  for (const { version, start, end } of made.spans) {
    assert.ok(version === 1 && start === at && end > start, JSON.stringify(made.spans));
    at = end;
  }
  assert.equal(at, made.output_token_ids.length);
  await assertTrue(truth, body.prompt_token_ids, made);
}

interface Case {
  readonly kind: FaultKind;
  readonly options?: FaultOptions;
  readonly stuckMs?: number;
  /** Deltas without positions: which of the tokens were right nobody can say. */
  readonly not?: readonly (typeof KINDS)[number][];
}

const SPAN = { version: 1, start: 0, end: 1, kv: "pure", attested: "engine" };

const AFTER = { afterTokens: 8, count: 2 };
const ALL = process.env["PACELINE_TEST_ALL"] === "1";
const OFTEN: ReadonlySet<FaultKind> = new Set([
  "status",
  "stall",
  "die",
  "repeat",
  "nan_logprob",
  "version_default",
  "exit",
]);

const CASES: readonly Case[] = [
  { kind: "status", options: { status: 503, count: 20 } },
  { kind: "error_inside", options: { count: 3 } },
  { kind: "not_json", options: { count: 3 } },
  { kind: "reset", options: { count: 3 } },
  { kind: "hang", options: { count: 2 }, stuckMs: 800 },
  { kind: "stall", options: AFTER, stuckMs: 800 },
  { kind: "die", options: AFTER },
  { kind: "truncate", options: AFTER },
  { kind: "malformed", options: AFTER },
  { kind: "unfinished", options: { count: 2 } },
  { kind: "dribble", options: { afterTokens: 24, count: 2 } },
  { kind: "other_id", options: AFTER },
  { kind: "repeat", options: AFTER },
  { kind: "skip", options: AFTER },
  { kind: "reorder", options: AFTER, not: ["vllm"] },
  { kind: "past_end", options: { count: 2 } },
  { kind: "null_logprob", options: AFTER },
  { kind: "nan_logprob", options: AFTER },
  { kind: "floor_logprob", options: AFTER },
  { kind: "misaligned", options: AFTER },
  { kind: "huge_id", options: AFTER },
  { kind: "unknown_fields", options: { count: 4 } },
  { kind: "version_default", options: { count: 1 } },
  { kind: "version_huge", options: { count: 1 } },
  { kind: "versions_back", options: { count: 1 } },
  { kind: "spans_short", options: { count: 1 } },
  { kind: "exit", options: { afterTokens: 8 } },
];

for (const kind of KINDS) {
  describe(`one of two ${kind} misbehaves, and nothing is lost or made up`, () => {
    for (const { kind: fault, options = {}, stuckMs = 10_000, not = [] } of CASES) {
      if (not.includes(kind) || !(ALL || OFTEN.has(fault))) continue;
      const more = options.status === undefined ? "" : ` ${options.status}`;
      test(`${fault}${more} × ${options.count ?? 1}`, { timeout: 60_000 }, () =>
        withAdapters(kind, { stuck_ms: stuckMs }, async (fleet) => {
          fleet.engines[0]?.fault(fault, options);
          const all = bodies();
          const replies = await Promise.all(all.map((body) => send(fleet, body)));
          for (const [i, reply] of replies.entries()) await assertMade(reply, all[i] as Body);
        }),
      );
    }
  });

  describe(`${kind} refuses what was asked`, () => {
    for (const status of ALL ? [400, 404, 422] : [400]) {
      test(
        `${status}: a typed error for that rollout, and no breaker opens`,
        { timeout: 60_000 },
        () =>
          withAdapters(kind, {}, async (fleet) => {
            for (const engine of fleet.engines) engine.fault("status", { status, count: 3 });
            const all = bodies();
            const replies = await Promise.all(all.map((body) => send(fleet, body)));
            const failed = replies.filter((reply) => reply.status !== 200);
            for (const { status: told, body } of failed) {
              const { http, boundary } = ERRORS[body.error.code];
              assert.deepEqual([told, body.error.boundary], [http, boundary]);
            }
            for (const [i, reply] of replies.entries()) {
              if (reply.status === 200) await assertMade(reply, all[i] as Body);
            }
            assert.deepEqual(await Promise.all(["w-1", "w-2"].map((id) => fleet.state(id))), [
              "ready",
              "ready",
            ]);
            const again = { ...(all[0] as Body), id: "again" };
            await assertMade(await send(fleet, again), again);
          }),
      );
    }
  });

  test(`both ${kind} misbehave: typed, retryable errors in time, nothing inside a 200`, () =>
    withAdapters(kind, { stuck_ms: 800 }, async (fleet) => {
      for (const engine of fleet.engines) engine.fault("nan_logprob", { count: 1_000_000 });
      const replies = await Promise.all(
        bodies().map((body) => send(fleet, { ...body, timeout_ms: 4_000 })),
      );
      for (const { status, body } of replies) {
        assert.ok(status >= 400, JSON.stringify(body));
        assert.deepEqual([status, body.error.retryable], [ERRORS[body.error.code].http, true]);
      }
    }));

  test(`${kind} that is healthy but dead is found out, and its rollouts go elsewhere`, () =>
    withAdapters(kind, { stuck_ms: 800 }, async (fleet) => {
      fleet.engines[0]?.fault("hang", { count: 1_000_000 });
      const all = bodies();
      const replies = await Promise.all(all.map((body) => send(fleet, body)));
      for (const [i, reply] of replies.entries()) await assertMade(reply, all[i] as Body);
    }));

  test(`ids out of the vocabulary never reach ${kind}`, { timeout: 60_000 }, () =>
    withAdapters(kind, {}, async (fleet) => {
      const good = bodies()[0] as Body;
      const { sampling, prompt_token_ids: prompt } = good;
      const bad = [
        { prompt_token_ids: [...prompt, 260] },
        { prompt_token_ids: [0xffff_ffff] },
        { sampling: { ...sampling, stop_token_ids: [260] } },
        { sampling: { ...sampling, logit_bias: { "260": 1 } } },
        { continue: { output_token_ids: [260], logprobs: [-1], spans: [SPAN] } },
      ];
      for (const [i, wrong] of bad.entries()) {
        const { status, body } = await send(fleet, { ...good, ...wrong, id: `bad-${i}` });
        assert.deepEqual(
          [status, body.error.code],
          [400, "invalid_argument"],
          JSON.stringify(wrong),
        );
      }
      assert.deepEqual(await Promise.all(["w-1", "w-2"].map((id) => fleet.state(id))), [
        "ready",
        "ready",
      ]);
      await assertMade(await send(fleet, good), good);
    }),
  );

  test(
    `${kind} that cannot be reached by name, by TLS or at all is a typed error`,
    { timeout: 60_000 },
    () =>
      withAdapters(kind, {}, async ({ server, engines }) => {
        const { port } = new URL(engines[0]?.url ?? "");
        for (const url of [
          "http://nowhere.invalid:8000",
          `https://127.0.0.1:${port}`,
          "http://127.0.0.1:1",
        ]) {
          const body = { url, engine: kind, id: "w-9" };
          const { status, body: told } = await server.call<Failure>("POST", "/v1/workers", body);
          assert.ok(status >= 400, url);
          assert.equal(status, ERRORS[told.error.code].http);
          assert.notEqual(told.error.code, "internal", JSON.stringify(told));
        }
      }),
  );

  test(
    `${kind} that stands still on command keeps what it runs, for longer than a stream may be silent`,
    { timeout: 60_000 },
    () =>
      withAdapters(kind, { stuck_ms: 1_500 }, async (fleet) => {
        const all = bodies();
        const sent = Promise.all(all.map((body) => send(fleet, body)));
        const [one] = fleet.engines;
        while ((one?.model.stats().running ?? 0) === 0) await fleet.state("w-1");
        expect(200, await fleet.server.call("POST", "/v1/workers/w-1/pause", {}));
        // Longer than the silence that makes a stream stuck.
        await new Promise((resolve) => setTimeout(resolve, 2_200));
        expect(200, await fleet.server.call("POST", "/v1/workers/w-1/resume", {}));
        const replies = await sent;
        for (const [i, reply] of replies.entries()) await assertMade(reply, all[i] as Body);
        const stuck = (await fleet.events()).filter(({ evidence }) => evidence === "stuck");
        assert.deepEqual(stuck, []);
      }),
  );
}
