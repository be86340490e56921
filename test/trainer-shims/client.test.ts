import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PacelineError } from "../../server/contract/errors.ts";
import { startLiveServer, workersReady } from "../support/live-server.ts";
import { skipWithout } from "../support/require.ts";
import {
  createScriptedRollouts,
  playToEnd,
  type Script,
  scriptedId,
} from "../support/scripted-rollouts.ts";
import { serveHttp } from "../support/serve-http.ts";

const SHIMS = fileURLToPath(new URL("../../trainer-shims", import.meta.url));
/** Its own environment, where pyarrow is not for everyone. */
const PYTHON = process.env["PACELINE_TEST_PYTHON"] ?? "python3";
const succeeds = (script: string): boolean => spawnSync(PYTHON, ["-c", script]).status === 0;
const hasPython = succeeds("import sys; sys.exit(sys.version_info < (3, 10))");
const hasPyarrow = hasPython && succeeds("import pyarrow");

const run = promisify(execFile);
async function python(script: string, server: string): Promise<unknown> {
  const env = { ...process.env, PYTHONPATH: SHIMS };
  const { stdout } = await run(PYTHON, ["-c", script, server], { env });
  return JSON.parse(stdout);
}

const SCRIPT = `
import json, sys
from paceline import Client, PacelineError
client = Client(sys.argv[1])
result = client.rollout([49, 55, 43, 50, 53, 61], max_new_tokens=8, temperature=0.0)
try:
    client.rollout([49], max_new_tokens=8, temperature=-1.0)
except PacelineError as error:
    refused = [error.code, error.details["path"], error.retryable]
print(json.dumps([list(result.output_token_ids), len(result.logprobs), result.spans[0]["version"], refused]))
`;

test("the Python client gets aligned arrays and typed errors", {
  skip: skipWithout("python", hasPython),
}, async () => {
  const server = await startLiveServer({ workers: 1 });
  try {
    await workersReady(server, 1);
    const [ids, logprobs, version, refused] = (await python(SCRIPT, server.http)) as [
      number[],
      number,
      number,
      unknown[],
    ];
    assert.equal(Buffer.from(ids.slice(0, -1)).toString(), "41");
    assert.deepEqual([logprobs, version], [ids.length, 1]);
    assert.deepEqual(refused, ["invalid_argument", "sampling.temperature", false]);
  } finally {
    await server.stop();
  }
});

const failing: Script = (rollout) =>
  rollout.id === "r-1" || rollout.group?.index === 1
    ? [{ do: "fail", error: new PacelineError("misaligned", "odd") }]
    : rollout.id === "s-1" || rollout.id === "s-2"
      ? [{ do: "wait", until: new Promise(() => {}) }]
      : playToEnd(rollout);

const BULK = `
import json, sys
from paceline import Client, Failure, Kept
client = Client(sys.argv[1])
prompts = [{"id": f"r-{i}", "prompt_token_ids": [72]} for i in range(20)]
many = client.many(prompts, {"sampling": {"max_new_tokens": 4}})
endings = list(many)
failures = [one for one in endings if isinstance(one, Failure)]
group = client.group([72], size=3, max_new_tokens=4, rollout={"id": "g"})
step = client.many([{"id": f"s-{i}", "prompt_token_ids": [72]} for i in range(3)], {"sampling": {"max_new_tokens": 4}},
    need={"groups": 1, "partial": "keep"})
kept = [one.id for one in step if isinstance(one, Kept)]
print(json.dumps({
    "kept": [sorted(kept), step.summary["need"]["kept"]["members"], step.summary["need"]["whole"]],
    "endings": len(endings), "failures": [[one.id, one.error.code] for one in failures],
    "summary": [many.summary["finished"], many.summary["failed"]],
    "group": [group.id, group.finished, group.ended, [type(member).__name__ for member in group.members]],
    "made": group.summary["members"],
    "ids": list(group.members[0].output_token_ids),
}))
`;

test("the Python client runs many rollouts and groups", {
  skip: skipWithout("python", hasPython),
}, async () => {
  const serving = await serveHttp({ rollouts: createScriptedRollouts(failing) });
  try {
    assert.deepEqual(await python(BULK, serving.client.url), {
      kept: [["s-1", "s-2"], 2, 1],
      endings: 20,
      failures: [["r-1", "misaligned"]],
      summary: [19, 1],
      group: ["g", 2, "failed", ["Result", "Failure", "Result"]],
      made: 3,
      ids: [0, 1, 2, 3].map(scriptedId),
    });
  } finally {
    await serving.close();
  }
});

const FOUR_EACH = { mean: 4, p50: 4, p90: 4 };
const ARROW = `
import json, sys
from paceline import Client, PacelineError
client = Client(sys.argv[1])
prompts = [{"id": f"r-{i}", "prompt_token_ids": [72]} for i in range(2000)]
reply = client.many_arrow(prompts, {"sampling": {"max_new_tokens": 4}})
batches = list(reply)
rows = [row for batch in batches for row in batch.to_pylist()]
failed = next(row for row in rows if row["error"])
group = client.group_arrow([72], size=3, max_new_tokens=4, rollout={"id": "g"})
table = group.read_all()
ids = table["output_token_ids"].combine_chunks()
one = client.call_arrow("GET", "/v1/rollouts/r-0").read_all().to_pylist()[0]
try:
    client.call_arrow("GET", "/v1/rollouts/none")
except PacelineError as error:
    refused = error.code
print(json.dumps({
    "rows": len(rows), "distinct": len({row["id"] for row in rows}), "several": len(batches) > 1,
    "failed": [failed["id"], failed["output_token_ids"], failed["error"]["code"], failed["error"]["retryable"]],
    "summary": [reply.metadata["summary"]["finished"], reply.metadata["summary"]["failed"]],
    "types": [str(reply.schema.field(name).type) for name in ("output_token_ids", "logprobs")],
    "group": group.metadata["group"],
    "offsets": ids.offsets.to_pylist(), "ids": ids.values.to_pylist(),
    "one": [one["id"], one["spans"][0]["version"], one["finish_reason"]["cause"]], "refused": refused,
}))
`;

test("pyarrow reads what the server answers in Arrow", {
  skip: skipWithout("pyarrow", hasPyarrow),
}, async () => {
  const serving = await serveHttp({ rollouts: createScriptedRollouts(failing) });
  const ids = [0, 1, 2, 3].map(scriptedId);
  try {
    assert.deepEqual(await python(ARROW, serving.client.url), {
      rows: 2_000,
      distinct: 2_000,
      several: true,
      failed: ["r-1", null, "misaligned", true],
      summary: [1_999, 1],
      types: ["large_list<item: int32 not null>", "large_list<item: float not null>"],
      group: {
        ...{ id: "g", size: 3, need: 3, finished: 2, members: 3, ended: "failed", replaced: [] },
        cut: { members: 0, tokens: 0 },
        lengths: { all: FOUR_EACH, kept: FOUR_EACH, bias: 0 },
        off_policy_share: 0,
      },
      offsets: [0, 4, 4, 8],
      ids: [...ids, ...ids],
      one: ["r-0", 7, "max_new"],
      refused: "not_found",
    });
  } finally {
    await serving.close();
  }
});
