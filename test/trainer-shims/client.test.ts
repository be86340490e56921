import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startLiveServer, workersReady } from "../support/live-server.ts";
import { skipWithout } from "../support/require.ts";

const SHIMS = fileURLToPath(new URL("../../trainer-shims", import.meta.url));
const hasPython =
  spawnSync("python3", ["-c", "import sys; sys.exit(sys.version_info < (3, 10))"]).status === 0;

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
    const run = promisify(execFile);
    const { stdout } = await run("python3", ["-c", SCRIPT, server.http], {
      env: { ...process.env, PYTHONPATH: SHIMS },
    });
    const [ids, logprobs, version, refused] = JSON.parse(stdout) as [
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
