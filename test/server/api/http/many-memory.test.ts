/** Ten thousand rollouts in one call: what the server holds is bounded by what is in flight, however slow the reader. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Rollout } from "../../../../server/contract/rollout.ts";
import type { RolloutHandle } from "../../../../server/rollouts/service.ts";
import { connectRaw, rawPost } from "../../../support/raw-http.ts";
import { createScriptedRollouts, ScriptedLife } from "../../../support/scripted-rollouts.ts";
import { serveHttp } from "../../../support/serve-http.ts";

setFlagsFromString("--expose-gc");
const gc: () => void = runInNewContext("gc");

const COUNT = 10_000;
const TOKENS = 1_024;
const PROMPT = 256;
const IN_FLIGHT = 256;

/** Rollouts that end at once and of which nobody keeps anything. */
function forgetful() {
  let submitted = 0;
  return {
    ...createScriptedRollouts(),
    get count() {
      return submitted;
    },
    submit(rollout: Rollout): RolloutHandle {
      submitted++;
      const place = { job: rollout.job, store: null, inlineBytes: 0, byRef: false };
      return new ScriptedLife(rollout, [{ do: "tokens", count: TOKENS, version: 7 }], place);
    },
  };
}

const heldBytes = (): number => {
  // What the first finds dead in array buffers, a thread of V8's still counts until the second.
  gc();
  gc();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
};

for (const accept of ["application/x-ndjson", "application/vnd.apache.arrow.stream"]) {
  test(`${accept}, read slowly`, async () => {
    const rollouts = forgetful();
    const options = { version: "0", manyInFlight: IN_FLIGHT };
    const serving = await serveHttp({ rollouts, options });
    try {
      const prompt_token_ids = Array.from({ length: PROMPT }, (_, i) => i % 250);
      const body = JSON.stringify({
        rollouts: Array.from({ length: COUNT }, () => ({ prompt_token_ids })),
        defaults: { sampling: { max_new_tokens: TOKENS } },
      });
      const raw = await connectRaw(serving.port);
      raw.socket.removeAllListeners("data");
      raw.socket.write(rawPost("/v1/rollouts/many", body, `accept: ${accept}\r\n`));
      let bytes = 0;
      let most = 0;
      let first = 0;
      raw.socket.on("data", (chunk: string) => {
        if (bytes === 0) first = heldBytes();
        // A look every 4 MB; between them the reader takes one chunk a turn of the loop.
        if (Math.floor((bytes + chunk.length) / 4e6) > Math.floor(bytes / 4e6)) {
          most = Math.max(most, heldBytes());
        }
        bytes += chunk.length;
        raw.socket.pause();
        setImmediate(() => raw.socket.resume());
      });
      const until = new Promise<void>((resolve) => {
        raw.socket.on("data", (chunk: string) => chunk.includes("makespan_ms") && resolve());
      });
      raw.socket.resume();
      await until;
      raw.socket.destroy();
      assert.equal(rollouts.count, COUNT);
      // All results are 80 MB and more on the wire; at the first byte all prompts are still there (10 MB).
      assert.ok(bytes > COUNT * TOKENS * 8, `${bytes} bytes came`);
      const grown = (most - first) / 1e6;
      assert.ok(grown < 16, `${grown.toFixed(1)} MB more than at the first byte`);
      console.log(
        `# ${accept}: ${(bytes / 1e6).toFixed(0)} MB read, held ${grown.toFixed(1)} MB more`,
      );
    } finally {
      await serving.close();
    }
  });
}
