import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { formatEntry } from "../../../server/api/auth/tokens-file.ts";
import { createEntrance, type Entrance } from "../../../server/assembly/entrance.ts";
import { resolveConfig } from "../../../server/config.ts";
import { LIMITS } from "../../../server/limits.ts";
import { serveHttp } from "../../support/serve-http.ts";
import { type TestToken, testToken } from "../../support/tokens.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

interface Told {
  readonly message: string;
  readonly fields: object;
}

/** An entrance over a tokens file, and each thing that it logs as it logs it. */
async function entranceOver(file: string, clock: VirtualClock) {
  const told: Told[] = [];
  let tell: () => void = () => {};
  const say = (fields: object, message: string): void => {
    told.push({ message, fields });
    tell();
  };
  const settings = resolveConfig({ tokens_file: file }, {}, null);
  const entrance = await createEntrance(settings, clock, { info: say, error: say });
  const next = async (): Promise<Told> => {
    // A look at the disk takes turns of the loop, not time of this clock.
    const heard = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const before = told.length;
    await clock.advance(LIMITS.fileCheckMs);
    if (told.length === before) await heard;
    return told.at(-1) as Told;
  };
  return { entrance, next, told };
}

const knows = ({ gate }: Entrance, { headers }: TestToken): boolean => {
  try {
    gate.identify(headers.authorization);
    return true;
  } catch {
    return false;
  }
};

const write = (file: string, ...tokens: TestToken[]): void =>
  writeFileSync(file, tokens.map(({ entry }) => formatEntry(entry)).join("\n"));

test("tokens are read again when their file changes; a bad file leaves the former", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "paceline-")), "tokens.toml");
  const [first, second, third] = [1, 2, 3].map((n) => testToken({ name: `t-${n}` }));
  assert.ok(first && second && third);
  write(file, first);
  const { entrance, next, told } = await entranceOver(file, new VirtualClock());
  assert.deepEqual([knows(entrance, first), knows(entrance, second)], [true, false]);

  write(file, first, second);
  assert.match((await next()).message, /read again/);
  assert.ok(knows(entrance, second));

  writeFileSync(file, "[[tokens]]\nname = ");
  assert.match((await next()).message, /not read again/);
  rmSync(file);
  assert.match((await next()).message, /not read again/);
  assert.ok(knows(entrance, first) && knows(entrance, second));

  // As editors and mounted secrets replace a file.
  write(`${file}.new`, third);
  renameSync(`${file}.new`, file);
  assert.match((await next()).message, /read again/);
  assert.deepEqual([knows(entrance, first), knows(entrance, third)], [false, true]);

  write(file, first);
  entrance.reload();
  assert.ok(knows(entrance, first), "at once, as SIGHUP asks");
  for (const { secret } of [first, second, third]) {
    assert.ok(!JSON.stringify(told).includes(secret));
  }
  entrance.close();
});

test("a stream goes on when its token is revoked; the next call is refused", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "paceline-")), "tokens.toml");
  const [old, fresh] = [testToken({ name: "old" }), testToken({ name: "fresh" })];
  write(file, old);
  const { entrance } = await entranceOver(file, new VirtualClock());
  const serving = await serveHttp({ gate: entrance.gate });
  try {
    const events = serving.client.sse("GET", "/v1/events", { headers: old.headers });
    serving.lifeCycle.emit("before", {});
    assert.equal((await events.next()).value?.event, "before");
    write(file, fresh);
    entrance.reload();
    const refused = await serving.client.call("GET", "/v1/workers", { headers: old.headers });
    assert.equal(refused.status, 401);
    serving.lifeCycle.emit("after", {});
    assert.equal((await events.next()).value?.event, "after");
    await events.return(undefined);
  } finally {
    entrance.close();
    await serving.close();
  }
});

test("a file that cannot be used is no start", async () => {
  await assert.rejects(entranceOver("/none/tokens.toml", new VirtualClock()), {
    code: "invalid_argument",
    message: /paceline token --file/,
  });
});
