/** Side data by reference over HTTP: whole, in ranges, and for the job that it is of. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { SCRIPTED_SIDE } from "../../../support/scripted-side.ts";
import { type Serving, serveHttp } from "../../../support/serve-http.ts";

const { ref, bytes } = SCRIPTED_SIDE;
const END = bytes.length;

suite("GET /v1/side/{ref}", () => {
  let serving: Serving;
  before(async () => {
    serving = await serveHttp();
  });
  after(() => serving.close());

  const get = async (range?: string, path = `/v1/side/${ref}`) => {
    const headers = range === undefined ? {} : { range };
    const reply = await fetch(`http://127.0.0.1:${serving.port}${path}`, { headers });
    return {
      status: reply.status,
      body: Buffer.from(await reply.arrayBuffer()),
      length: reply.headers.get("content-length"),
      range: reply.headers.get("content-range"),
    };
  };

  test("answers its bytes with their number", async () => {
    const whole = { status: 200, body: bytes, length: String(END), range: null };
    assert.deepEqual(await get(), whole);
    for (const none of ["bytes=5-2", "bytes=-", "bytes=1-2,4-5", "lines=1-2", "bytes=x-"]) {
      assert.deepEqual(await get(none), whole, none);
    }
  });

  for (const [range, from, to] of [
    ["bytes=0-0", 0, 1],
    ["bytes=5-20", 5, 21],
    ["bytes=20-", 20, END],
    ["bytes=-4", END - 4, END],
    ["bytes=-900", 0, END],
    ["bytes=3-900", 3, END],
  ] as const) {
    test(`answers ${range}`, async () => {
      assert.deepEqual(await get(range), {
        ...{ status: 206, body: bytes.subarray(from, to), length: String(to - from) },
        range: `bytes ${from}-${to - 1}/${END}`,
      });
    });
  }

  for (const [name, range, path, status, code] of [
    ["a range behind the end", `bytes=${END}-`, undefined, 416, "range_not_satisfiable"],
    ["a range of nothing", "bytes=-0", undefined, 416, "range_not_satisfiable"],
    ["a reference that is none", undefined, "/v1/side/side-2", 404, "not_found"],
    ["a field that it has not", undefined, `/v1/side/${ref}?x=1`, 400, "invalid_argument"],
  ] as const) {
    test(`refuses ${name}`, async () => {
      const { status: answered, body } = await get(range, path);
      const { error } = JSON.parse(body.toString());
      assert.deepEqual([answered, error.code], [status, code]);
    });
  }
});
