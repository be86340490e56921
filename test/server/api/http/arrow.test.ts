/** Arrow as a reply body over real HTTP: every call that answers rollouts answers them so. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { encodeResult } from "../../../../server/api/codec/result.ts";
import { PacelineError } from "../../../../server/contract/errors.ts";
import { groupSummary, manySummary } from "../../../../server/contract/schema-many.ts";
import { readArrow } from "../../../support/arrow-rows.ts";
import type { Reply } from "../../../support/http-client.ts";
import { connectRaw, rawPost } from "../../../support/raw-http.ts";
import {
  createScriptedRollouts,
  playToEnd,
  type Script,
  scriptedId,
  scriptedLogprob,
} from "../../../support/scripted-rollouts.ts";
import { type Serving, serveHttp } from "../../../support/serve-http.ts";

const ARROW = "application/vnd.apache.arrow.stream";
const headers = { accept: ARROW };
const ROLLOUT = { id: "r-1", prompt_token_ids: [72], sampling: { max_new_tokens: 4 } };
const forever = new Promise<never>(() => {});

async function using<T>(made: Promise<Serving>, run: (serving: Serving) => Promise<T>): Promise<T> {
  const serving = await made;
  try {
    return await run(serving);
  } finally {
    await serving.close();
  }
}

function readReply(reply: Reply) {
  assert.equal(reply.status, 200, reply.text);
  assert.equal(reply.headers["content-type"], ARROW);
  return readArrow(reply.bytes);
}

const manyOf = (count: number) => ({
  rollouts: Array.from({ length: count }, (_, i) => ({ id: `r-${i}`, prompt_token_ids: [72] })),
  defaults: { sampling: { max_new_tokens: 4 } },
});

suite("one rollout", () => {
  test("is one row: submitted, asked for again, or aborted", () =>
    using(serveHttp(), async ({ client, rollouts }) => {
      const made = readReply(await client.call("POST", "/v1/rollouts", { body: ROLLOUT, headers }));
      const result = await rollouts.life("default", "r-1").result();
      const { spans, usage } = JSON.parse(encodeResult(result, "json"));
      const [row] = made.rows;
      assert.equal(made.rows.length, 1);
      assert.deepEqual(row?.["output_token_ids"], [0, 1, 2, 3].map(scriptedId));
      assert.deepEqual(row?.["logprobs"], [0, 1, 2, 3].map(scriptedLogprob));
      assert.deepEqual([row?.["spans"], row?.["usage"]], [spans, usage]);
      assert.equal(row?.["error"], null);
      for (const method of ["GET", "DELETE"]) {
        const again = readReply(await client.call(method, "/v1/rollouts/r-1", { headers }));
        assert.deepEqual(again, made);
      }
    }));

  test("that still runs is no row, and its progress is metadata", () => {
    const script: Script = () => [{ do: "wait", until: forever }];
    return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
      const { client, rollouts } = serving;
      const running = client.call("POST", "/v1/rollouts", { body: ROLLOUT, headers });
      await rollouts.arrival("default", "r-1");
      const { rows, metadata } = readReply(
        await client.call("GET", "/v1/rollouts/r-1", { headers }),
      );
      assert.deepEqual(rows, []);
      assert.deepEqual(metadata["progress"], {
        id: "r-1",
        job: "default",
        state: "running",
        output_tokens: 0,
        worker: "w-1",
        attempts: 1,
      });
      const aborted = readReply(await client.call("DELETE", "/v1/rollouts/r-1", { headers }));
      assert.deepEqual(aborted, readReply(await running));
    });
  });

  test("that is refused is a typed error in JSON", () =>
    using(serveHttp(), async ({ client }) => {
      const reply = await client.call("POST", "/v1/rollouts", {
        body: { ...ROLLOUT, x: 1 },
        headers,
      });
      assert.equal(reply.status, 400);
      assert.match(String(reply.headers["content-type"]), /application\/json/);
    }));
});

suite("many", () => {
  test("come as batches; errors are rows; the summary closes", () => {
    const error = new PacelineError("not_resumable", "gone", { kept: { output_tokens: 3 } });
    const script: Script = (rollout) =>
      rollout.id === "r-1" ? [{ do: "fail", error }] : playToEnd(rollout);
    return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
      const body = manyOf(2_000);
      const reply = await serving.client.call("POST", "/v1/rollouts/many", { body, headers });
      const { rows, metadata, batches } = readReply(reply);
      assert.deepEqual(rows.map(({ id }) => id).sort(), body.rollouts.map(({ id }) => id).sort());
      assert.deepEqual(rows.find(({ id }) => id === "r-1")?.["error"], {
        code: "not_resumable",
        boundary: "engine",
        message: "gone",
        retryable: true,
        retry_after_ms: null,
        details: "{}",
        kept_output_tokens: 3,
      });
      const { rollouts, finished, failed } = manySummary().parse(metadata["summary"]);
      assert.deepEqual([rollouts, finished, failed], [2_000, 1_999, 1]);
      assert.ok(batches.every((rowCount) => rowCount <= 1_024));
      assert.equal(batches.at(-1), 0);
      assert.deepEqual(
        serving.failed.map(({ code }) => code),
        ["not_resumable"],
      );
    });
  });

  test("a finished one does not wait for the last", () => {
    const { promise: later, resolve: go } = Promise.withResolvers<void>();
    const script: Script = (rollout) =>
      rollout.id === "r-0"
        ? [{ do: "wait", until: later }, ...playToEnd(rollout)]
        : playToEnd(rollout);
    return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async ({ port }) => {
      const raw = await connectRaw(port);
      const body = JSON.stringify(manyOf(3));
      raw.socket.write(rawPost("/v1/rollouts/many", body, `accept: ${ARROW}\r\n`));
      await raw.until("r-2");
      assert.ok(!raw.received().includes("r-0"));
      go();
      await raw.until("paceline.summary");
      assert.ok(raw.received().includes("r-0"));
      raw.socket.destroy();
    });
  });
});

test("a group is its members in order, and says of itself in the schema", () => {
  const error = new PacelineError("misaligned", "odd");
  const script: Script = (rollout) =>
    rollout.group?.index === 1 ? [{ do: "fail", error }] : playToEnd(rollout);
  return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async ({ client }) => {
    const body = { ...ROLLOUT, id: "g", size: 3 };
    const { rows, metadata } = readReply(
      await client.call("POST", "/v1/groups", { body, headers }),
    );
    assert.deepEqual(
      rows.map(({ id }) => id),
      ["g.0", "g.1", "g.2"],
    );
    const { id, size, need, finished } = groupSummary().parse(metadata["group"]);
    assert.deepEqual({ id, size, need, finished }, { id: "g", size: 3, need: 3, finished: 2 });
    assert.deepEqual(rows[2]?.["group"], { id: "g", size: 3, index: 2 });
  });
});
