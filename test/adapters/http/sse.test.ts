/** Events survive every way of cutting the stream up; what is no stream of events ends in a typed error. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SseCutter } from "../../../adapters/http/sse.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";

interface Read {
  readonly events: readonly string[];
  readonly code: string | null;
}

/** Each event as `type|data`, `[DONE]` as "done". */
function read(text: string, pieceBytes: () => number, eventBytes = 10_000): Read {
  const events: string[] = [];
  const cutter = new SseCutter(
    {
      data: (bytes, start, end, event) =>
        void events.push(`${event}|${bytes.toString("utf8", start, end)}`),
      done: () => void events.push("done"),
    },
    eventBytes,
  );
  const bytes = Buffer.from(text);
  try {
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + pieceBytes());
      const piece = Buffer.from(bytes.subarray(at, end));
      cutter.push(piece);
      // As the socket's buffer: the next read writes over it.
      piece.fill(0x21);
      at = end;
    }
    cutter.end();
  } catch (error) {
    return { events, code: PacelineError.from(error).code };
  }
  return { events, code: null };
}

describe("events of a stream", () => {
  const table: readonly (readonly [string, string, readonly string[]])[] = [
    ["one", "data: a\n\n", ["|a"]],
    ["CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", ["|a", "|b"]],
    ["no space, two spaces", "data:a\n\ndata:  b\n\n", ["|a", "| b"]],
    ["comments alone and among lines", ": ping\n\n: x\ndata: a\n: y\n\n", ["|a"]],
    ["several lines of data", "data: a\ndata: b\ndata:\ndata\n\n", ["|a\nb\n\n"]],
    [
      "a type, with and without data",
      "event: error\ndata: a\n\nevent: end\n\n",
      ["error|a", "end|"],
    ],
    ["other fields", "id: 1\nretry: 5\ndatas: x\ndata: a\n\n", ["|a"]],
    ["blank lines between", "\n\r\n\ndata: a\n\n\n\n", ["|a"]],
    ["an end, and a comment after it", "data: a\n\ndata: [DONE]\n\n: bye\n\n", ["|a", "done"]],
    [
      "JSON with all in it",
      'data: {"t":"data: \\n\\n [DONE] é"}\n\n',
      ['|{"t":"data: \\n\\n [DONE] é"}'],
    ],
    ["empty data", "data:\n\n", ["|"]],
  ];
  for (const [name, text, events] of table) {
    test(`${name}, whole or byte by byte`, () => {
      for (const size of [1, 2, 3, text.length]) {
        assert.deepEqual(
          read(text, () => size),
          { events, code: null },
        );
      }
    });
  }

  const broken: readonly (readonly [string, string])[] = [
    ["an event that is not whole", "data: a\n"],
    ["a line that is not whole", "data: a\n\ndata"],
    ["an event after the end", "data: [DONE]\n\ndata: a\n\n"],
    ["an event beyond the limit", `data: ${"x".repeat(10_000)}\n\n`],
    ["an event without an end", `data: ${"x".repeat(20_000)}`],
  ];
  for (const [name, text] of broken) {
    test(`${name} is engine_error, whole or byte by byte`, () => {
      for (const size of [1, text.length])
        assert.equal(read(text, () => size).code, "engine_error");
    });
  }

  test("streams cut at random give their events", () => {
    const random = seededRandom(testSeed("event splits"));
    for (let round = 0; round < 300; round++) {
      const datas = Array.from({ length: random.u32() % 12 }, () =>
        "xé\r ".repeat(random.u32() % 40).trim(),
      );
      const ends = () => (random.u32() % 2 === 0 ? "\n" : "\r\n");
      const text = datas
        .map(
          (data) =>
            `${random.u32() % 4 === 0 ? `: c${ends()}` : ""}data: ${data}${ends()}${ends()}`,
        )
        .join("");
      const most = 1 + (random.u32() % 60);
      const got = read(text, () => 1 + (random.u32() % most));
      assert.deepEqual(got, { events: datas.map((data) => `|${data}`), code: null });
    }
  });
});
