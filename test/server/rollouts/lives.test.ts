/** How a rollout is accepted, read, held and ended (I4, I8). */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { Rollout } from "../../../server/contract/rollout.ts";
import type { RolloutHandle } from "../../../server/rollouts/service.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { settle } from "../../support/virtual-clock.ts";
import { finished, play, run, tokens, world } from "./world.ts";

test("the same id and body joins; another body conflicts; an expired result is never made again (I4)", async () => {
  const { rollouts, handle, clock } = await run([play([tokens(0, 1), finished])]);
  const again = rollouts.submit(sampleRollout({}));
  assert.equal(await again.result(), await handle.result());
  assert.deepEqual([again.progress(), again.moments()], [handle.progress(), handle.moments()]);
  assert.throws(() => rollouts.submit(sampleRollout({ bodyHash: "other" })), { code: "conflict" });
  await clock.advance(60_001);
  assert.throws(() => rollouts.get("default", "r-1"), { code: "not_found" });
  assert.throws(() => rollouts.submit(sampleRollout({})), { code: "not_found" });
});

test("a unary reader that leaves ends its rollout inside the engine", async () => {
  let aborted = false;
  const w = world([
    async function* (_request, signal) {
      yield tokens(0, 2);
      await new Promise<void>((resolve) =>
        signal.addEventListener("abort", () => resolve(), { once: true }),
      );
      aborted = true;
      throw signal.reason;
    },
  ]);
  const handle = w.rollouts.submit(sampleRollout({}));
  const leave = handle.attach("unary");
  await settle();
  leave();
  const result = await handle.result();
  await settle();
  assert.deepEqual(
    [result.finishReason.type, result.finishReason.cause, result.outputTokenIds.length],
    ["abort", "client", 2],
  );
  assert.ok(aborted);
});

test("a stream may come back within detach_ms; the last reader gone ends it", async () => {
  const w = world([play([tokens(0, 2)], "hang")]);
  const handle = w.rollouts.submit(sampleRollout({}));
  handle.attach("stream")();
  await w.clock.advance(900);
  const leave = handle.attach("stream");
  await w.clock.advance(2000);
  assert.equal(handle.progress().state, "running");
  leave();
  await w.clock.advance(1001);
  assert.equal((await handle.result()).finishReason.cause, "client");
});

test("timeout keeps the tokens of a placed rollout; one never placed ends in what held it", async () => {
  const placed = world([play([tokens(0, 2)], "hang")]);
  const first = placed.rollouts.submit(sampleRollout({ timeoutMs: 100 }));
  await settle();
  await placed.clock.advance(101);
  const result = await first.result();
  assert.deepEqual([result.finishReason.cause, result.outputTokenIds.length], ["timeout", 2]);
  const held = world([], { grant: false });
  const second = held.rollouts.submit(sampleRollout({ timeoutMs: 100 }));
  held.receive({ type: "held", key: "default/r-1", reason: "version_unavailable" });
  assert.equal(second.progress().state, "held");
  const failure = assert.rejects(second.result(), { code: "version_unavailable" });
  await held.clock.advance(101);
  await failure;
});

test("a wall clock that jumps by hours neither hastens a timeout nor puts it off", async () => {
  for (const hours of [5, -5]) {
    const w = world([play([tokens(0, 2)], "hang")]);
    const handle = w.rollouts.submit(sampleRollout({ timeoutMs: 100 }));
    w.clock.jumpWall(hours * 3_600_000);
    await w.clock.advance(99);
    assert.equal(handle.progress().state, "running");
    w.clock.jumpWall(-2 * hours * 3_600_000);
    await w.clock.advance(1);
    assert.equal((await handle.result()).finishReason.cause, "timeout");
  }
});

test("a lag limit broken at reply withholds the tokens (I8)", async () => {
  const { outcome } = await run([play([tokens(0, 2), finished])], { version: { max_lag: 0 } });
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual(
    [outcome.finishReason.cause, outcome.outputTokenIds.length, outcome.usage.wastedTokens],
    ["stale", 0, 2],
  );
});

const refused: [string, Partial<Rollout>, string][] = [
  ["an unknown policy", { policy: "nobody" }, "not_found"],
  ["a prompt id out of vocabulary", { promptTokenIds: Uint32Array.of(1, 300) }, "invalid_argument"],
  ["feed delivery", { deliver: "feed" }, "unsupported"],
];
for (const [name, rollout, code] of refused) {
  test(`${name} is refused before any engine is touched`, () => {
    const w = world([]);
    assert.throws(() => w.rollouts.submit(sampleRollout(rollout)), { code });
    assert.equal(w.sent.length, 0);
  });
}

suite("a rollout that its job holds", () => {
  const held = () => {
    const opened: (() => void)[] = [];
    const left: string[] = [];
    const w = world([play([tokens(0, 2), finished])], {
      jobs: {
        admits: (_rollout, open) => {
          opened.push(open);
          return false;
        },
        left: ({ id }, ending) => left.push(`${id} ${Object.keys(ending)}`),
      },
    });
    return { ...w, opened, left, handle: w.rollouts.submit(sampleRollout({ timeoutMs: 1000 })) };
  };

  test("asks for no place, and goes on when it is let in", async () => {
    const { opened, left, handle, sent } = held();
    assert.deepEqual([handle.progress().state, sent.length], ["held", 0]);
    opened[0]?.();
    assert.equal((await handle.result()).finishReason.type, "length");
    assert.deepEqual(left, ["r-1 result"]);
  });

  test("ends in quota_exceeded when its time is over", async () => {
    const { clock, left, handle } = held();
    const ending = assert.rejects(handle.result(), { code: "quota_exceeded" });
    await clock.advance(1000);
    await ending;
    assert.deepEqual(left, ["r-1 error"]);
  });
});

test("one that its job refuses does not exist", () => {
  const refuse = (): never => {
    throw new PacelineError("quota_exceeded", "full");
  };
  const { rollouts, sent } = world([], { jobs: { enter: refuse, left: () => assert.fail() } });
  assert.throws(() => rollouts.submit(sampleRollout({})), { code: "quota_exceeded" });
  assert.throws(() => rollouts.get("default", "r-1"), { code: "not_found" });
  assert.equal(sent.length, 0);
});

test("an abort of a job ends its rollouts, keeps their tokens and leaves the others alone", async () => {
  const scripts = Array.from({ length: 3 }, () => play([tokens(0, 2)], "hang"));
  const { rollouts } = world(scripts);
  const ids = ["a/1", "a/2", "b/1"].map((key) => key.split("/") as [string, string]);
  const handles = ids.map(([job, id]) => rollouts.submit(sampleRollout({ job, id })));
  await settle();
  assert.equal(await rollouts.abortJob("a", "client"), 2);
  for (const handle of handles.slice(0, 2)) {
    const { finishReason, usage } = await handle.result();
    assert.deepEqual([finishReason.cause, usage.outputTokens], ["client", 2]);
  }
  assert.equal(handles[2]?.progress().state, "running");
  assert.equal(await rollouts.abortJob("a", "client"), 0);
});

test("drain takes nothing new, waits, then ends what is left as partial", async () => {
  const w = world([play([tokens(0, 2)], "hang")]);
  const handle = w.rollouts.submit(sampleRollout({}));
  await settle();
  const drained = w.rollouts.drain(1000);
  assert.throws(() => w.rollouts.submit(sampleRollout({ id: "r-2" })), { code: "shutting_down" });
  await w.clock.advance(1001);
  await drained;
  const result = await handle.result();
  assert.deepEqual([result.finishReason.cause, result.outputTokenIds.length], ["drain", 2]);
});

test("readers with a cursor see every event once, chunks of one version joined", async () => {
  const { handle } = await run([
    play([tokens(0, 1), tokens(1, 1), tokens(2, 1, 8, true), finished]),
  ]);
  const all = ["0 accepted", "1 placed", "3 tokens 0+2", "4 tokens 2+1", "5 finished"];
  assert.deepEqual(await seenFrom(handle, 0), all);
  // A reader that comes back in the middle of what was joined gets the rest of it.
  assert.deepEqual(await seenFrom(handle, 3), ["3 tokens 1+1", "4 tokens 2+1", "5 finished"]);
  assert.deepEqual(await seenFrom(handle, 5), ["5 finished"]);
});

async function seenFrom(handle: RolloutHandle, from: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const batch of handle.events(from, new AbortController().signal)) {
    for (const { seq, event } of batch) {
      seen.push(
        `${seq} ${event.type}${event.type === "tokens" ? ` ${event.chunk.start}+${event.chunk.ids.length}` : ""}`,
      );
    }
  }
  return seen;
}

test("a session's turns keep their order; what was aborted or failed is open again", async () => {
  const whole = play([tokens(0, 3), finished]);
  const refused = new PacelineError("internal", "odd");
  const w = world([whole, play([], refused), play([tokens(0, 2)], "hang"), whole]);
  const turn = (id: string, number: number, final = false) =>
    w.rollouts.submit(sampleRollout({ id, session: { id: "s", turn: number, branch: 0, final } }));
  await turn("a", 0).result();
  // Repeated, it is the same turn.
  await turn("a", 0).result();
  assert.throws(() => turn("b", 0), { code: "conflict" });
  assert.throws(() => turn("b", 2), { code: "conflict" });
  await assert.rejects(turn("b", 1).result(), { code: "internal" });
  const slow = turn("b2", 1);
  assert.throws(() => turn("c", 2), { code: "conflict" });
  await w.rollouts.abort("default", "b2", "client");
  await slow.result();
  assert.deepEqual(w.closed, []);
  await turn("b3", 1, true).result();
  assert.deepEqual(w.closed, ["default/s"]);
  assert.throws(() => turn("c", 2), { code: "conflict", message: /finished/ });
  assert.deepEqual(w.sessions.finish("default", "s"), {
    id: "s",
    job: "default",
    turns: 2,
    branches: 1,
  });
});

test("an abort of what is not there any more is a rejection, never a throw", async () => {
  const w = world([play([tokens(0, 1), finished])]);
  await w.rollouts.submit(sampleRollout({})).result();
  await w.clock.advance(60_001);
  const late = w.rollouts.abort("default", "r-1", "client");
  await assert.rejects(late, { code: "not_found" });
});
