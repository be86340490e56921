/** What holds of every run that ended well, whatever happened in it. */
import assert from "node:assert/strict";
import type { Run } from "../../../server/simulator/run.ts";
import type { Workload } from "../../../server/simulator/workload.ts";

/** Each rollout's tokens were made, each once, in order, on workers whose KV was never overfilled, in no less than the bound. */
export function assertConserved(run: Run, { rollouts }: Workload): void {
  assert.equal(run.finished, rollouts.length);
  assert.equal(run.truncated, 0);
  for (const [i, { id, outputTokens }] of rollouts.entries()) {
    const made = run.rollouts[i];
    assert.ok(made);
    assert.equal(made.id, id);
    assert.equal(made.outputTokens, outputTokens, id);
    let at = 0;
    for (const segment of made.segments) {
      assert.equal(segment.from, at, `${id}: each token once`);
      assert.ok(segment.to >= at && segment.endSeconds >= segment.startSeconds);
      at = segment.to;
    }
    assert.equal(at, outputTokens, id);
  }
  assert.ok(run.peakKvShare <= 1, `${run.peakKvShare}`);
  const { seconds } = run.bound;
  assert.ok(run.makespanSeconds >= seconds * (1 - 1e-9), `${run.makespanSeconds} of ${seconds}`);
}
