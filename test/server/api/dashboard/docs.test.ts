/** The page of `/openapi.json` in a real browser: every call and schema, from this origin only. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { Overview } from "../../../../server/api/dashboard/overview.ts";
import { openapiDocument } from "../../../../server/api/http/openapi.ts";
import { ROUTES } from "../../../../server/api/http/route-table.ts";
import {
  type Browser,
  launchChromium,
  type Page,
  skipWithoutChromium,
} from "../../../support/browser.ts";
import { type Serving, serveHttp } from "../../../support/serve-http.ts";

const NOTHING: Overview = {
  now_ms: 1_700_000_000_000,
  uptime_ms: 0,
  tokens_per_second: 0,
  waiting: 0,
  running: 0,
  jobs: [],
  workers: [],
  policies: [],
  history: { interval_ms: 1_000, tokens_per_second: [], waiting: [], running: [] },
};

suite("the page of openapi.json", { skip: skipWithoutChromium() }, () => {
  let browser: Browser;
  let serving: Serving;
  let page: Page;
  const strangers: string[] = [];
  const complaints: string[] = [];

  before(async () => {
    serving = await serveHttp({ overview: () => NOTHING });
    browser = await launchChromium();
    page = await browser.newPage({ viewport: { width: 1200, height: 860 } });
    page.on("request", (request) => {
      if (!request.url().startsWith(serving.client.url)) strangers.push(request.url());
    });
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    // Reached as a reader reaches it.
    await page.goto(serving.client.url);
    await page.click('footer a[href="/docs"]');
    await page.waitForSelector("main");
  });
  after(async () => {
    await browser.close();
    await serving.close();
  });

  test("has every call, with its scope or that it is not served", async () => {
    assert.equal(await page.locator("[data-call]").count(), ROUTES.length);
    for (const { call, method, path, scope, served } of ROUTES) {
      const line = await page.innerText(`[data-call="${call}"] summary`);
      for (const part of [method, path, served ? scope : "not served"]) {
        assert.ok(line.includes(part), `${part} in ${line}`);
      }
    }
  });

  test("has every schema with its fields, and a call leads to its own", async () => {
    const { components } = openapiDocument("0");
    const names = Object.keys(Object(Reflect.get(Object(components), "schemas")));
    assert.equal(await page.locator("[data-schema]").count(), names.length);
    assert.match(
      await page.innerText('[data-schema="Rollout"]'),
      /prompt_token_ids[\s\S]*required/,
    );
    await page.click('[data-call="submitRollout"] summary');
    const call = await page.innerText('[data-call="submitRollout"]');
    assert.match(call, /application\/json/);
    await page.click('[data-call="submitRollout"] a[href="#schema-Rollout"]');
    assert.equal(await page.locator('section[data-schema="Rollout"]:target').count(), 1);
  });

  test("asks no other host, and nothing goes wrong in it", () => {
    assert.deepEqual(strangers, []);
    assert.deepEqual(complaints, []);
  });

  for (const colorScheme of ["light", "dark"] as const) {
    test(`nothing spills over the edge, ${colorScheme}`, async () => {
      const narrow = await browser.newPage({ viewport: { width: 390, height: 800 }, colorScheme });
      await narrow.goto(`${serving.client.url}/docs`);
      await narrow.waitForSelector("main");
      await narrow.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))");
      const spill = await narrow.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth",
      );
      assert.equal(spill, 0);
      await narrow.close();
    });
  }
});
