/** The live page in a real browser: what it shows, that it stays current, and that it says when it cannot. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { createTokenGatekeeper } from "../../../../server/api/auth/gatekeeper.ts";
import type { Overview, OverviewWorker } from "../../../../server/api/dashboard/overview.ts";
import { PacelineError } from "../../../../server/contract/errors.ts";
import { liveClock } from "../../../../server/live-clock.ts";
import {
  type Browser,
  launchChromium,
  type Page,
  skipWithoutChromium,
} from "../../../support/browser.ts";
import { type Serving, serveHttp } from "../../../support/serve-http.ts";
import { testToken } from "../../../support/tokens.ts";

const worker = (over: Partial<OverviewWorker>): OverviewWorker => ({
  id: "w-1",
  engine: "embedded",
  pool: "default",
  model: "demo",
  state: "ready",
  reason: null,
  versions: [{ policy: "default", version: 42, proof: "digest" }],
  running: 12,
  waiting: 0,
  kv_used_tokens: 24_576,
  kv_total_tokens: 65_536,
  tokens_per_second: 1_234.4,
  ...over,
});

const wave = (scale: number): number[] =>
  Array.from({ length: 120 }, (_, i) => scale * (2 + Math.sin(i / 9) + Math.cos(i / 4) / 3));

const OVERVIEW: Overview = {
  now_ms: 1_700_000_000_000,
  uptime_ms: 3_723_000,
  tokens_per_second: 2_310.2,
  waiting: 1_048,
  running: 25,
  jobs: [{ job: "default", waiting: 1_048, running: 25 }],
  workers: [
    worker({}),
    worker({ id: "w-2", running: 13, tokens_per_second: 1_075.8, kv_used_tokens: 60_100 }),
    worker({
      id: "w-3",
      state: "poisoned",
      reason: "version 43: digest mismatch after swap <b>x</b>",
      versions: [],
      running: 0,
      kv_used_tokens: 0,
      tokens_per_second: 0,
    }),
    worker({
      id: "w-4",
      state: "updating",
      reason: "loading version 43",
      running: 0,
      tokens_per_second: 0,
    }),
  ],
  policies: [
    {
      policy: "default",
      committed_version: 42,
      on_update: "keep",
      run: { run: "a", epoch: 3 },
      versions: [43, 42, 41].map((version) => ({
        version,
        state: version === 43 ? "transferring" : version === 42 ? "installed" : "superseded",
        label: version === 41 ? null : { run: "a", step: version },
        digest: `${version}`.repeat(32),
        created_at_ms: 1_700_000_000_000 + version,
        holders: version === 42 ? 3 : 0,
      })),
    },
  ],
  history: {
    interval_ms: 1_000,
    tokens_per_second: wave(800),
    waiting: wave(300),
    running: wave(8),
  },
};

suite("the live page", { skip: skipWithoutChromium() }, () => {
  let browser: Browser;
  let serving: Serving;
  let page: Page;
  let overview = OVERVIEW;
  let refusing = false;
  const strangers: string[] = [];
  const complaints: string[] = [];

  before(async () => {
    serving = await serveHttp({
      overview: () => {
        if (refusing) throw new PacelineError("shutting_down", "the server drains");
        return overview;
      },
    });
    browser = await launchChromium();
    page = await browser.newPage({ viewport: { width: 1200, height: 860 } });
    page.on("request", (request) => {
      if (!request.url().startsWith(serving.client.url)) strangers.push(request.url());
    });
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(serving.client.url);
    await page.waitForSelector("main");
  });
  after(async () => {
    await browser.close();
    await serving.close();
  });

  const figure = (name: string): Promise<string> => page.innerText(`[data-figure="${name}"]`);

  test("shows the fleet's figures", async () => {
    assert.equal(await figure("Tokens per second"), "2,310");
    assert.equal(await figure("Rollouts running"), "25");
    assert.equal(await figure("Rollouts waiting"), "1,048");
    assert.equal(await figure("Workers ready"), "2 of 4");
    assert.equal(await page.locator(".spark .line").count(), 3);
  });

  test("shows each worker's state, versions, load and what is wrong with it", async () => {
    const first = await page.innerText('[data-worker="w-1"]');
    for (const part of ["ready", "default v42", "12", "38%", "1,234"]) {
      assert.ok(first.includes(part), `${part} in ${first}`);
    }
    const third = await page.innerText('[data-worker="w-3"]');
    for (const part of ["poisoned", "digest mismatch after swap <b>x</b>", "nothing proven"]) {
      assert.ok(third.includes(part), `${part} in ${third}`);
    }
  });

  test("shows each policy's versions, the committed one apart", async () => {
    const policy = page.locator('[data-policy="default"]');
    assert.match(await policy.innerText(), /v42 committed[\s\S]*run a, epoch 3/);
    assert.match(
      await policy.locator("tr.current").innerText(),
      /v42[\s\S]*installed[\s\S]*a, step 42/,
    );
    assert.equal(await policy.locator("tbody tr").count(), 3);
  });

  test("stays current", async () => {
    overview = { ...OVERVIEW, running: 7_654_321 };
    await page.locator('[data-figure="Rollouts running"]', { hasText: "7,654,321" }).waitFor();
  });

  test("asks no other host, and nothing goes wrong in it", () => {
    assert.deepEqual(strangers, []);
    assert.deepEqual(complaints, []);
  });

  test("says when the server does not answer, keeps what it had, and recovers", async () => {
    refusing = true;
    await page.waitForSelector('[role="alert"]');
    assert.match(await page.innerText('[role="alert"]'), /the server drains/);
    assert.equal(await page.locator("main.stale").count(), 1);
    assert.equal(await figure("Rollouts waiting"), "1,048");
    refusing = false;
    await page.waitForSelector('[role="alert"]', { state: "detached" });
  });

  test("asks for a token where the server does, and keeps it for the tab", async () => {
    const token = testToken({ scope: "read" });
    const gate = createTokenGatekeeper([token.entry], liveClock);
    const guarded = await serveHttp({ gate, overview: () => OVERVIEW });
    const tab = await browser.newPage();
    await tab.goto(guarded.client.url);
    await tab.waitForSelector("form.token");
    await tab.fill("#token", "pl_wrong");
    await tab.click("form.token button");
    await tab.locator("form.token", { hasText: "not known" }).waitFor();
    await tab.fill("#token", token.secret);
    await tab.click("form.token button");
    await tab.waitForSelector("main");
    await tab.goto(guarded.client.url);
    await tab.waitForSelector("main");
    assert.equal(await tab.locator("form.token").count(), 0);
    await tab.close();
    await guarded.close();
  });

  for (const colorScheme of ["light", "dark"] as const) {
    test(`nothing spills over the edge, ${colorScheme}`, async () => {
      const narrow = await browser.newPage({ viewport: { width: 390, height: 800 }, colorScheme });
      await narrow.goto(serving.client.url);
      await narrow.waitForSelector("main");
      const spill = await narrow.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth",
      );
      assert.equal(spill, 0);
      await narrow.close();
    });
  }
});
