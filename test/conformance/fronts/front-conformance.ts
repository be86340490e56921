/** What every front does, over a scripted service: the same bodies in, the same Results, events and errors out. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { encodeProgress } from "../../../server/api/codec/progress.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { Result } from "../../../server/contract/result.ts";
import { progress } from "../../../server/contract/schema-result.ts";
import type { RolloutEvent, RolloutProgress } from "../../../server/rollouts/service.ts";
import { wholeResult } from "../../../server/rollouts/whole-result.ts";
import {
  createScriptedRollouts,
  type Script,
  type ScriptedRollouts,
  scriptedId,
  scriptedLogprob,
} from "../../support/scripted-rollouts.ts";
import { REFUSED_ROLLOUTS } from "./refused-rollouts.ts";

/** One front as a caller sees it. Every call throws the PacelineError that the front answered. */
export interface FrontClient {
  /** Aborting `signal` closes the call as a client that goes away does. */
  generate(body: unknown, signal?: AbortSignal): Promise<Result>;
  /** Ends after `finished`; throws the error that ended the rollout. */
  stream(
    body: unknown,
    signal?: AbortSignal,
  ): AsyncIterable<{ readonly seq: number; readonly event: RolloutEvent }>;
  get(job: string, id: string): Promise<{ result: Result } | { progress: RolloutProgress }>;
  abort(job: string, id: string): Promise<Result>;
  /** The body of a progress with its timeline. */
  timeline(job: string, id: string): Promise<unknown>;
  close(): Promise<void>;
}

export interface Front {
  readonly wire: "json" | "proto";
  /** Serves `rollouts` on a free port of 127.0.0.1 and connects to it. `close` ends both. */
  connect(rollouts: ScriptedRollouts): Promise<FrontClient>;
}

const BODY = { id: "r-1", prompt_token_ids: [72, 105], sampling: { max_new_tokens: 5 } };

/** Runs until the test lets go: two tokens, then a wait. */
const stuck: Script = () => [
  { do: "tokens", count: 2, version: 7 },
  { do: "wait", until: new Promise(() => {}) },
];

export function frontConformance(name: string, front: Front): void {
  suite(`${name} serves the contract`, () => {
    refusals(front);
    answers(front);
    streams(front);
    lives(front);
    failures(front);
  });
}

async function serving(
  front: Front,
  script: Script | undefined,
  use: (client: FrontClient, rollouts: ScriptedRollouts) => Promise<void>,
): Promise<void> {
  const rollouts = createScriptedRollouts(script);
  const client = await front.connect(rollouts);
  try {
    await use(client, rollouts);
  } finally {
    await client.close();
  }
}

function refusals(front: Front): void {
  suite("refuses, with the path, before anything is done", () => {
    const rollouts = createScriptedRollouts();
    let client: FrontClient | undefined;
    before(async () => {
      client = await front.connect(rollouts);
    });
    after(async () => {
      await client?.close();
      assert.deepEqual(rollouts.submitted, []);
    });
    for (const refused of REFUSED_ROLLOUTS) {
      if (front.wire === "json" ? refused.protoOnly : refused.jsonOnly) continue;
      test(refused.name, async () => {
        assert.ok(client);
        await assert.rejects(client.generate(refused.body), (error) => {
          assert.ok(error instanceof PacelineError, String(error));
          assert.equal(error.code, refused.code, error.message);
          assert.equal(error.details["path"], refused.path, error.message);
          return true;
        });
      });
    }
  });
}

function assertTokens(result: Result, length: number): void {
  assert.deepEqual(
    result.outputTokenIds,
    Uint32Array.from({ length }, (_, i) => scriptedId(i)),
  );
  assert.deepEqual(
    result.logprobs,
    Float32Array.from({ length }, (_, i) => scriptedLogprob(i)),
  );
}

function answers(front: Front): void {
  test("answers the Result, whole", () =>
    serving(front, undefined, async (client, rollouts) => {
      const body = {
        ...BODY,
        job: "j",
        policy: "p",
        group: { id: "g-7", size: 8, index: 3 },
        session: { id: "s-2", turn: 1, final: true },
      };
      const result = await client.generate(body);
      assertTokens(result, 5);
      assert.deepEqual(result, await rollouts.life("j", "r-1").result());
    }));

  test("answers a prompt's logprobs, whole and as a stream's end", () =>
    serving(front, undefined, async (client, rollouts) => {
      for (const [index, start] of [0, 1].entries()) {
        const body = {
          ...BODY,
          id: `r-${index}`,
          sampling: { max_new_tokens: 0 },
          want: { prompt_logprobs: { start } },
        };
        const result = await client.generate(body);
        assert.deepEqual(result, await rollouts.life("default", body.id).result());
        assert.deepEqual([result.side?.prompt?.start, result.outputTokenIds.length], [start, 0]);
        for await (const { event } of client.stream(body)) {
          if (event.type === "finished") assert.deepEqual(event.result, result);
        }
      }
    }));

  test("answers rows of side data", () =>
    serving(front, undefined, async (client, rollouts) => {
      const body = { ...BODY, want: { top_logprobs: 3, sampling_mask: true } };
      const result = await client.generate(body);
      assert.deepEqual(result, await rollouts.life("default", "r-1").result());
      assert.deepEqual([...(result.side?.top?.offsets ?? [])], [0, 1, 3, 6, 7, 9]);
      for await (const { event } of client.stream(body)) {
        if (event.type === "finished") assert.deepEqual(event.result, result);
      }
    }));

  test("tells side data by reference, whose bytes are the rows that it would have told", () =>
    serving(front, undefined, async (client, rollouts) => {
      const want = { top_logprobs: 3, sampling_mask: true, prompt_logprobs: { start: 1 } };
      const inline = await client.generate({ ...BODY, id: "r-2", want });
      const body = { ...BODY, want: { ...want, side_by_ref: true } };
      const result = await client.generate(body);
      assert.deepEqual(result, await rollouts.life("default", "r-1").result());
      const { prompt, top, mask, stored } = result.side ?? {};
      assert.deepEqual([prompt, top, mask], [null, null, null]);
      assert.deepEqual(
        [stored?.prompt, stored?.top, stored?.mask].map((part) => [part?.rows, part?.entries]),
        [
          [inline.side?.prompt?.logprobs.length, inline.side?.prompt?.logprobs.length],
          [5, inline.side?.top?.ids.length],
          [5, inline.side?.mask?.ids.length],
        ],
      );
      assert.deepEqual((await wholeResult(result, rollouts)).side, inline.side);
      for await (const { event } of client.stream(body)) {
        if (event.type === "finished") assert.deepEqual(event.result, result);
      }
    }));

  test("hands the service what was asked for, defaults in place", () =>
    serving(front, undefined, async (client, rollouts) => {
      await client.generate({
        prompt_token_ids: [72, 0, 4_294_967_295],
        sampling: {
          max_total_tokens: 7,
          temperature: 0,
          repetition_penalty: 1.1,
          top_k: -1,
          seed: Number.MAX_SAFE_INTEGER,
          logit_bias: { "9": -1.5, "5": 2 },
          stop_token_ids: [3],
          engine: { nested: { on: true, list: [1, "two", null] } },
        },
        version: { max_lag: 0 },
        on_update: "reprefill",
        required_features: ["sampling.min_p", "version.max_lag"],
      });
      const [rollout] = rollouts.submitted;
      assert.ok(rollout);
      assert.match(rollout.id, /^[A-Za-z0-9._:-]{1,128}$/);
      assert.deepEqual([rollout.job, rollout.policy, rollout.pool], ["default", "default", null]);
      assert.deepEqual(rollout.promptTokenIds, Uint32Array.of(72, 0, 4_294_967_295));
      assert.deepEqual(rollout.version, { max_lag: 0 });
      assert.equal(rollout.onUpdate, "reprefill");
      assert.deepEqual(rollout.want.logprobModes, ["processed", "tempered"]);
      const { sampling } = rollout;
      // Not what 32 bits make of it: the same body over both fronts must have the same hash.
      assert.equal(sampling.repetitionPenalty, 1.1);
      assert.deepEqual(
        [sampling.maxNewTokens, sampling.temperature, sampling.topK, sampling.topP, rollout.seed],
        [4, 0, 0, 1, Number.MAX_SAFE_INTEGER],
      );
      assert.deepEqual(
        [...sampling.logitBias],
        [
          [5, 2],
          [9, -1.5],
        ],
      );
      assert.deepEqual(sampling.stopTokenIds, [3]);
      assert.deepEqual(sampling.engine, { nested: { on: true, list: [1, "two", null] } });
    }));

  test("joins the same body and refuses another under its id", () =>
    serving(front, undefined, async (client, rollouts) => {
      const first = await client.generate(BODY);
      assert.deepEqual(await client.generate({ ...BODY, priority: 0 }), first);
      assert.equal(rollouts.submitted.length, 1);
      await assert.rejects(client.generate({ ...BODY, priority: 1 }), { code: "conflict" });
    }));
}

function streams(front: Front): void {
  test("streams every event in order", () => {
    const script: Script = () => [
      { do: "tokens", count: 2, version: 7 },
      { do: "hold", reason: "version_unavailable" },
      { do: "move" },
      { do: "tokens", count: 2, version: 8 },
    ];
    return serving(front, script, async (client, rollouts) => {
      const seen: { seq: number; event: RolloutEvent }[] = [];
      for await (const entry of client.stream(BODY)) seen.push(entry);
      const types = seen.map(({ event }) => event.type);
      const order = ["accepted", "placed", "tokens", "held", "moved", "tokens", "finished"];
      assert.deepEqual(types, order);
      assert.deepEqual(
        seen.map(({ seq }) => seq),
        order.map((_, index) => index),
      );
      const life = rollouts.life("default", "r-1");
      const logged: RolloutEvent[] = [];
      for await (const batch of life.events(0, new AbortController().signal)) {
        logged.push(...batch.map(({ event }) => event));
      }
      assert.deepEqual(
        seen.map(({ event }) => event),
        logged,
      );
    });
  });

  test("streams ten thousand tokens to a reader of its own pace", () => {
    const chunks = Array.from(
      { length: 100 },
      () => ({ do: "tokens", count: 100, version: 7 }) as const,
    );
    return serving(
      front,
      () => chunks,
      async (client) => {
        let finished: Result | null = null;
        for await (const { event } of client.stream(BODY)) {
          if (event.type === "finished") finished = event.result;
        }
        assert.ok(finished);
        assertTokens(finished, 10_000);
      },
    );
  });
}

const withoutNulls = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_key, inner: unknown) => (inner === null ? undefined : inner)));

function lives(front: Front): void {
  test("tells progress, then the Result", () =>
    serving(front, stuck, async (client, rollouts) => {
      const running = client.generate(BODY);
      const life = await rollouts.arrival("default", "r-1");
      await life.until(() => life.progress().outputTokens === 2);
      assert.deepEqual(await client.get("default", "r-1"), { progress: life.progress() });
      const shown = encodeProgress(life.progress(), life.moments());
      const told = progress().parse(await client.timeline("default", "r-1"));
      assert.equal(told.timeline?.moments.length, 2);
      assert.deepEqual(withoutNulls(told), withoutNulls(shown));
      const aborted = await client.abort("default", "r-1");
      assertTokens(aborted, 2);
      assert.deepEqual(aborted.finishReason, { type: "abort", cause: "client", matched: null });
      assert.deepEqual(await running, aborted);
      assert.deepEqual(await client.get("default", "r-1"), { result: aborted });
    }));

  test("knows no rollout of another job", () =>
    serving(front, undefined, async (client) => {
      await client.generate(BODY);
      await assert.rejects(client.get("other", "r-1"), { code: "not_found" });
      await assert.rejects(client.abort("other", "r-1"), { code: "not_found" });
    }));

  test("ends the rollout of a unary caller that leaves", () =>
    serving(front, stuck, async (client, rollouts) => {
      const leaving = new AbortController();
      const call = client.generate(BODY, leaving.signal).catch((error: unknown) => error);
      const life = await rollouts.arrival("default", "r-1");
      await life.until(() => life.readers === 1);
      leaving.abort();
      const { finishReason } = await life.result();
      assert.deepEqual(finishReason, { type: "abort", cause: "client", matched: null });
      assert.ok((await call) instanceof Error);
    }));

  test("only detaches a stream whose reader leaves", () =>
    serving(front, stuck, async (client, rollouts) => {
      const leaving = new AbortController();
      const reading = (async () => {
        for await (const { event } of client.stream(BODY, leaving.signal)) {
          if (event.type === "tokens") leaving.abort();
        }
      })().catch((error: unknown) => error);
      const life = await rollouts.arrival("default", "r-1");
      await reading;
      await life.until(() => life.readers === 0);
      assert.equal(life.ended, false);
    }));
}

function failures(front: Front): void {
  const error = new PacelineError("no_eligible_worker", "nobody is left \u2014 try later", {
    retryAfterMs: 500,
    details: { reason: "no_worker", workers: ["w-1"], tried: 2 },
    kept: { output_tokens: 2 },
  });
  const failing: Script = () => [
    { do: "tokens", count: 2, version: 7 },
    { do: "fail", error },
  ];
  const same = (thrown: unknown): boolean => {
    assert.ok(thrown instanceof PacelineError, String(thrown));
    assert.deepEqual(thrown.toBody(), error.toBody());
    return true;
  };

  test("tells the error that ended a rollout, whole", () =>
    serving(front, failing, async (client) => {
      await assert.rejects(client.generate(BODY), same);
      await assert.rejects(client.get("default", "r-1"), same);
    }));

  test("ends a broken stream with its error, after what was made", () =>
    serving(front, failing, async (client) => {
      const types: string[] = [];
      await assert.rejects(async () => {
        for await (const { event } of client.stream(BODY)) types.push(event.type);
      }, same);
      assert.deepEqual(types, ["accepted", "placed", "tokens"]);
    }));
}
