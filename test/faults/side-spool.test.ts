/** Side data by reference while the spool is full or its disk fails: no row is lost, and nobody is told of rows that are not there. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { PacelineError } from "../../server/contract/errors.ts";
import type { Result } from "../../server/contract/result.ts";
import { wholeResult } from "../../server/rollouts/whole-result.ts";
import { createHttpClient } from "../support/http-client.ts";
import { type LiveServer, startLiveServer, workersReady } from "../support/live-server.ts";
import { readBack } from "../support/read-back.ts";

const MIB = 1024 ** 2;
const TOKENS = 400;
/** Some 800 KiB of rows: every id of the vocabulary at each token, and a hundred alternatives. */
const body = (id: string, byRef: boolean) => ({
  ...{ id, prompt_token_ids: [...Buffer.from("17+25=")] },
  sampling: { max_new_tokens: TOKENS, seed: 3, ignore_eos: true },
  want: { top_logprobs: 100, sampling_mask: true, side_by_ref: byRef },
});

interface World {
  readonly server: LiveServer;
  readonly spool: string;
  generate(id: string, byRef: boolean): Promise<Result>;
  /** With all of its rows in memory. */
  whole(result: Result): Promise<Result>;
  metric(name: string): Promise<number>;
}

async function withServer(run: (world: World) => Promise<void>): Promise<void> {
  const spool = mkdtempSync(join(tmpdir(), "paceline-side-spool-"));
  const server = await startLiveServer({ workers: 1, spool, spool_bytes: 8 * MIB });
  const http = createHttpClient(Number(new URL(server.http).port));
  try {
    await workersReady(server, 1);
    await run({
      server,
      spool,
      generate: (id, byRef) => http.generate(body(id, byRef)),
      whole: (result) => wholeResult(result, readBack(server.http)),
      async metric(name) {
        const text = await (await fetch(`${server.http}/metrics`)).text();
        const line = text.split("\n").find((one) => one.startsWith(`${name} `));
        return Number(line?.slice(name.length) ?? 0);
      },
    });
  } finally {
    await http.close();
    await server.stop();
    rmSync(spool, { recursive: true, force: true });
  }
}

test("a spool that fills up", { timeout: 120_000 }, () =>
  withServer(async ({ generate, whole, metric }) => {
    const { side } = await generate("inline", false);
    assert.equal(side?.top?.offsets.length, TOKENS + 1);
    const results: Result[] = [];
    const refused: PacelineError[] = [];
    for (let index = 0; index < 14; index++) {
      try {
        results.push(await generate(`r-${index}`, true));
      } catch (thrown) {
        refused.push(thrown as PacelineError);
      }
    }
    for (const { code, kind } of refused) {
      assert.deepEqual([code, kind.retryable], ["spool_full", true], "before any work");
    }
    const stored = results.filter((result) => result.side?.stored?.top != null).length;
    assert.ok(stored >= 5 && stored < 14, `${stored} of ${results.length} by reference`);
    for (const result of results) assert.deepEqual((await whole(result)).side, side, result.id);
    const left = await metric('paceline_side_parts_total{fate="no_room"}');
    assert.ok(left + refused.length > 0, "what found no room stayed in its Result");
    assert.ok((await metric("paceline_spool_bytes")) <= 8 * MIB);
  }),
);

test("a disk that is gone, and comes back", { timeout: 120_000 }, () =>
  withServer(async ({ spool, generate, whole, metric }) => {
    const { side } = await generate("inline", false);
    rmSync(spool, { recursive: true });
    const lost = [await generate("r-1", true), await generate("r-2", true)];
    for (const result of lost) assert.deepEqual((await whole(result)).side, side, result.id);
    const bytes = lost.reduce((sum, { side: told }) => {
      const { top, mask } = told?.stored ?? {};
      return sum + (top?.bytes ?? 0) + (mask?.bytes ?? 0);
    }, 0);
    assert.ok(bytes > MIB);
    while ((await metric('paceline_side_parts_total{fate="failed"}')) < 4);
    assert.equal(await metric("paceline_side_unwritten_bytes"), bytes);
    mkdirSync(spool);
    const back = await generate("r-3", true);
    while ((await metric('paceline_side_parts_total{fate="stored"}')) < 2);
    assert.deepEqual((await whole(back)).side, side);
    assert.equal(await metric("paceline_side_unwritten_bytes"), bytes);
    for (const result of lost) assert.deepEqual((await whole(result)).side, side, result.id);
  }),
);
