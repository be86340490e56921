import assert from "node:assert/strict";
import { test } from "node:test";
import { Quota } from "../../../../server/api/auth/quota.ts";
import { PacelineError } from "../../../../server/contract/errors.ts";
import { VirtualClock } from "../../../support/virtual-clock.ts";

function refusal(quota: Quota): PacelineError {
  try {
    quota.enter();
  } catch (thrown) {
    assert.ok(thrown instanceof PacelineError);
    return thrown;
  }
  throw new Error("it was let in");
}

test("a second's worth may come at once, then each call waits for its turn", async () => {
  const clock = new VirtualClock();
  const quota = new Quota("a", { rate: 4, concurrency: null }, clock);
  for (let call = 0; call < 4; call++) quota.enter();
  const { code, kind, retryAfterMs } = refusal(quota);
  assert.deepEqual([code, kind.retryable, retryAfterMs], ["quota_exceeded", true, 250]);
  await clock.advance(249);
  // Rounded up, so that nobody comes too early by the last bit.
  assert.ok((refusal(quota).retryAfterMs ?? 0) <= 2);
  await clock.advance(1);
  quota.enter();
  assert.equal(refusal(quota).retryAfterMs, 250);
  await clock.advance(60_000);
  for (let call = 0; call < 4; call++) quota.enter();
  refusal(quota);
});

test("whoever comes back when it was told to is let in, at any rate", async () => {
  for (const rate of [0.1, 0.3, 3, 7, 333, 1_234.5]) {
    const clock = new VirtualClock();
    const quota = new Quota("a", { rate, concurrency: null }, clock);
    for (let call = 0; call < Math.max(1, Math.floor(rate)); call++) quota.enter();
    for (let round = 0; round < 20; round++) {
      try {
        quota.enter();
      } catch (thrown) {
        await clock.advance(PacelineError.from(thrown).retryAfterMs ?? 0);
        quota.enter();
      }
    }
  }
});

test("only so many are open at once; one that leaves makes room", () => {
  const quota = new Quota("a", { rate: null, concurrency: 2 }, new VirtualClock());
  quota.enter();
  quota.enter();
  const { code, retryAfterMs } = refusal(quota);
  assert.equal(code, "quota_exceeded");
  assert.ok((retryAfterMs ?? 0) > 0);
  quota.leave();
  quota.enter();
  refusal(quota);
});

test("new limits count what is open already", () => {
  const quota = new Quota("a", { rate: null, concurrency: null }, new VirtualClock());
  quota.enter();
  quota.enter();
  quota.change({ rate: null, concurrency: 2 });
  refusal(quota);
  quota.leave();
  quota.enter();
});

test("one that all share is overloaded, not exceeded", () => {
  const quota = new Quota("all", { rate: 1, concurrency: null }, new VirtualClock(), "overloaded");
  quota.enter();
  assert.equal(refusal(quota).code, "overloaded");
});
