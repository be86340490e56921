/** Sessions through a whole server, on two real engine processes. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { decodeResult } from "../../../server/api/codec/result.ts";
import type { Result } from "../../../server/contract/result.ts";
import {
  type LiveServer,
  STEP_2,
  startLiveServer,
  workersReady,
} from "../../support/live-server.ts";

let server: LiveServer;
before(async () => {
  // Probes as they are by default: one that is missed on a busy machine would send a turn elsewhere.
  server = await startLiveServer({ workers: 2, stream_interval: 4 });
  await workersReady(server, 2);
});
after(() => server.stop());

/** Tokens of full blocks that a turn leaves: all but its last token have been computed. */
const left = (tokens: number): number => Math.floor((tokens - 1) / 16) * 16;

type Turn = (
  session: { id: string; turn?: number; branch?: number; final?: boolean },
  prompt: readonly number[],
  over?: object,
) => Promise<Result>;

const turnsOf =
  (of: LiveServer): Turn =>
  async (session, prompt, over = {}) => {
    const { status, body } = await of.call("POST", "/v1/rollouts", {
      prompt_token_ids: prompt,
      sampling: { max_new_tokens: 24, ignore_eos: true, seed: 3 },
      session,
      ...over,
    });
    assert.equal(status, 200, JSON.stringify(body));
    return decodeResult(body);
  };

const turn: Turn = (...given) => turnsOf(server)(...given);

const asked = (question: string): number[] => [...Buffer.from(question)];

test("each turn finds the turn before it: same worker, its tokens cached", async () => {
  const ids = Array.from({ length: 6 }, (_, i) => `s-${i}`);
  await Promise.all(
    ids.map(async (id, i) => {
      let context = asked(`${id}: ${i + 11}+${i + 22}=?`.padEnd(40, "."));
      const first = await turn({ id }, context);
      let last = first;
      for (const number of [1, 2]) {
        const before = context.length + 24;
        context = [...context, ...last.outputTokenIds, ...asked(" and now?")];
        last = await turn({ id, turn: number, final: number === 2 }, context);
        assert.equal(last.routing.worker, first.routing.worker);
        assert.ok(last.routing.cachedTokens >= left(before), `${last.routing.cachedTokens}`);
      }
    }),
  );
  // The final turn has finished them.
  for (const id of ids) {
    const { body } = await server.call<object>("POST", `/v1/sessions/${id}/finish`);
    assert.deepEqual(body, { id, job: "default", turns: 3, branches: 1 });
  }
  const finished = ({ type, session, turns }: Record<string, unknown>): boolean =>
    type === "session_finished" && session === ids[0] && turns === 3;
  await server.until(finished);
});

test("a turn out of order touches no engine", async () => {
  const prompt = asked("17+25=");
  await turn({ id: "o" }, prompt);
  for (const [session, status] of [
    [{ id: "o" }, 409],
    [{ id: "o", turn: 2 }, 409],
    [{ id: "o", turn: 3, branch: 1 }, 404],
  ] as const) {
    const body = { prompt_token_ids: prompt, sampling: { max_new_tokens: 4 }, session };
    const reply = await server.call<{ error: { details: object } }>("POST", "/v1/rollouts", body);
    assert.equal(reply.status, status, JSON.stringify(reply.body));
  }
  const { status } = await server.call("POST", "/v1/sessions/none/finish");
  assert.equal(status, 404);
});

test("over an update a session's own KV is reused where it says so, and its spans say mixed", async (t) => {
  const server = await startLiveServer({ workers: 1, stream_interval: 4 });
  t.after(() => server.stop());
  await workersReady(server, 1);
  const turn = turnsOf(server);
  const reuse = { cache: { reuse: "session" } };
  const context = asked("11+22=? ".repeat(6));
  const own = await turn({ id: "own" }, context, reuse);
  const other = await turn({ id: "other" }, context);
  await server.call("POST", "/v1/policies/default/versions?wait=committed", {
    source: { path: STEP_2 },
  });
  await workersReady(server, 1, 2);
  const next = (last: Result) => [...context, ...last.outputTokenIds, ...asked(" and now?")];
  const mixed = await turn({ id: "own", turn: 1 }, next(own), reuse);
  assert.equal(mixed.routing.worker, own.routing.worker);
  assert.equal(mixed.routing.cachedTokens, left(context.length + 24));
  assert.deepEqual(
    mixed.spans.map(({ version, kv }) => [version, kv]),
    [[2, "mixed"]],
  );
  const pure = await turn({ id: "other", turn: 1 }, next(other));
  assert.deepEqual(
    pure.spans.map(({ version, kv }) => [version, kv]),
    [[2, "pure"]],
  );
  assert.equal(pure.routing.cachedTokens, 0);
  // Its own KV is nobody else's, and goes with it.
  const foreign = await turn({ id: "foreign" }, next(own), reuse);
  assert.equal(foreign.spans[0]?.kv, "pure");
  const { status } = await server.call("POST", "/v1/sessions/own/finish");
  assert.equal(status, 200);
});

test("reuse of a session's KV needs a session", async () => {
  const { status, body } = await server.call<{ error: { details: object } }>(
    "POST",
    "/v1/rollouts",
    { prompt_token_ids: [1], sampling: { max_new_tokens: 1 }, cache: { reuse: "session" } },
  );
  assert.equal(status, 400);
  assert.deepEqual(body.error.details, { path: "cache.reuse" });
});
