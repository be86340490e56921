/** What can go wrong around a move: the mover dies, its worker dies, it comes too late, or it never asked. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { request } from "undici";
import { STEP_1, STEP_2 } from "../../support/live-server.ts";
import { expect } from "../simulated-fleet.ts";
import { DIGEST_1, DIGEST_2, type ExternalFleet, withExternalFleet } from "./external-fleet.ts";
import type { MoveReply } from "./mover.ts";

const TIMEOUT = { timeout: 60_000 };
const FIRST = { path: STEP_1, digest: DIGEST_1 };

const phases = ({ workers }: MoveReply): Record<string, string> =>
  Object.fromEntries(workers.map(({ worker, phase }) => [worker, phase]));

async function moveFirst(fleet: ExternalFleet): Promise<void> {
  assert.equal((await fleet.move(FIRST)).last.body.state, "installed");
}

async function serves(fleet: ExternalFleet, id: string): Promise<number | null> {
  const { state, versions } = await fleet.worker(id);
  return state === "ready" ? (versions[0]?.version ?? null) : null;
}

/** A rollout that nobody but `version` may make. */
async function roll(fleet: ExternalFleet, version: number): Promise<void> {
  const reply = await fleet.server.call<{ spans: { version: number }[] }>("POST", "/v1/rollouts", {
    prompt_token_ids: [49, 43, 49, 61],
    sampling: { max_new_tokens: 4, ignore_eos: true },
    timeout_ms: 10_000,
  });
  expect(200, reply);
  assert.deepEqual(
    reply.body.spans.map((span) => span.version),
    [version],
  );
}

describe("the mover dies after the gate: it lapses, and generation goes on", () => {
  const publication = { commit: { mode: "all", timeout_ms: 700 } };

  test("before it moved anything: all show what they proved, and run again", TIMEOUT, () =>
    withExternalFleet({ proofs: ["digest", "receipt"] }, async (fleet) => {
      await moveFirst(fleet);
      const mover = await fleet.move({ publication, stopBefore: "move" });
      mover.kill();
      await fleet.settled(async () => (await fleet.progress(2)).state === "aborted");
      await fleet.settled(async () => (await serves(fleet, "w-1")) === 1);
      await fleet.settled(async () => (await serves(fleet, "w-2")) === 1);
      const { workers } = await fleet.progress(2);
      assert.deepEqual(
        workers.map(({ phase, fence }) => [phase, fence]),
        [
          ["failed", null],
          ["failed", null],
        ],
      );
      await roll(fleet, 1);
    }),
  );

  test("half-way: who was written to is poisoned, and the next version heals it", TIMEOUT, () =>
    withExternalFleet({ proofs: ["digest", "receipt", "digest"] }, async (fleet) => {
      await moveFirst(fleet);
      const mover = await fleet.move({ publication, stopBefore: "commit", skip: ["w-1"] });
      mover.kill();
      await fleet.settled(async () => {
        const { w1, w2, w3 } = shortly(phases(await fleet.progress(2)));
        return w1 === "failed" && w2 === "poisoned" && w3 === "poisoned";
      });
      assert.equal((await fleet.progress(2)).state, "aborted");
      await roll(fleet, 1);
      assert.equal(await serves(fleet, "w-1"), 1);
      for (const id of ["w-2", "w-3"]) assert.deepEqual((await fleet.worker(id)).versions, []);
      assert.equal((await fleet.move({})).last.body.installed, 3);
      for (const id of ["w-1", "w-2", "w-3"]) assert.equal(await serves(fleet, id), 3);
      await roll(fleet, 3);
    }),
  );

  test("an engine that shows its label alone cannot show that nothing was moved", TIMEOUT, () =>
    withExternalFleet(
      { proofs: ["reported"], declaration: { min_proof: "reported" } },
      async (fleet) => {
        await moveFirst(fleet);
        (await fleet.move({ publication, stopBefore: "move" })).kill();
        await fleet.settled(async () => (await fleet.worker("w-1")).state === "poisoned");
        assert.match((await fleet.worker("w-1")).reason ?? "", /cannot show/);
        assert.equal((await fleet.move({})).last.body.installed, 1);
        await roll(fleet, 3);
      },
    ),
  );
});

const shortly = (all: Record<string, string>): Record<string, string | undefined> => ({
  w1: all["w-1"],
  w2: all["w-2"],
  w3: all["w-3"],
});

test("a worker that dies while it is gated: its fence covers its next life no more", TIMEOUT, () =>
  withExternalFleet({ proofs: ["digest", "digest"] }, async (fleet) => {
    await moveFirst(fleet);
    const { last } = await fleet.move({ stopBefore: "move" });
    const fences = new Map(last.body.workers.map(({ worker, fence }) => [worker, fence ?? ""]));
    await fleet.kill("w-2");
    await fleet.join("w-2");
    for (const id of ["w-1", "w-2"]) await update(fleet, id, 2, STEP_2);
    const commit = (worker: string) => ({ worker, fence: fences.get(worker), digest: DIGEST_2 });
    const path = "/v1/policies/default/versions/2";
    const committed = await fleet.post(`${path}/commit`, {
      proofs: [commit("w-1"), commit("w-2")],
    });
    expect(200, committed);
    assert.equal(phases(committed.body)["w-1"], "installed");
    assert.equal(await serves(fleet, "w-1"), 2);
    // Its next life holds the very bytes: it shows them by itself, and is proven by that alone.
    await fleet.settled(async () => (await serves(fleet, "w-2")) === 2);
    await roll(fleet, 2);
  }),
);

test(
  "a worker that comes late is gated and committed alone, for the version that is there",
  TIMEOUT,
  () =>
    withExternalFleet({ proofs: ["receipt", "receipt"] }, async (fleet) => {
      await moveFirst(fleet);
      await fleet.kill("w-2");
      await fleet.join("w-2");
      await roll(fleet, 1);
      assert.equal(await serves(fleet, "w-2"), null);
      const path = "/v1/policies/default/versions/1";
      let gated = await fleet.post(`${path}/gate`);
      // Retryable while the late one is still being looked at.
      await fleet.settled(async () => {
        if (gated.status === 503) gated = await fleet.post(`${path}/gate`);
        return gated.status !== 503;
      });
      expect(200, gated);
      const late = gated.body.workers.filter(({ fence }) => fence !== null);
      assert.deepEqual(
        late.map(({ worker }) => worker),
        ["w-2"],
      );
      await update(fleet, "w-2", 1, STEP_1);
      const proofs = late.map(({ worker, fence }) => ({ worker, fence, receipt: DIGEST_1 }));
      const committed = await fleet.post(`${path}/commit`, { proofs });
      expect(200, committed);
      assert.equal(committed.body.installed, 2);
      await fleet.settled(async () => (await serves(fleet, "w-2")) === 1);
    }),
);

test("fences, claims and calls that do not fit are refused without effect", TIMEOUT, () =>
  withExternalFleet({ proofs: ["digest", "receipt"] }, async (fleet) => {
    await moveFirst(fleet);
    const path = "/v1/policies/default/versions/2";
    await fleet.move({ stopBefore: "gate" });
    const early = await fleet.post(`${path}/commit`, {
      proofs: [{ worker: "w-1", fence: "f", digest: DIGEST_2 }],
    });
    assert.deepEqual([early.status, early.body.error?.code], [409, "version_conflict"]);
    const [gated, again] = await Promise.all([
      fleet.post(`${path}/gate`),
      fleet.post(`${path}/gate`),
    ]);
    assert.deepEqual(gated.body.workers, again.body.workers, "a retried gate joins");
    const [w1, w2] = gated.body.workers.map(({ fence }) => fence ?? "");
    for (const [proofs, code, at] of [
      [[{ worker: "w-1", fence: "f-0", digest: DIGEST_2 }], "version_conflict", "proofs[0].fence"],
      [[{ worker: "w-1", fence: w2, digest: DIGEST_2 }], "version_conflict", "proofs[0].fence"],
      [[{ worker: "w-9", fence: w1, digest: DIGEST_2 }], "version_conflict", "proofs[0].fence"],
      [[{ worker: "w-1", fence: w1, reported: 2 }], "unsupported", "proofs[0]"],
      [[{ worker: "w-2", fence: w2, digest: DIGEST_2 }], "unsupported", "proofs[0].digest"],
      [[{ worker: "w-1", fence: w1, digest: "x" }], "invalid_argument", "proofs[0].digest"],
      [[{ worker: "w-1", fence: w1 }], "invalid_argument", "proofs[0]"],
      [[], "invalid_argument", "proofs"],
      [
        [
          { worker: "w-1", fence: w1, digest: DIGEST_2 },
          { worker: "w-2", fence: w2, receipt: DIGEST_1 },
        ],
        "digest_mismatch",
        "proofs[1]",
      ],
    ] as const) {
      const refused = await fleet.post(`${path}/commit`, { proofs });
      assert.equal(refused.body.error?.code, code, JSON.stringify(proofs));
      assert.equal(refused.body.error?.details["path"], at);
    }
    assert.equal((await fleet.progress(2)).state, "gated");
    for (const id of ["w-1", "w-2"]) await update(fleet, id, 2, STEP_2);
    const proofs = [
      { worker: "w-1", fence: w1, digest: DIGEST_2 },
      { worker: "w-2", fence: w2, receipt: DIGEST_2 },
    ];
    const twice = await Promise.all([
      fleet.post(`${path}/commit`, { proofs }),
      fleet.post(`${path}/commit`, { proofs }),
    ]);
    const later = await fleet.post(`${path}/commit`, { proofs });
    for (const committed of [...twice, later]) {
      expect(200, committed);
      assert.deepEqual(phases(committed.body), { "w-1": "installed", "w-2": "installed" });
    }
    // What is committed is past it, and a path's version never was in it.
    const late = await fleet.post(`${path}/abort`);
    assert.equal(late.body.error?.code, "version_conflict");
    await roll(fleet, 2);
  }),
);

test("an operator's pause outlives a move", TIMEOUT, () =>
  withExternalFleet({ proofs: ["digest", "receipt"] }, async (fleet) => {
    await moveFirst(fleet);
    for (const id of ["w-1", "w-2"]) {
      expect(200, await fleet.post(`/v1/workers/${id}/pause`, { mode: "keep" }));
    }
    assert.equal((await fleet.move({})).last.body.installed, 2);
    for (const id of ["w-1", "w-2"]) {
      const { state, versions } = await fleet.worker(id);
      assert.deepEqual([state, versions[0]?.version], ["paused", 2]);
      const info = await request(`${fleet.engines[id]}/info`);
      assert.equal(((await info.body.json()) as { paused: boolean }).paused, true);
      expect(200, await fleet.post(`/v1/workers/${id}/resume`));
    }
    await roll(fleet, 2);
  }),
);

test(
  "a mover that lets an engine run before the commit: its tokens are not taken, it is poisoned",
  TIMEOUT,
  () =>
    withExternalFleet({ proofs: ["digest"] }, async (fleet) => {
      await moveFirst(fleet);
      const running = fleet.server.call<{ spans: { version: number }[] }>("POST", "/v1/rollouts", {
        prompt_token_ids: [49, 43, 49, 61],
        sampling: { max_new_tokens: 1_900, ignore_eos: true },
        on_update: "keep",
      });
      await fleet.settled(async () => {
        const path = "/v1/workers/w-1";
        const { body } = await fleet.server.call<{ load: { running: number } | null }>("GET", path);
        return (body.load?.running ?? 0) > 0;
      });
      const { last, steps } = await fleet.move({ stopBefore: "commit" });
      assert.equal(last.step, "moved");
      const fence = steps.find(({ step }) => step === "gated")?.body.workers[0]?.fence;
      const resumed = await request(`${fleet.engines["w-1"]}/resume`, { method: "POST" });
      assert.equal(resumed.statusCode, 200);
      await resumed.body.dump();
      await fleet.settled(async () => (await fleet.worker("w-1")).state === "poisoned");
      const path = "/v1/policies/default/versions/2/commit";
      const refused = await fleet.post(path, {
        proofs: [{ worker: "w-1", fence, digest: DIGEST_2 }],
      });
      assert.equal(refused.body.error?.code, "commit_aborted");
      assert.equal((await fleet.progress(2)).state, "aborted");
      // It went on from what was rightly made, once somebody proved a version again.
      assert.equal((await fleet.move({})).last.body.installed, 1);
      const reply = await running;
      expect(200, reply);
      assert.deepEqual(
        reply.body.spans.map(({ version }) => version),
        [1, 3],
      );
    }),
);

test("an abort after the move says what became of each worker", TIMEOUT, () =>
  withExternalFleet({ proofs: ["digest", "digest"] }, async (fleet) => {
    await moveFirst(fleet);
    await fleet.move({ stopBefore: "commit", skip: ["w-2"] });
    const aborted = await fleet.post("/v1/policies/default/versions/2/abort");
    expect(200, aborted);
    assert.equal(aborted.body.state, "aborted");
    assert.deepEqual(phases(aborted.body), { "w-1": "poisoned", "w-2": "failed" });
    assert.equal(await serves(fleet, "w-2"), 1);
    await roll(fleet, 1);
  }),
);

describe("weights that change without any version", () => {
  test(
    "under another name: its tokens or its engine say so; nothing is mis-versioned",
    TIMEOUT,
    () =>
      withExternalFleet({ proofs: ["digest", "digest"] }, async (fleet) => {
        await moveFirst(fleet);
        const running = fleet.server.call<{ spans: { version: number }[] }>(
          "POST",
          "/v1/rollouts",
          {
            prompt_token_ids: [49, 43, 49, 61],
            sampling: { max_new_tokens: 1_500, ignore_eos: true },
          },
        );
        for (const id of ["w-1"]) await update(fleet, id, 7, STEP_2);
        await fleet.settled(async () => (await fleet.worker("w-1")).state === "poisoned");
        const reply = await running;
        expect(200, reply);
        assert.deepEqual(
          reply.body.spans.map(({ version }) => version),
          [1],
        );
        await roll(fleet, 1);
      }),
  );

  test("under the same name: the engine counts its loads, and shows another digest", TIMEOUT, () =>
    withExternalFleet({ proofs: ["digest", "receipt", "digest"] }, async (fleet) => {
      await moveFirst(fleet);
      await update(fleet, "w-1", 1, STEP_2);
      await update(fleet, "w-2", 1, STEP_2);
      for (const id of ["w-1", "w-2"]) {
        await fleet.settled(async () => (await fleet.worker(id)).state === "poisoned");
        assert.match((await fleet.worker(id)).reason ?? "", /behind our back/);
      }
      assert.equal(await serves(fleet, "w-3"), 1);
      await roll(fleet, 1);
    }),
  );
});

/** Straight to the engine, as anybody may who reaches it. */
async function update(fleet: ExternalFleet, id: string, version: number, path: string) {
  const reply = await request(`${fleet.engines[id]}/update_weights`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ policy: "default", version, path }),
  });
  assert.equal(reply.statusCode, 200);
  await reply.body.dump();
}
