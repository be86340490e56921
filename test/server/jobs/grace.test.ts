/** A job's own `update_grace_ms`, on a whole server: an update that would wait for nobody waits for its rollouts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { expect, withFleet } from "../../faults/simulated-fleet.ts";
import { STEP_2 } from "../../support/live-server.ts";

interface Reply {
  readonly spans: readonly { readonly version: number; readonly kv: string }[];
}

test("rollouts that are to finish have their job's grace", { timeout: 60_000 }, () =>
  withFleet({ engines: 1 }, async (fleet) => {
    const jobs = { patient: 50_000, hasty: 0 };
    for (const [job, ms] of Object.entries(jobs)) {
      const settings = { on_update: "finish", update_grace_ms: ms };
      expect(200, await fleet.server.call("PUT", `/v1/jobs/${job}`, settings));
    }
    const replies = Object.keys(jobs).map((job, seed) =>
      fleet.server.call<Reply>("POST", "/v1/rollouts", {
        job,
        prompt_token_ids: [9, seed],
        sampling: { max_new_tokens: job === "patient" ? 400 : 1_200, seed, ignore_eos: true },
      }),
    );
    for (const reply of replies) reply.catch(() => undefined);
    await fleet.settled(async () => {
      const events = await fleet.events();
      return events.filter(({ type }) => type === "rollout_placed").length === replies.length;
    });
    expect(200, await fleet.publish(STEP_2, { on_update: "keep", update_grace_ms: 0 }));
    const [patient, hasty] = await Promise.all(replies);
    assert.deepEqual(
      patient?.body.spans.map(({ version, kv }) => [version, kv]),
      [[1, "pure"]],
    );
    assert.deepEqual(
      hasty?.body.spans.map(({ version }) => version),
      [1, 2],
    );
  }),
);
