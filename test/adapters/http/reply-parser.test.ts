/** Replies survive every way of cutting them up; what is no reply ends in a typed error. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ReplyParser } from "../../../adapters/http/reply-parser.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";

const HEAD_BYTES = 16 * 1024;

type Random = ReturnType<typeof seededRandom>;

interface Read {
  readonly status: number;
  readonly body: Buffer;
  readonly complete: boolean;
  readonly keepAlive: boolean;
  readonly code: string | null;
}

function read(bytes: Uint8Array, pieceBytes: () => number): Read {
  const parser = new ReplyParser(HEAD_BYTES);
  const body: Buffer[] = [];
  for (let at = 0; at < bytes.length && parser.error === null; ) {
    const end = Math.min(bytes.length, at + pieceBytes());
    // A copy, as the socket's buffer: the parser moves bytes about in it.
    body.push(Buffer.from(parser.push(Buffer.from(bytes.subarray(at, end)))));
    at = end;
  }
  const { status, complete, keepAlive, error } = parser;
  return { status, body: Buffer.concat(body), complete, keepAlive, code: error?.code ?? null };
}

const bytesOf = (text: string): Buffer => Buffer.from(text, "latin1");

function chunked(random: Random): { reply: Buffer; body: Buffer } {
  const parts = Array.from({ length: random.u32() % 8 }, () =>
    Buffer.from(Array.from({ length: 1 + (random.u32() % 300) }, () => random.u32() & 255)),
  );
  const framed = parts.map((part) =>
    Buffer.concat([bytesOf(`${part.length.toString(16)}\r\n`), part, bytesOf("\r\n")]),
  );
  const head = bytesOf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  return {
    reply: Buffer.concat([head, ...framed, bytesOf("0\r\n\r\n")]),
    body: Buffer.concat(parts),
  };
}

describe("reply parser", () => {
  test("chunked replies, cut at random, give their body", () => {
    const random = seededRandom(testSeed("reply splits"));
    for (let round = 0; round < 200; round++) {
      const { reply, body } = chunked(random);
      for (const most of [1, 5, 80, reply.length]) {
        const got = read(reply, () => 1 + (random.u32() % most));
        assert.deepEqual(got, { status: 200, body, complete: true, keepAlive: true, code: null });
      }
    }
  });

  test("noise in a reply ends in engine_error or in bytes, never in a hang", () => {
    const random = seededRandom(testSeed("reply noise"));
    for (let round = 0; round < 2_000; round++) {
      const { reply } = chunked(random);
      reply[random.u32() % reply.length] = random.u32();
      const { code } = read(reply, () => 1 + (random.u32() % 100));
      assert.ok(code === null || code === "engine_error", String(code));
    }
  });

  const good: readonly (readonly [string, string, status: number, body: string, again: boolean])[] =
    [
      ["a length", "HTTP/1.1 404 No\r\ncontent-length: 4\r\n\r\nnone", 404, "none", true],
      ["no body", "HTTP/1.1 200 OK\r\nContent-Length:0\r\n\r\n", 200, "", true],
      [
        "the last of a connection",
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx",
        200,
        "x",
        false,
      ],
      [
        "trailers",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx: y\r\nz: w\r\n\r\n",
        200,
        "hi",
        true,
      ],
      [
        "an interim reply before the reply",
        "HTTP/1.1 100 Continue\r\nx: y\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        200,
        "hi",
        true,
      ],
      ["an old reply", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", 200, "hi", false],
      ["a status without a body", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", true],
      [
        "an extension of a chunk",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\n\r\n",
        200,
        "hi",
        true,
      ],
    ];
  for (const [name, text, status, body, keepAlive] of good) {
    test(`${name} is read, whole or byte by byte`, () => {
      for (const size of [1, text.length]) {
        const got = read(bytesOf(text), () => size);
        assert.deepEqual(
          [got.status, String(got.body), got.complete, got.keepAlive, got.code],
          [status, body, true, keepAlive, null],
        );
      }
    });
  }

  test("a body without a length ends with its connection", () => {
    const parser = new ReplyParser(HEAD_BYTES);
    const body = parser.push(bytesOf("HTTP/1.1 502 Bad Gateway\r\n\r\nhello"));
    assert.deepEqual([String(Buffer.from(body)), parser.complete], ["hello", false]);
    assert.equal(parser.end(), true);
    assert.equal(parser.keepAlive, false);
  });

  const CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
  const broken: readonly (readonly [string, string])[] = [
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["a switch of protocols", "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
    ["a header without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"],
    ["another transfer encoding", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n"],
    ["a compressed body", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"],
    ["a length beside chunks", `${CHUNKED.slice(0, -2)}content-length: 2\r\n\r\n`],
    ["a negative length", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"],
    ["a head without an end", `HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(4_000)}`],
    ["a size that is no number", `${CHUNKED}zz\r\n`],
    ["no size at all", `${CHUNKED}\r\n\r\n`],
    ["a size of ten digits", `${CHUNKED}0123456789\r\n`],
    ["a chunk longer than its size", `${CHUNKED}1\r\nab\r\n`],
    ["trailers without an end", `${CHUNKED}0\r\n${"x: y\r\n".repeat(4_000)}`],
    ["a second reply", `${CHUNKED}0\r\n\r\nHTTP/1.1 200 OK\r\n`],
  ];
  for (const [name, text] of broken) {
    test(`${name} is engine_error, whole or byte by byte`, () => {
      for (const size of [1, text.length]) {
        assert.equal(read(bytesOf(text), () => size).code, "engine_error");
      }
    });
  }
});
