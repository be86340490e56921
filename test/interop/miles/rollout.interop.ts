/**
 * miles' own `generate_rollout` and session server (PyPI's `miles-rl`, nothing of it here) against the SGLang dialect as
 * their router. PACELINE_MILES: folder of the unpacked wheel; PACELINE_MILES_PYTHON: a Python ≥ 3.10 with what slime's
 * test needs and sglang-router, fastapi, uvicorn, setproctitle, IPython, traitlets (default `python3`).
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { STEP_1, startLiveServer, workersReady } from "../../support/live-server.ts";
import { skipWithout } from "../../support/require.ts";
import { runDriver } from "../python-driver.ts";

const CHECKOUT = process.env["PACELINE_MILES"] ?? "";
const PYTHON = process.env["PACELINE_MILES_PYTHON"] ?? "python3";
const DRIVER = fileURLToPath(new URL("driver.py", import.meta.url));

interface Step {
  readonly step: number;
  readonly groups: number;
  readonly statuses: readonly string[];
  readonly lengths: readonly number[];
  readonly kept: number;
}

interface Conversation {
  readonly session: readonly {
    readonly text: string;
    readonly tokens: readonly number[];
    readonly prompt: number;
    readonly version: string;
  }[];
  readonly accumulated: readonly number[];
}

suite("miles", { skip: skipWithout("miles", CHECKOUT !== "") }, () => {
  test("generate_rollout and a session of two turns", async (t) => {
    const server = await startLiveServer({ workers: 2, dialects: "sglang:0@miles" });
    try {
      await workersReady(server, 2);
      const [mount] = server.dialects;
      assert.ok(mount?.port);
      const said = await runDriver<Step | Conversation>({
        python: PYTHON,
        path: CHECKOUT,
        driver: DRIVER,
        args: ["127.0.0.1", String(mount.port), STEP_1],
      });
      for (const line of said) t.diagnostic(JSON.stringify(line));
      const steps = said.filter((line): line is Step => "step" in line);
      assert.equal(steps.length, 2);
      for (const { groups, statuses } of steps) {
        assert.deepEqual([groups, statuses.length], [4, 8]);
        assert.ok(statuses.every((status) => status === "completed" || status === "truncated"));
      }
      assert.ok(
        steps.some(({ kept }) => kept > 0),
        "no sample was aborted half-way",
      );
      const talk = said.find((line): line is Conversation => "session" in line);
      assert.equal(talk?.session.length, 2);
      const [first, second] = talk?.session ?? [];
      assert.ok(first && second);
      // The second prompt is the first, its answer's own tokens, and the new question.
      assert.equal(second.prompt, first.prompt + first.tokens.length + "30+41=".length);
      assert.deepEqual(
        talk?.accumulated.slice(first.prompt, first.prompt + first.tokens.length),
        first.tokens,
      );
      assert.match(first.text, /^\d+$/);
    } finally {
      await server.stop();
    }
  });
});
