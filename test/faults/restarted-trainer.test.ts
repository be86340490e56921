/**
 * A trainer that starts again from its checkpoint at step 90 while the fleet serves step 100, on a whole server with
 * two embedded workers: it goes on without an operator, and the process that it replaces publishes nothing any more.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  type LiveServer,
  STEP_1,
  STEP_2,
  startLiveServer,
  workersReady,
} from "../support/live-server.ts";

interface Label {
  readonly run: string;
  readonly step: number;
}

interface Reply {
  readonly output_token_ids: readonly number[];
  readonly spans: readonly {
    readonly version: number;
    readonly label: Label | null;
    readonly start: number;
    readonly end: number;
    readonly kv: string;
  }[];
  readonly error?: { readonly code: string; readonly details: Record<string, unknown> };
}

interface Version {
  readonly version: number;
  readonly state: string;
  readonly label: Label | null;
  readonly run_epoch: number | null;
  readonly content_of: number | null;
  readonly error?: { readonly code: string; readonly details: Record<string, unknown> };
}

interface Policy {
  readonly run: string | null;
  readonly run_epoch: number | null;
  readonly label: Label | null;
  readonly committed_version: number;
  readonly versions: readonly Version[];
}

const folder = mkdtempSync(join(tmpdir(), "paceline-runs-"));
after(() => rmSync(folder, { recursive: true }));

const POLICY = "/v1/policies/default";
const settings = {
  workers: 2,
  drain_ms: 1,
  stream_interval: 4,
  store: join(folder, "state.sqlite"),
};

async function openRun(server: LiveServer, run: string, opener: string): Promise<number> {
  const { status, body } = await server.call<{ epoch: number }>("POST", `${POLICY}/runs`, {
    run,
    opener,
  });
  assert.equal(status, 200, JSON.stringify(body));
  return body.epoch;
}

const publish = (server: LiveServer, path: string, label: Label, run_epoch: number) =>
  server.call<Version>("POST", `${POLICY}/versions?wait=committed`, {
    source: { path },
    label,
    run_epoch,
  });

const rollout = (server: LiveServer, more: Record<string, unknown> = {}, tokens = 16) =>
  server.call<Reply>("POST", "/v1/rollouts", {
    prompt_token_ids: [49, 55, 43, 50, 53, 61],
    sampling: { max_new_tokens: tokens, ignore_eos: true, seed: 1 },
    ...more,
  });

const labels = ({ body }: { body: Reply }) => body.spans.map(({ label }) => label);

const policyOf = async (server: LiveServer): Promise<Policy> =>
  (await server.call<Policy>("GET", POLICY)).body;

test("a restarted trainer goes on from step 90; the old one is fenced; all of it survives a restart", {
  timeout: 120_000,
}, async () => {
  // The name is the same in both lives, as it is where it names an experiment.
  const at = (step: number): Label => ({ run: "exp-7", step });
  let server = await startLiveServer(settings);
  let young = 0;
  try {
    await workersReady(server, 2, 1);
    const old = await openRun(server, "exp-7", "host-1.4711");
    const hundred = await publish(server, STEP_2, at(100), old);
    assert.equal(hundred.status, 200, JSON.stringify(hundred.body));
    await workersReady(server, 2, 2);
    assert.deepEqual(labels(await rollout(server, { version: { min_step: 100 } })), [at(100)]);

    // The trainer dies. Its rollouts are still in flight when it comes back.
    const inFlight = Array.from({ length: 6 }, (_, i) =>
      rollout(server, { id: `long-${i}`, on_update: i % 2 === 0 ? "keep" : "reprefill" }, 400),
    );
    await server.until(({ type, rollout: id }) => type === "rollout_placed" && id === "long-5");
    young = await openRun(server, "exp-7", "host-2.12");
    assert.ok(young > old);
    await server.until(({ type, epoch }) => type === "run_opened" && epoch === young);
    // An older run's step satisfies nothing of this one; it waits for a version of the new run.
    const waiting = rollout(server, { id: "waiting", version: { min_step: 90 } });
    const ninety = await publish(server, STEP_1, at(90), young);
    assert.equal(ninety.status, 200, JSON.stringify(ninety.body));
    assert.deepEqual([ninety.body.version, ninety.body.label], [3, at(90)]);
    assert.deepEqual(labels(await waiting), [at(90)]);

    // The old process wakes up.
    for (const [epoch, step] of [
      [old, 101],
      [old, 100],
    ] as const) {
      const { status, body } = await publish(server, STEP_2, at(step), epoch);
      assert.deepEqual([status, body.error?.code], [409, "run_fenced"]);
      assert.equal(body.error?.details["epoch"], young);
    }
    const reopened = await server.call<Version>("POST", `${POLICY}/runs`, {
      run: "exp-7",
      opener: "host-1.4711",
    });
    assert.equal(reopened.body.error?.code, "run_fenced", "nor does it get the policy back");

    for (const [i, reply] of (await Promise.all(inFlight)).entries()) {
      assert.equal(reply.status, 200, JSON.stringify(reply.body));
      const { spans, output_token_ids } = reply.body;
      assert.equal(output_token_ids.length, 400);
      let end = 0;
      for (const span of spans) {
        assert.equal(span.start, end);
        end = span.end;
        assert.deepEqual(span.label, span.version === 3 ? at(90) : at(100));
        if (span.version === 3 && span.start > 0) {
          assert.equal(span.kv, i % 2 === 0 ? "mixed" : "pure");
        }
      }
      assert.equal(end, 400);
    }
    await workersReady(server, 2, 3);
    // Retried, the publication is the one that is there.
    assert.equal((await publish(server, STEP_1, at(90), young)).body.version, 3);
    const back = await server.call<Version>("POST", `${POLICY}/versions/2/rollback?wait=committed`);
    assert.deepEqual([back.status, back.body.version, back.body.content_of], [200, 4, 2]);
    assert.equal(back.body.label, null, "of another run");
    assert.equal(back.body.run_epoch, young);
  } finally {
    await server.stop();
  }

  server = await startLiveServer(settings);
  try {
    await workersReady(server, 2, 4);
    const { run, run_epoch, committed_version, versions } = await policyOf(server);
    assert.deepEqual([run, run_epoch, committed_version], ["exp-7", young, 4]);
    assert.deepEqual(
      versions.map(({ version, label }) => [version, label?.step ?? null]),
      [
        [1, null],
        [2, 100],
        [3, 90],
        [4, null],
      ],
    );
    assert.equal(
      (await publish(server, STEP_2, at(101), young - 1)).body.error?.code,
      "run_fenced",
    );
    assert.equal(await openRun(server, "exp-7", "host-2.12"), young, "the same opening");
    const next = await publish(server, STEP_1, at(91), young);
    assert.deepEqual([next.status, next.body.version], [200, 5]);
    await workersReady(server, 2, 5);
    assert.deepEqual(labels(await rollout(server, { version: { min_step: 91 } })), [at(91)]);
    assert.deepEqual((await policyOf(server)).label, at(91));
  } finally {
    await server.stop();
  }
});
