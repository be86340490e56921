/** What an attempt comes to: moved, resumed, refused, given up (I1–I3, I5, I9). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { HeldVersion } from "../../../server/contract/policy.ts";
import type { Evidence } from "../../../server/fleet/fleet.ts";
import { LIMITS } from "../../../server/limits.ts";
import type { AdaptersPort } from "../../../server/placement/adapters-port.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { settle } from "../../support/virtual-clock.ts";
import { IDLE } from "../fleet/fake-engine.ts";
import { finished, play, run, type Script, tokens, unreachable, world } from "./world.ts";

test("a rollout runs to its end; spans and segments cover it (I2)", async () => {
  const { outcome } = await run([play([tokens(0, 3), tokens(3, 2, 8, true), finished])]);
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual([...outcome.outputTokenIds], [0, 1, 2, 3, 4]);
  assert.deepEqual(
    outcome.spans.map(({ version, start, end, kv }) => [version, start, end, kv]),
    [
      [7, 0, 3, "pure"],
      [8, 3, 5, "mixed"],
    ],
  );
  assert.deepEqual(
    outcome.segments.map(({ start, end, resume }) => [start, end, resume]),
    [
      [0, 3, "none"],
      [3, 5, "none"],
    ],
  );
});

test("a lost worker costs no token: the next attempt goes on from what was streamed (I9)", async () => {
  const { outcome, requests, evidence } = await run([
    play([tokens(0, 3)], unreachable),
    play([tokens(3, 2), finished]),
  ]);
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual([...outcome.outputTokenIds], [0, 1, 2, 3, 4]);
  assert.deepEqual([...(requests[1]?.outputTokenIds ?? [])], [0, 1, 2]);
  assert.deepEqual(
    outcome.segments.map(({ attempt, resume }) => [attempt, resume]),
    [
      [1, "none"],
      [2, "prefill"],
    ],
  );
  assert.equal(outcome.usage.wastedTokens, 0);
  assert.deepEqual(evidence, ["socket_lost", "ok"]);
});

test("where continuing cannot be right it starts over and counts the waste, or refuses (I5)", async () => {
  const scripts = () => [play([tokens(0, 3)], unreachable), play([tokens(0, 2), finished])];
  const restarted = await run(scripts(), { resume: "best" }, { seeded: false });
  assert.ok(!(restarted.outcome instanceof Error));
  assert.equal(restarted.outcome.usage.wastedTokens, 3);
  assert.equal(restarted.outcome.outputTokenIds.length, 2);
  const refused = await run(scripts(), { resume: "required" }, { seeded: false });
  assert.ok(refused.outcome instanceof PacelineError);
  assert.equal(refused.outcome.code, "not_resumable");
  assert.deepEqual(refused.outcome.kept, { output_tokens: 3 });
});

const broken: [string, Script, Evidence][] = [
  [
    "fewer logprobs than ids (I1)",
    play([
      {
        type: "tokens",
        chunk: {
          start: 0,
          ids: new Uint32Array(2),
          logprobs: new Float32Array(1),
          version: 7,
          mixed: false,
        },
      },
    ]),
    "misaligned",
  ],
  [
    "NaN logprob (I1)",
    play([
      {
        type: "tokens",
        chunk: {
          start: 0,
          ids: new Uint32Array(1),
          logprobs: Float32Array.of(Number.NaN),
          version: 7,
          mixed: false,
        },
      },
    ]),
    "misaligned",
  ],
  [
    "a floored logprob (I1)",
    play([
      {
        type: "tokens",
        chunk: {
          start: 0,
          ids: new Uint32Array(1),
          logprobs: Float32Array.of(-9999),
          version: 7,
          mixed: false,
        },
      },
    ]),
    "misaligned",
  ],
  ["a version never proven (I3)", play([tokens(0, 1, 99)]), "misversioned"],
  ["a hole in the output", play([tokens(4, 1)]), "engine_error"],
  ["no finish", play([tokens(0, 1)]), "engine_error"],
];
for (const [name, script, expected] of broken) {
  test(`an engine that answers with ${name} fails the attempt and nothing of it is kept wrongly`, async () => {
    const good =
      name === "no finish" ? play([tokens(1, 1), finished]) : play([tokens(0, 2), finished]);
    const { outcome, evidence, sent } = await run([script, good]);
    assert.ok(!(outcome instanceof Error));
    assert.deepEqual([...outcome.outputTokenIds], [0, 1]);
    assert.equal(evidence[0], expected);
    const offers = sent.filter((request) => request.type === "offer");
    assert.deepEqual(offers[1]?.card.avoid, ["i1"]);
  });
}

test("a revoke ends the attempt, keeps its tokens and asks again; late grants change nothing", async () => {
  const w = world([play([tokens(0, 2)], "hang"), play([tokens(2, 1), finished])]);
  const handle = w.rollouts.submit(sampleRollout({}));
  await settle();
  w.grant("default/r-1", 1);
  w.receive({ type: "revoke", key: "default/r-1", attempt: 9, reason: "drain" });
  await settle();
  assert.equal(w.requests.length, 1);
  w.receive({ type: "revoke", key: "default/r-1", attempt: 1, reason: "update" });
  const result = await handle.result();
  assert.deepEqual([...result.outputTokenIds], [0, 1, 2]);
  assert.deepEqual(
    w.sent.map(({ type }) => type),
    ["offer", "done", "offer", "done"],
  );
});

test("a stuck stream is reported each window and given up after three", async () => {
  const w = world([play([tokens(0, 1)], "hang"), play([tokens(1, 1), finished])]);
  const handle = w.rollouts.submit(sampleRollout({}));
  await settle();
  await w.clock.advance(4 * 5000);
  const result = await handle.result();
  assert.equal(result.outputTokenIds.length, 2);
  assert.deepEqual(w.evidence.filter((what) => what === "stuck").length, 3);
});

test("a stream that waits inside its engine, or whose engine is paused, is never given up", async () => {
  for (const excuse of [
    { load: { ...IDLE, running: 1, waiting: 1 } },
    { state: "paused" },
  ] as const) {
    const worker: Parameters<typeof world>[1] = { worker: { ...excuse } };
    const w = world([play([], "hang"), play([tokens(0, 1), finished])], worker);
    const handle = w.rollouts.submit(sampleRollout({}));
    await w.clock.advance(100 * 5000);
    assert.equal(w.requests.length, 1);
    // Probes go on where it may be dead, and it has its three windows from when nothing excuses it any more.
    assert.equal(w.evidence.length > 50, "load" in excuse);
    worker.worker = { state: "ready", load: IDLE };
    await w.clock.advance(2 * 5000);
    assert.equal(w.requests.length, 1);
    await w.clock.advance(2 * 5000);
    assert.equal((await handle.result()).outputTokenIds.length, 1);
  }
});

test("a window is three forecasts of the prefill long where that is more", async () => {
  const rates = { step: null, prefillTokensPerSecond: 0.1 };
  const w = world([play([], "hang"), play([tokens(0, 1), finished])], { worker: { rates } });
  const handle = w.rollouts.submit(sampleRollout({}));
  const { length } = sampleRollout({}).promptTokenIds;
  const windowMs = (3 * 1_000 * length) / rates.prefillTokensPerSecond;
  await w.clock.advance(3 * windowMs - 1);
  assert.equal(w.requests.length, 1);
  await w.clock.advance(2);
  assert.equal((await handle.result()).outputTokenIds.length, 1);
});

test("workers that all failed it are asked once more; then it ends in what the last one said", async () => {
  const broken = (): Script => play([tokens(0, 1, 99)]);
  const w = world([broken(), broken()], { grant: false });
  const key = "default/r-1";
  const handle = w.rollouts.submit(sampleRollout({}));
  const failure = assert.rejects(handle.result(), { code: "engine_error" });
  for (const attempt of [1, 3]) {
    w.grant(key, attempt);
    await settle();
    w.receive({ type: "held", key, reason: "no_eligible_worker" });
  }
  await failure;
  const offers = w.sent.filter((request) => request.type === "offer");
  assert.deepEqual(
    offers.map(({ card }) => card.avoid),
    [[], ["i1"], [], ["i1"]],
  );
  assert.deepEqual(w.sent.at(-1), { type: "withdraw", key });
});

test("a timeout after nothing but failed attempts is their error, not an empty Result", async () => {
  const w = world([play([tokens(0, 1, 99)])], { grant: false });
  const handle = w.rollouts.submit(sampleRollout({ timeoutMs: 100 }));
  const failure = assert.rejects(handle.result(), { code: "engine_error" });
  w.grant("default/r-1", 1);
  await settle();
  await w.clock.advance(101);
  await failure;
});

test("workers that die one after the other end nobody that makes a token on each of them", async () => {
  const lost = (start: number) => play([tokens(start, 1)], unreachable);
  const many = LIMITS.attempts + 4;
  const moved = await run([
    ...Array.from({ length: many }, (_, start) => lost(start)),
    play([tokens(many, 1), finished]),
  ]);
  assert.ok(!(moved.outcome instanceof Error));
  assert.equal(moved.outcome.outputTokenIds.length, many + 1);
  const stuck = await run([
    lost(0),
    ...Array.from({ length: LIMITS.attempts }, () => play([], unreachable)),
  ]);
  assert.ok(stuck.outcome instanceof PacelineError);
  assert.equal(stuck.outcome.code, "engine_unreachable");
});

describe("a rollout under an adapter", () => {
  const held: HeldVersion = {
    ...{ policy: "default", version: 7, label: null, proof: "receipt", load: 0, digest: null },
    base: { policy: "base", version: 3, load: 1 },
  };
  const asked = (
    ready: (HeldVersion | PacelineError | null)[],
  ): AdaptersPort & { inside: number } => {
    const port = {
      inside: 0,
      enter: () => {
        port.inside++;
        return {
          ready: async () => {
            const next = ready.shift() ?? null;
            if (next instanceof PacelineError) throw next;
            return next;
          },
          leave: () => {
            port.inside--;
          },
        };
      },
    };
    return port;
  };

  test("waits until its worker has it, and leaves it when it ends", async () => {
    const adapters = asked([held]);
    const { outcome, requests } = await run(
      [play([tokens(0, 2, 3), finished])],
      {},
      { adapters, proved: [] },
    );
    assert.ok(!(outcome instanceof Error));
    assert.deepEqual(requests[0]?.adapter, { version: 7, base: "base" });
    await settle();
    assert.equal(adapters.inside, 0);
  });

  test("goes elsewhere where it cannot be loaded, and ends in what was said where nobody can", async () => {
    const no = new PacelineError("version_unavailable", "w-1 did not load default@7");
    const some = await run(
      [play([tokens(0, 2, 3), finished])],
      {},
      { adapters: asked([no, held]) },
    );
    assert.ok(!(some.outcome instanceof Error));
    assert.equal(some.outcome.routing.attempts, 2);
    const adapters = asked(Array.from({ length: LIMITS.attempts }, () => no));
    const none = await run([], {}, { adapters });
    assert.equal(none.outcome, no);
    assert.equal(none.requests.length, 0);
    await settle();
    assert.equal(adapters.inside, 0);
  });

  test("asks for another place while its worker is being updated: nothing has failed", async () => {
    const adapters = asked([null, held]);
    const { outcome, evidence, sent } = await run(
      [play([tokens(0, 2, 3), finished])],
      {},
      { adapters },
    );
    assert.ok(!(outcome instanceof Error));
    assert.deepEqual(evidence, ["ok"]);
    const ends = sent.flatMap((one) => (one.type === "done" ? one.outcome : []));
    assert.deepEqual(ends, ["revoked", "finished"]);
  });
});
