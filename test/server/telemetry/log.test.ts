import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { test } from "node:test";
import type { Logger } from "pino";
import { mintToken } from "../../../server/api/auth/tokens-file.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import { createLog } from "../../../server/telemetry/log.ts";

const LOG_MODULE = new URL("../../../server/telemetry/log.ts", import.meta.url).href;

/** Numbers that appear nowhere else in a line. */
const IDS = [77_101, 77_102, 77_103];

class Holder {
  readonly ids = Uint32Array.from(IDS);
  readonly logprobs = [...IDS];
}

function lines(write: (log: Logger) => void): string[] {
  const written: string[] = [];
  write(createLog("info", { write: (line) => void written.push(line) }));
  return written;
}

const WAYS: readonly [string, (log: Logger) => void][] = [
  ["a field", (log) => log.info({ ids: IDS }, "m")],
  ["a typed array", (log) => log.info({ ids: Uint32Array.from(IDS) }, "m")],
  ["a nested field", (log) => log.info({ a: { b: [{ ids: IDS }] } }, "m")],
  ["rows of arrays", (log) => log.info({ rows: [IDS, IDS] }, "m")],
  ["an instance's field", (log) => log.info({ holder: new Holder() }, "m")],
  ["a map", (log) => log.info({ map: new Map([["ids", IDS]]) }, "m")],
  ["the object itself", (log) => log.info(IDS, "m")],
  ["a format argument", (log) => log.info("ids %j %o", IDS, { ids: IDS })],
  ["an error's details", (log) => log.info({ err: failure() }, "m")],
  ["an error alone", (log) => log.error(failure())],
  ["an error's cause", (log) => log.error(new Error("outer", { cause: failure() }))],
  ["a child logger", (log) => log.child({ ids: IDS }).info("m")],
  ["a child's child", (log) => log.child({ a: 1 }).child({ ids: IDS }).info({ ids: IDS }, "m")],
];

function failure(): PacelineError {
  return new PacelineError("misaligned", "no", { details: { ids: IDS, holder: new Holder() } });
}

for (const [way, write] of WAYS) {
  test(`no token reaches a log line by way of ${way}`, () => {
    const written = lines(write);
    assert.equal(written.length, 1);
    assert.doesNotMatch(written.join(), /7710[123]/);
  });
}

const SECRET = mintToken();

const SECRETS: readonly [string, (log: Logger) => void][] = [
  ["a header", (log) => log.info({ headers: { authorization: `Basic ${SECRET.slice(3)}` } }, "m")],
  ["a message", (log) => log.info(`it said Bearer ${SECRET}`)],
  ["another scheme's text", (log) => log.info(`it said bearer ${SECRET.slice(3)}`)],
  ["a token that begins as no word does", (log) => log.info(`it said Bearer -${SECRET.slice(3)}`)],
  ["a format argument", (log) => log.info("said %s", SECRET)],
  ["a field", (log) => log.info({ said: [`${SECRET}`] }, "m")],
  ["a field that holds secrets", (log) => log.info({ access_token: SECRET.slice(3) }, "m")],
  ["an error", (log) => log.error(new Error(`bad ${SECRET}`))],
  ["an error without words", (log) => log.error({ err: new Error(`bad ${SECRET}`) })],
  ["an error's details", (log) => log.error({ err: refused() }, "m")],
  ["a child logger", (log) => log.child({ authorization: SECRET.slice(3) }).info("m")],
];

function refused(): PacelineError {
  return new PacelineError("unauthenticated", "no", { details: { header: `Bearer ${SECRET}` } });
}

for (const [way, write] of SECRETS) {
  test(`no bearer token reaches a log line by way of ${way}`, () => {
    const written = lines(write);
    assert.equal(written.length, 1);
    assert.ok(!written.join().includes(SECRET.slice(3)), written.join());
    assert.match(written.join(), /<secret>/);
  });
}

test("an error's code, message, stack and cause are told", () => {
  const cause = new Error("inner");
  const [line] = lines((log) =>
    log.error({ err: new PacelineError("internal", "outer", { cause, details: { path: "a" } }) }),
  );
  const { err } = JSON.parse(line ?? "");
  assert.equal(err.code, "internal");
  assert.equal(err.message, "outer");
  assert.deepEqual(err.details, { path: "a" });
  assert.match(err.stack, /log\.test/);
  assert.equal(err.cause.message, "inner");
});

test("what refers to itself is cut, not followed for ever", () => {
  const loop: Record<string, unknown> = { name: "loop" };
  loop["self"] = loop;
  const [line] = lines((log) => log.info({ loop }, "m"));
  assert.equal(JSON.parse(line ?? "").loop.self.name, "loop");
});

test("a long text is cut, for it may be an array in base64", () => {
  const [line] = lines((log) => log.info({ body: "A".repeat(10_000) }, "m"));
  assert.ok((line ?? "").length < 5_000);
});

test("a child's child keeps what all of them were told", () => {
  const [line] = lines((log) => log.child({ a: 1 }).child({ b: 2 }).info({ c: 3 }, "m"));
  const { a, b, c } = JSON.parse(line ?? "");
  assert.deepEqual([a, b, c], [1, 2, 3]);
});

test("words, levels and the level's threshold are as told", () => {
  const written = lines((log) => {
    log.debug("not told");
    log.warn({ names: ["a", "b"], n: 3, none: null }, "said %s", "so");
  });
  assert.equal(written.length, 1);
  const { level, names, n, none, msg } = JSON.parse(written[0] ?? "");
  assert.deepEqual([level, names, n, none, msg], ["warn", ["a", "b"], 3, null, "said so"]);
});

test("a reader of standard error that stops reading holds up nobody; what it missed is counted", async () => {
  const script = `
    import { createLog, standardError } from ${JSON.stringify(LOG_MODULE)};
    const log = createLog("info", standardError());
    const text = "x".repeat(4_000);
    for (let i = 0; i < 4_000; i++) log.info({ i, text }, "m");
    process.stdout.write("logged");
    process.stdin.once("data", () => {
      setImmediate(function wait() {
        if (process.stdin.readableEnded) process.exit(0);
        setImmediate(wait);
      });
    });
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
  // Standard error is a pipe that is full long before the last line.
  await once(child.stdout, "data");
  let seen = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    seen += text;
    if (/"dropped":\d+/.test(seen)) child.stdin.end("done");
  });
  const [code] = (await once(child, "close")) as [number];
  assert.equal(code, 0);
  const dropped = /"dropped":(\d+)/.exec(seen)?.[1];
  const written = seen.split("\n").filter((line) => line.includes('"msg":"m"')).length;
  assert.ok(written > 1_000, `${written} lines`);
  assert.equal(written + Number(dropped), 4_000);
});

for (const [what, leave] of [
  ["is gone", (stderr: Readable) => void stderr.destroy()],
  ["reads no more", () => undefined],
] as const) {
  test(`a reader of standard error that ${what} does not keep a process that ends`, async () => {
    const script = `
      import { createLog, standardError } from ${JSON.stringify(LOG_MODULE)};
      const errors = standardError();
      const log = createLog("info", errors);
      process.stdout.write("up");
      process.stdin.once("data", () => {
        for (let i = 0; i < 400; i++) log.info({ text: "x".repeat(4_000) }, "m");
        errors.end(200).then(() => process.exit(7));
      });
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
    await once(child.stdout, "data");
    leave(child.stderr);
    child.stdin.write("end");
    const [code] = (await once(child, "exit")) as [number];
    assert.equal(code, 7);
    child.stderr.destroy();
  });
}
