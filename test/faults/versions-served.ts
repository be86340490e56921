/** What a fleet under load serves: every rollout ends well, its spans whole and of the versions that may be. */
import assert from "node:assert/strict";
import { expect, type Failure, type SimulatedFleet } from "./simulated-fleet.ts";

interface Reply {
  readonly output_token_ids: readonly number[];
  readonly spans: readonly {
    readonly version: number;
    readonly start: number;
    readonly end: number;
  }[];
  readonly segments: readonly { readonly worker: string }[];
}

const LOAD = 24;
let sent = 0;

/** A load in flight; answers, when all have ended well, with what their spans and segments say. */
export async function load(
  fleet: SimulatedFleet,
): Promise<{ versions: Set<number>; workers: Set<string> }> {
  const tag = `load-${sent++}`;
  const replies = await Promise.all(
    Array.from({ length: LOAD }, (_, i) =>
      fleet.server.call<Reply & Failure>("POST", "/v1/rollouts", {
        id: `${tag}-${i}`,
        prompt_token_ids: [1, 2, 3, i],
        sampling: { max_new_tokens: 100, seed: i },
      }),
    ),
  );
  const versions = new Set<number>();
  const workers = new Set<string>();
  for (const reply of replies) {
    expect(200, reply);
    let at = 0;
    for (const { version, start, end } of reply.body.spans) {
      assert.equal(start, at);
      at = end;
      versions.add(version);
    }
    assert.equal(at, 100);
    assert.equal(reply.body.output_token_ids.length, 100);
    for (const { worker } of reply.body.segments) workers.add(worker);
  }
  assert.equal(await fleet.metric("paceline_stale_tokens_total"), 0);
  return { versions, workers };
}

/** Of a worker, in a version's progress. */
export const row = async (fleet: SimulatedFleet, version: number, worker: string) =>
  (await fleet.progress(version)).workers.find((one) => one.worker === worker);

const holds = async (fleet: SimulatedFleet, id: string): Promise<number | null> => {
  const { state, versions } = await fleet.worker(id);
  return state === "ready" ? (versions[0]?.version ?? null) : null;
};

/** These workers serve `version` and nothing else does. */
export async function assertServes(
  fleet: SimulatedFleet,
  version: number,
  ...ids: string[]
): Promise<void> {
  for (const id of ids) await fleet.settled(async () => (await holds(fleet, id)) === version);
  const { versions, workers } = await load(fleet);
  assert.deepEqual([...versions], [version]);
  for (const worker of workers) assert.ok(ids.includes(worker), worker);
}
