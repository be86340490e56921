/** Jobs of a whole server with a real engine: held, let in, refused, aborted, over real sockets. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type LiveServer, startLiveServer, workersReady } from "../../../support/live-server.ts";

interface Job {
  readonly load: Readonly<Record<string, number>>;
  readonly staleness: { readonly limit: number; readonly admitted: number; readonly held: number };
}
interface Result {
  readonly finish_reason: { readonly type: string; readonly cause: string };
}
interface Refusal {
  readonly error: { readonly code: string; readonly retry_after_ms: number };
}

const rollout = (job: string, id: string, maxNewTokens = 4) => ({
  ...{ job, id, prompt_token_ids: [49, 43, 49, 61] },
  sampling: { max_new_tokens: maxNewTokens, ignore_eos: true },
});

suite("jobs, live", () => {
  let server: LiveServer;
  before(async () => {
    server = await startLiveServer({ workers: 1 });
    await workersReady(server, 1);
  });
  after(() => server.stop());

  const submit = (body: ReturnType<typeof rollout>) =>
    server.call<Result & Refusal>("POST", "/v1/rollouts", body);
  const accepted = (job: string, id: string) =>
    server.until(
      (event) =>
        event["type"] === "rollout_accepted" && event["job"] === job && event["rollout"] === id,
    );
  const job = async (name: string): Promise<Job> =>
    (await server.call<Job>("GET", `/v1/jobs/${name}`)).body;

  test("a group beyond the staleness bound waits for the trainer's next step", async () => {
    await server.call("PUT", "/v1/jobs/grpo", { eta: 0, batch_groups: 1 });
    const { body: told } = await server.call<Job>("POST", "/v1/jobs/grpo/trainer", {
      version: 1,
      step: 0,
    });
    assert.deepEqual([told.staleness.limit, told.staleness.admitted], [1, 0]);
    const first = await submit(rollout("grpo", "1"));
    assert.equal(first.body.finish_reason.type, "length");
    const second = submit(rollout("grpo", "2"));
    await accepted("grpo", "2");
    const state = await server.call<{ state: string }>("GET", "/v1/rollouts/2?job=grpo");
    assert.equal(state.body.state, "held");
    const { load, staleness } = await job("grpo");
    assert.deepEqual([load["held"], load["in_flight"], staleness.held], [1, 1, 1]);
    await server.call("POST", "/v1/jobs/grpo/trainer", { version: 1, step: 1 });
    assert.equal((await second).body.finish_reason.type, "length");
    assert.equal((await job("grpo")).load["finished"], 2);
  });

  test("a quota refuses what is beyond it, and an abort of the job ends only its own", async () => {
    await server.call("PUT", "/v1/jobs/a", { quota: { max_in_flight: 1 } });
    const [mine, other] = [submit(rollout("a", "1", 1_500)), submit(rollout("b", "1", 1_500))];
    await Promise.all([accepted("a", "1"), accepted("b", "1")]);
    const { status, body } = await submit(rollout("a", "2"));
    assert.deepEqual([status, body.error.code], [429, "quota_exceeded"]);
    assert.ok(body.error.retry_after_ms > 0);
    const aborted = await server.call<{ aborted: number }>("POST", "/v1/jobs/a/abort");
    assert.equal(aborted.body.aborted, 1);
    assert.deepEqual((await mine).body.finish_reason.cause, "client");
    assert.equal((await other).body.finish_reason.type, "length");
    assert.equal((await submit(rollout("a", "2"))).status, 200);
  });

  test("a rollout that names a pool which its job may not use is refused", async () => {
    await server.call("PUT", "/v1/jobs/p", { pools: ["default"] });
    const refused = await submit({ ...rollout("p", "1"), ...{ pool: "elsewhere" } });
    assert.deepEqual([refused.status, refused.body.error.code], [400, "invalid_argument"]);
    assert.equal((await submit(rollout("p", "1"))).status, 200);
  });
});
