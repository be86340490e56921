import assert from "node:assert/strict";
import { test } from "node:test";
import type { ErrorCode } from "../../../server/contract/errors.ts";
import { registerStatic } from "../../../server/fleet/static-workers.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { createFixture, URL_1, URL_2 } from "./fleet-fixture.ts";

function withStatic(urls: readonly string[]) {
  const fixture = createFixture();
  const failures: [ErrorCode, boolean][] = [];
  const start = () =>
    registerStatic(
      urls.map((url) => ({ url, engine: "simulated" as const })),
      {
        fleet: fixture.fleet,
        clock: fixture.clock,
        random: seededRandom(1),
        failed: (_, error, retryMs) => failures.push([error.code, retryMs !== null]),
      },
    );
  return { ...fixture, failures, start };
}

test("a worker that is not there yet does not keep the others, and is registered when it comes", async () => {
  const { engine, fleet, failures, start, until } = withStatic([URL_1, URL_2]);
  engine(URL_1).mood = "refused";
  await start().tried;
  assert.deepEqual(
    fleet.list().map(({ url }) => url),
    [URL_2],
  );
  engine(URL_1).mood = "well";
  await until(() => fleet.list().length === 2);
  assert.deepEqual(failures, [["engine_unreachable", true]]);
});

test("tries come less and less often, and end with close", async () => {
  const { engine, clock, failures, start } = withStatic([URL_1]);
  engine(URL_1).mood = "refused";
  const workers = start();
  await workers.tried;
  await clock.advance(120_000);
  assert.ok(failures.length >= 6 && failures.length <= 10, `${failures.length} tries`);
  workers.close();
  const { length } = failures;
  await clock.advance(120_000);
  assert.equal(failures.length, length);
  assert.equal(clock.timers, 0);
});

test("what can never succeed is told once", async () => {
  const { clock, failures, start } = withStatic(["not a url"]);
  await start().tried;
  await clock.advance(120_000);
  assert.deepEqual(failures, [["invalid_argument", false]]);
});
