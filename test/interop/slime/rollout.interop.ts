/**
 * slime's own `generate_rollout` (https://github.com/THUDM/slime, nothing of it here) against the SGLang dialect as its
 * router and its one external engine: oversampling, abort, partial rollouts, updates from disk between steps.
 * PACELINE_SLIME: folder of a checkout; PACELINE_SLIME_PYTHON: a Python ≥ 3.10 with torch, transformers, ray, httpx,
 * aiohttp, requests, numpy, tqdm, pillow, sympy, pylatexenc and pybase64 (default `python3`).
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { STEP_1, STEP_2, startLiveServer, workersReady } from "../../support/live-server.ts";
import { skipWithout } from "../../support/require.ts";
import { runDriver } from "../python-driver.ts";

const CHECKOUT = process.env["PACELINE_SLIME"] ?? "";
const PYTHON = process.env["PACELINE_SLIME_PYTHON"] ?? "python3";
const DRIVER = fileURLToPath(new URL("driver.py", import.meta.url));
const STEPS = [STEP_1, STEP_2, STEP_1];
/** Of the driver: groups of a batch, samples of each. */
const [BATCH, SAMPLES] = [4, 2];

interface Step {
  readonly step: number;
  readonly engines: number;
  readonly gpus: number;
  readonly groups: number;
  readonly statuses: readonly string[];
  readonly lengths: readonly number[];
  readonly versions: readonly (readonly string[])[];
  /** Of samples that were given tokens in this step, as far as slime knows. */
  readonly grown: readonly (readonly string[])[];
  /** Of those, such as were asked for in an earlier step, too. */
  readonly resumed: number;
  readonly texts: number;
  readonly kept: number;
  readonly posts: number;
  readonly failed: readonly unknown[];
  readonly aborts: number;
}

suite("slime's generate_rollout", { skip: skipWithout("slime", CHECKOUT !== "") }, () => {
  for (const streaming of [false, true]) {
    test(streaming ? "streamed" : "unary", async (t) => {
      const server = await startLiveServer({ workers: 2, dialects: "sglang:0@slime" });
      try {
        await workersReady(server, 2);
        const [mount] = server.dialects;
        assert.ok(mount?.port);
        const steps = await drive(mount.port, streaming);
        for (const step of steps) t.diagnostic(JSON.stringify(step));
        assertSteps(steps);
        const { body } = await server.call<{ load: { in_flight: number } }>(
          "GET",
          "/v1/jobs/slime",
        );
        assert.equal(body.load.in_flight, 0);
      } finally {
        await server.stop();
      }
    });
  }
});

function assertSteps(steps: readonly Step[]): void {
  assert.equal(steps.length, STEPS.length);
  for (const one of steps) {
    const { step, engines, gpus, groups, statuses, versions, grown, failed, aborts, texts } = one;
    assert.deepEqual([engines, gpus, groups], [1, 2, BATCH]);
    assert.equal(statuses.length, BATCH * SAMPLES);
    assert.ok(statuses.every((status) => status === "completed" || status === "truncated"));
    assert.equal(texts, BATCH * SAMPLES);
    // Nothing was refused, so nothing was retried; each step ended in an abort, and in another where a request came behind the first.
    assert.deepEqual(failed, []);
    assert.ok(aborts >= step + 1);
    // A sample whose sibling was cut off waits in slime's buffer as it is: it may be of an earlier step only, and so may a whole batch.
    for (const of of versions) {
      assert.ok(of.every((version) => Number(version) >= 1 && Number(version) <= step + 1));
      assert.deepEqual([...of].sort(), [...of]);
    }
    for (const of of grown) assert.equal(of.at(-1), String(step + 1));
  }
  assert.ok(
    steps.slice(1).some(({ grown }) => grown.length > 0),
    "no later step made anything",
  );
  assert.ok(
    steps.some(({ kept }) => kept > 0),
    "no sample was aborted half-way",
  );
  assert.ok(
    steps.some(({ resumed }) => resumed > 0),
    "no sample went on in a later step",
  );
}

const drive = (port: number, streaming: boolean): Promise<readonly Step[]> =>
  runDriver<Step>({
    python: PYTHON,
    path: CHECKOUT,
    driver: DRIVER,
    args: ["127.0.0.1", String(port), STEP_1, ...STEPS, ...(streaming ? ["--streaming"] : [])],
  });
