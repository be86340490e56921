import assert from "node:assert/strict";
import { test } from "node:test";
import { OPEN } from "../../../../server/api/auth/access.ts";
import {
  createOpenGatekeeper,
  createTokenGatekeeper,
} from "../../../../server/api/auth/gatekeeper.ts";
import { testToken } from "../../../support/tokens.ts";
import { VirtualClock } from "../../../support/virtual-clock.ts";

const READ = { ...OPEN, call: "look", scope: "read" } as const;

test("what is no valid token is unauthenticated, and never repeated", () => {
  const token = testToken();
  const gate = createTokenGatekeeper([token.entry], new VirtualClock());
  const { secret } = token;
  for (const header of [
    undefined,
    "",
    "Bearer",
    "Bearer ",
    secret,
    `Basic ${secret}`,
    `Bearer ${secret} more`,
    `Bearer ${secret}x`,
    `Bearer ${secret.slice(0, -1)}`,
    `Bearer ${token.entry.hash}`,
    `Bearer ${"x".repeat(10_000)}`,
  ]) {
    assert.throws(
      () => gate.identify(header),
      (error: Error & { code?: string }) =>
        error.code === "unauthenticated" && !error.message.includes(secret.slice(4, 20)),
      header,
    );
  }
  for (const header of [`Bearer ${secret}`, `bearer   ${secret}`]) {
    assert.equal(gate.identify(header).name, "test");
  }
});

test("a token is unknown from its end on", async () => {
  const clock = new VirtualClock();
  const token = testToken({ expiresAt: clock.wall() + 1_000 });
  const gate = createTokenGatekeeper([token.entry], clock);
  await clock.advance(999);
  gate.identify(token.headers.authorization);
  await clock.advance(1);
  assert.throws(() => gate.identify(token.headers.authorization), {
    code: "unauthenticated",
    message: /expired at 2023/,
  });
});

test("new entries are in force at once, and calls under way still count", () => {
  const [old, next] = [testToken({ concurrency: 1 }), testToken({ concurrency: 1 })];
  const gate = createTokenGatekeeper([old.entry], new VirtualClock());
  const caller = gate.identify(old.headers.authorization);
  gate.admit(caller, READ);
  gate.replace([next.entry]);
  assert.throws(() => gate.identify(old.headers.authorization), { code: "unauthenticated" });
  // A new token under the same name: the same user, and its open call.
  const again = gate.identify(next.headers.authorization);
  assert.throws(() => gate.admit(again, READ), { code: "quota_exceeded" });
  gate.leave(caller);
  gate.admit(again, READ);
});

test("one token's limits are not another's", () => {
  const [a, b] = [testToken({ name: "a", rate: 1 }), testToken({ name: "b", rate: 1 })];
  const gate = createTokenGatekeeper([a.entry, b.entry], new VirtualClock());
  for (const { headers } of [a, b]) gate.admit(gate.identify(headers.authorization), READ);
  for (const { headers } of [a, b]) {
    assert.throws(() => gate.admit(gate.identify(headers.authorization), READ), {
      code: "quota_exceeded",
    });
  }
});

test("without tokens everybody may, within what all share", () => {
  const gate = createOpenGatekeeper({ rate: null, concurrency: 1 }, new VirtualClock());
  const caller = gate.identify(undefined);
  assert.equal(gate.identify("Bearer whatever"), caller);
  gate.admit(caller, { ...OPEN, scope: "admin" });
  assert.throws(() => gate.admit(caller, READ), { code: "overloaded" });
});
