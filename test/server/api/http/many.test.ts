/** Many rollouts over real HTTP: order, summary, bounds, refusals before the first byte, readers that leave. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { decodeError } from "../../../../server/api/codec/error.ts";
import { decodeResult } from "../../../../server/api/codec/result.ts";
import { PacelineError } from "../../../../server/contract/errors.ts";
import { manySummary, rolloutError, rolloutKept } from "../../../../server/contract/schema-many.ts";
import { connectRaw, rawPost } from "../../../support/raw-http.ts";
import {
  createScriptedRollouts,
  playToEnd,
  type Script,
  scriptedId,
} from "../../../support/scripted-rollouts.ts";
import { type Serving, serveHttp } from "../../../support/serve-http.ts";

const MANY = "/v1/rollouts/many";
const forever = new Promise<never>(() => {});
const stuck: Script = () => [{ do: "wait", until: forever }];

async function using<T>(made: Promise<Serving>, run: (serving: Serving) => Promise<T>): Promise<T> {
  const serving = await made;
  try {
    return await run(serving);
  } finally {
    await serving.close();
  }
}

const bodyOf = (count: number, tokens = 4) => ({
  rollouts: Array.from({ length: count }, (_, i) => ({ id: `r-${i}`, prompt_token_ids: [72] })),
  defaults: { sampling: { max_new_tokens: tokens } },
});

const linesOf = (text: string): Record<string, unknown>[] => {
  assert.ok(text.endsWith("\n"));
  return text
    .slice(0, -1)
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
};

const summaryOf = (line: Record<string, unknown> | undefined) => {
  assert.deepEqual(Object.keys(line ?? {}), ["summary"]);
  return manySummary().parse(line?.["summary"]);
};

test("each rollout is one line as it ends, and the summary closes", () => {
  const { promise: later, resolve: go } = Promise.withResolvers<void>();
  const script: Script = (rollout) =>
    rollout.id === "r-0"
      ? [{ do: "wait", until: later }, ...playToEnd(rollout)]
      : playToEnd(rollout);
  return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
    const raw = await connectRaw(serving.port);
    raw.socket.write(rawPost(MANY, JSON.stringify(bodyOf(3))));
    await raw.until('"id":"r-2"');
    assert.ok(!raw.received().includes('"id":"r-0"'));
    go();
    await raw.until('"summary"');
    assert.match(raw.received(), /content-type: application\/x-ndjson/);
    raw.socket.destroy();
    // The same ids again join what has finished.
    const lines = linesOf((await serving.client.call("POST", MANY, { body: bodyOf(3) })).text);
    assert.equal(serving.rollouts.submitted.length, 3);
    const { makespan_ms, tail_share, ...summary } = summaryOf(lines.pop());
    assert.ok(makespan_ms >= 0 && (tail_share ?? 0) >= 0);
    // The fake worker has no rates: there is no bound to make up.
    const bound = { lower_bound_ms: null, ratio: null, bound_error: null, rho: null };
    assert.deepEqual(summary, { rollouts: 3, finished: 3, failed: 0, output_tokens: 12, ...bound });
    const results = lines.map(decodeResult);
    assert.deepEqual(results.map(({ id }) => id).sort(), ["r-0", "r-1", "r-2"]);
    for (const { outputTokenIds } of results) {
      assert.deepEqual([...outputTokenIds], [0, 1, 2, 3].map(scriptedId));
    }
  });
});

test("an error ends one rollout, and is its line", () => {
  const error = new PacelineError("not_resumable", "gone", { kept: { output_tokens: 3 } });
  const script: Script = (rollout) =>
    rollout.id === "r-1" ? [{ do: "fail", error }] : playToEnd(rollout);
  return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
    const lines = linesOf((await serving.client.call("POST", MANY, { body: bodyOf(3) })).text);
    const { finished, failed } = summaryOf(lines.pop());
    assert.deepEqual([finished, failed], [2, 1]);
    const line = lines.find((one) => one["id"] === "r-1");
    const read = rolloutError().parse(line);
    assert.equal(read.job, "default");
    assert.equal(decodeError(line).code, "not_resumable");
    assert.deepEqual(read.error.kept, { output_tokens: 3 });
    assert.deepEqual(
      serving.failed.map(({ code }) => code),
      ["not_resumable"],
    );
  });
});

test("a rollout's own fields go before the defaults', part by part; null is absent", () =>
  using(serveHttp(), async ({ client, rollouts }) => {
    const defaults = {
      job: "j",
      priority: 3,
      timeout_ms: 9,
      encoding: "b64",
      sampling: { max_new_tokens: 2, temperature: 0.5, top_k: 5 },
    };
    const own = { id: "a", job: null, priority: -1, sampling: { temperature: 0, top_k: null } };
    const prompt_token_ids = Buffer.from(Uint32Array.of(72).buffer).toString("base64");
    const body = { rollouts: [{ ...own, prompt_token_ids }], defaults };
    const reply = await client.call("POST", MANY, { body });
    assert.equal(reply.status, 200, reply.text);
    const [rollout] = rollouts.submitted;
    assert.equal(rollout?.job, "j");
    assert.equal(rollout.priority, -1);
    assert.equal(rollout.timeoutMs, 9);
    const { maxNewTokens, temperature, topK } = rollout.sampling;
    assert.deepEqual([maxNewTokens, temperature, topK], [2, 0, 5]);
    assert.equal(typeof linesOf(reply.text)[0]?.["output_token_ids"], "string");
  }));

suite("a call with a need", () => {
  const first: Script = (rollout) =>
    rollout.id === "r-1"
      ? playToEnd(rollout)
      : [
          { do: "tokens", count: 2, version: 7 },
          { do: "wait", until: forever },
        ];
  const needing = (need: object, rollouts = bodyOf(3).rollouts) => ({
    ...bodyOf(0),
    ...{ rollouts, need },
  });
  const call = async (body: object) => {
    const serving = await serveHttp({ rollouts: createScriptedRollouts(first) });
    const reply = await serving.client.call("POST", MANY, { body });
    await serving.close();
    return reply;
  };

  test("ends what is left with what it made", async () => {
    const lines = linesOf((await call(needing({ groups: 1 }))).text);
    const { need, finished } = summaryOf(lines.pop());
    const causes = lines.map((line) => decodeResult(line).finishReason.cause);
    assert.deepEqual([finished, causes.toSorted()], [3, ["max_new", "need", "need"]]);
    assert.deepEqual([need?.groups, need?.whole, need?.cut.members], [1, 1, 2]);
    assert.deepEqual(need?.kept, { members: 0, tokens: 0 });
  });

  test("keeps what is left, and says how much of it there is", async () => {
    const lines = linesOf((await call(needing({ groups: 1, partial: "keep" }))).text);
    const { need, rollouts, finished } = summaryOf(lines.pop());
    const kept = lines
      .filter((line) => "kept_tokens" in line)
      .map((line) => rolloutKept().parse(line));
    assert.deepEqual(kept.map(({ id, job }) => `${job}/${id}`).sort(), [
      "default/r-0",
      "default/r-2",
    ]);
    const tokens = kept.reduce((sum, { kept_tokens }) => sum + kept_tokens, 0);
    assert.deepEqual(need?.kept, { members: 2, tokens });
    assert.deepEqual([rollouts, finished, need?.lengths.kept?.mean], [3, 1, 4]);
  });

  test("a group is whole with so many members as it says, and its others are not needed", async () => {
    const group = (id: string) => (_: unknown, index: number) => ({
      ...{ id: `r-${index}`, prompt_token_ids: [72], group: { id, size: 3, index } },
    });
    const rollouts = Array.from({ length: 3 }, group("g"));
    const lines = linesOf((await call(needing({ groups: 1, members: 1 }, rollouts))).text);
    const { need } = summaryOf(lines.pop());
    assert.deepEqual([lines.length, need?.members, need?.whole, need?.cut.members], [3, 1, 1, 2]);
  });

  for (const [name, body, path] of [
    ["more groups than there are", needing({ groups: 4 }), "need/groups"],
    [
      "members that no group here has",
      needing({ groups: 1, members: 2 }, [
        { id: "r-0", prompt_token_ids: [72], group: { id: "g", size: 2, index: 0 } },
      ] as never),
      "need/groups",
    ],
    ["none", needing({ groups: 0 }), "need/groups"],
    ["a fate that there is not", needing({ groups: 1, partial: "burn" }), "need/partial"],
  ] as const) {
    test(`${name} is refused`, async () => {
      const reply = await call(body);
      assert.equal(reply.status, 400, reply.text);
      const { code, details } = decodeError(JSON.parse(reply.text));
      assert.deepEqual([code, details["path"]], ["invalid_argument", path]);
    });
  }
});

suite("one that is wrong refuses them all before the first byte", () => {
  const good = { prompt_token_ids: [72], sampling: { max_new_tokens: 2 } };
  const at3 = (bad: object) => ({ rollouts: [good, good, good, { ...good, ...bad }] });
  for (const [name, body, code, path] of [
    [
      "a value",
      at3({ sampling: { max_new_tokens: 2, top_p: 2 } }),
      "invalid_argument",
      "rollouts/3/sampling/top_p",
    ],
    [
      "a token",
      at3({ prompt_token_ids: [1, 2.5] }),
      "invalid_argument",
      "rollouts/3/prompt_token_ids/1",
    ],
    [
      "a token out of vocabulary",
      at3({ prompt_token_ids: [1, 260] }),
      "invalid_argument",
      "rollouts/3/prompt_token_ids/1",
    ],
    ["a field", at3({ temprature: 1 }), "invalid_argument", "rollouts/3/temprature"],
    [
      "a missing limit",
      at3({ sampling: {} }),
      "invalid_argument",
      "rollouts/3/sampling/max_new_tokens",
    ],
    ["a policy", at3({ policy: "none" }), "not_found", "rollouts/3"],
    [
      "a feature",
      at3({ want: { routed_experts: true }, sampling: { max_new_tokens: 2, stop: ["x"] } }),
      "unsupported",
      "rollouts/3/want/routed_experts",
    ],
    [
      "an id twice",
      { rollouts: [{ ...good, id: "a" }, good, { ...good, id: "a" }] },
      "invalid_argument",
      "rollouts/2/id",
    ],
    ["a rollout that is none", { rollouts: [7] }, "invalid_argument", "rollouts/0"],
    [
      "a default",
      { rollouts: [good], defaults: { sampling: { top_k: 1.5 } } },
      "invalid_argument",
      "defaults/sampling/top_k",
    ],
    [
      "an id for all",
      { rollouts: [good], defaults: { id: "a" } },
      "invalid_argument",
      "defaults/id",
    ],
    ["no rollouts", { rollouts: [] }, "invalid_argument", "rollouts"],
    ["an unknown field", { rollouts: [good], default: {} }, "invalid_argument", "default"],
    ["no object", [good], "invalid_argument", ""],
  ] as const) {
    test(name, () =>
      using(serveHttp(), async ({ client, rollouts }) => {
        const reply = await client.call("POST", MANY, { body });
        const error = decodeError(reply.json());
        assert.equal(error.code, code);
        assert.equal(error.details["path"], path);
        assert.equal(reply.status, error.kind.http);
        assert.equal(rollouts.submitted.length, 0);
      }),
    );
  }

  test("event streams", () =>
    using(serveHttp(), async ({ client, rollouts }) => {
      const headers = { accept: "text/event-stream" };
      const reply = await client.call("POST", MANY, { body: bodyOf(1), headers });
      assert.equal(reply.status, 501);
      assert.equal(decodeError(reply.json()).code, "unimplemented");
      assert.equal(rollouts.submitted.length, 0);
    }));

  test("a server that takes nothing new", () => {
    const rollouts = createScriptedRollouts();
    const submit = (): never => {
      throw new PacelineError("shutting_down", "the server drains");
    };
    return using(serveHttp({ rollouts: { ...rollouts, submit } }), async ({ client }) => {
      assert.equal((await client.call("POST", MANY, { body: bodyOf(2) })).status, 503);
    });
  });
});

test("no more are submitted than the limit says, until one has been read", () => {
  const releases: (() => void)[] = [];
  const script: Script = (rollout) => [
    { do: "wait", until: new Promise<void>((resolve) => releases.push(resolve)) },
    ...playToEnd(rollout),
  ];
  const options = { version: "0", manyInFlight: 3 };
  return using(
    serveHttp({ rollouts: createScriptedRollouts(script), options }),
    async (serving) => {
      const { rollouts, port } = serving;
      const raw = await connectRaw(port);
      raw.socket.write(rawPost(MANY, JSON.stringify(bodyOf(8))));
      await rollouts.arrival("default", "r-2");
      for (let done = 0; done < 8; done++) {
        const most = Math.min(8, done + 3);
        await rollouts.arrival("default", `r-${most - 1}`);
        assert.equal(rollouts.submitted.length, most);
        await rollouts.life("default", `r-${done}`).until(() => releases.length > done);
        releases[done]?.();
        await raw.until(`"id":"r-${done}"`);
      }
      await raw.until('"finished":8');
      raw.socket.destroy();
    },
  );
});

test("a reader that takes nothing holds back what would follow, and ends it when it leaves", () => {
  const script: Script = () => [{ do: "tokens", count: 100_000, version: 7 }];
  const options = { version: "0", manyInFlight: 2 };
  return using(
    serveHttp({ rollouts: createScriptedRollouts(script), options }),
    async (serving) => {
      const { rollouts, port } = serving;
      const raw = await connectRaw(port);
      raw.socket.pause();
      raw.socket.write(rawPost(MANY, JSON.stringify(bodyOf(64))));
      // Whatever the sockets' buffers hold, it is less than 64 lines of 2 MB.
      const first = await rollouts.arrival("default", "r-0");
      await first.result();
      const seen = await settledCount(rollouts);
      assert.ok(seen < 32, `${seen} submitted`);
      raw.socket.resetAndDestroy();
      assert.equal(await settledCount(rollouts), seen);
    },
  );
});

/** Submissions once two looks, a few turns of the loop apart, see the same and all have ended. */
async function settledCount(rollouts: Serving["rollouts"]): Promise<number> {
  for (let before = -1; ; ) {
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    const count = rollouts.submitted.length;
    if (count === before) return count;
    before = count;
  }
}

test("a caller that leaves ends what is left, and nothing more begins", () => {
  const options = { version: "0", manyInFlight: 4 };
  return using(serveHttp({ rollouts: createScriptedRollouts(stuck), options }), async (serving) => {
    const { rollouts, port } = serving;
    const raw = await connectRaw(port);
    raw.socket.write(rawPost(MANY, JSON.stringify(bodyOf(9))));
    await raw.until("application/x-ndjson");
    await rollouts.arrival("default", "r-3");
    raw.socket.resetAndDestroy();
    for (let i = 0; i < 4; i++) {
      const { finishReason } = await rollouts.life("default", `r-${i}`).result();
      assert.deepEqual([finishReason.type, finishReason.cause], ["abort", "client"]);
    }
    assert.equal(rollouts.submitted.length, 4);
  });
});

test("ten thousand come back, each once", () =>
  using(serveHttp(), async ({ client }) => {
    const lines = linesOf((await client.call("POST", MANY, { body: bodyOf(10_000, 2) })).text);
    const { rollouts, finished, output_tokens } = summaryOf(lines.pop());
    assert.deepEqual([rollouts, finished, output_tokens], [10_000, 10_000, 20_000]);
    assert.equal(new Set(lines.map(({ id }) => id)).size, 10_000);
    assert.equal(lines.length, 10_000);
  }));
