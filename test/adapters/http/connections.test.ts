/** Requests and replies over real sockets: what is sent, what is kept alive, what is sent again, what is cut. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, test } from "node:test";
import { type CallsOptions, createCalls } from "../../../adapters/http/calls.ts";
import { type ConnectionsOptions, createConnections } from "../../../adapters/http/connections.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import { testCertificate } from "../../support/certificates.ts";
import { type RawEngine, rawEngine, rawReply } from "../../support/raw-engine.ts";

const LIMITS = { connectMs: 5_000, keepAliveMs: 60_000, headBytes: 16_384 };
const deadline = (): AbortSignal => AbortSignal.timeout(20_000);

const refused: CallsOptions["refused"] = (status, text) =>
  new PacelineError("engine_error", `${status}: ${text}`, { details: { status } });

function callsTo(engine: RawEngine, options: Partial<ConnectionsOptions> = {}, url = engine.url) {
  const connections = createConnections(url, { ...LIMITS, ...options });
  return { ...createCalls(connections, { answerBytes: 1_000, refused }), connections };
}

async function against(
  serve: Parameters<typeof rawEngine>[0],
  use: (engine: RawEngine) => Promise<void>,
  tls?: Parameters<typeof rawEngine>[1],
): Promise<void> {
  const engine = await rawEngine(serve, tls);
  try {
    await use(engine);
  } finally {
    engine.close();
  }
}

describe("calls: what is sent", () => {
  test("method, path, headers and body are on the wire as given, the pool's headers with them", async () => {
    let sent = "";
    const serve: Parameters<typeof rawEngine>[0] = (socket, bytes) => {
      sent = bytes.toString();
      socket.write(rawReply("200 OK", '{"a":1}'));
    };
    await against(serve, async (engine) => {
      const calls = callsTo(engine, { headers: { authorization: "Bearer k" } }, `${engine.url}/v/`);
      const call = {
        method: "PUT",
        path: "/x?y=1",
        headers: { "x-a": "b" },
        body: { é: 1 },
      } as const;
      assert.deepEqual(await calls.json(call, deadline()), { a: 1 });
      assert.equal(
        sent,
        `PUT /v/x?y=1 HTTP/1.1\r\nhost: 127.0.0.1:${engine.port}\r\nauthorization: Bearer k\r\nx-a: b\r\n` +
          'content-type: application/json\r\ncontent-length: 8\r\n\r\n{"é":1}',
      );
      await calls.text({ method: "POST", path: "/resume" }, deadline());
      assert.match(sent, /^POST \/v\/resume .*content-length: 0\r\n\r\n$/s);
      assert.equal(engine.sockets.length, 1, "one connection for all");
      calls.connections.close();
    });
  });

  test("a header that would begin another is refused before anything is sent", async () => {
    const connections = createConnections("http://127.0.0.1:1", LIMITS);
    const calls = createCalls(connections, { answerBytes: 1_000, refused });
    const call = { method: "GET", path: "/", headers: { a: "b\r\nc: d" } } as const;
    await assert.rejects(calls.text(call, deadline()), { code: "invalid_argument" });
  });

  test("another scheme is unsupported", () => {
    assert.throws(() => createConnections("ftp://127.0.0.1", LIMITS), { code: "unsupported" });
  });
});

describe("calls: what comes back", () => {
  const table: readonly (readonly [string, string, "text" | "json", unknown])[] = [
    ["an empty 200 as text", rawReply("200 OK", ""), "text", ""],
    ["no content as text", "HTTP/1.1 204 No Content\r\n\r\n", "text", ""],
    ["an empty 200 as JSON", rawReply("200 OK", ""), "json", "engine_error"],
    ["JSON that is none", rawReply("200 OK", "fine"), "json", "engine_error"],
    ["a refusal", rawReply("503 No", "busy"), "json", "engine_error"],
    ["an answer at the limit", rawReply("200 OK", "1".repeat(1_000)), "text", "1".repeat(1_000)],
    ["one beyond it", rawReply("200 OK", "1".repeat(1_001)), "text", "engine_error"],
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "text", "engine_error"],
  ];
  for (const [name, reply, how, expected] of table) {
    test(name, async () => {
      await against(
        (socket) => socket.write(reply),
        async (engine) => {
          const calls = callsTo(engine);
          const got = calls[how]({ method: "GET", path: "/" }, deadline());
          if (expected === "engine_error") await assert.rejects(got, { code: expected });
          else assert.equal(await got, expected);
          calls.connections.close();
        },
      );
    });
  }

  const unreachable = ["http://127.0.0.1:1", "http://no-such-host.invalid", "https://127.0.0.1:1"];
  for (const url of unreachable) {
    test(`${url} is engine_unreachable`, async () => {
      const calls = createCalls(createConnections(url, LIMITS), { answerBytes: 1_000, refused });
      const call = calls.text({ method: "GET", path: "/" }, deadline());
      await assert.rejects(call, { code: "engine_unreachable" });
    });
  }

  test("an aborted call destroys its connection", async () => {
    const stop = new AbortController();
    await against(
      () => stop.abort(),
      async (engine) => {
        const calls = callsTo(engine);
        const call = calls.text({ method: "GET", path: "/" }, stop.signal);
        await assert.rejects(call, { code: "cancelled" });
        const socket = engine.sockets[0];
        assert.ok(socket !== undefined);
        if (!socket.destroyed) await once(socket, "close");
        await assert.rejects(calls.text({ method: "GET", path: "/" }, stop.signal), {
          code: "cancelled",
        });
      },
    );
  });
});

describe("calls: a kept connection that the engine closes", () => {
  /** Answers a connection's first request; at the second of the first connection does `then`. */
  const closing = (then: (socket: Socket) => void) => {
    const asked = new Map<number, number>();
    return (socket: Socket, _: Buffer, nth: number): void => {
      const times = (asked.get(nth) ?? 0) + 1;
      asked.set(nth, times);
      if (nth === 1 && times === 2) then(socket);
      else socket.write(rawReply("200 OK", String(nth)));
    };
  };
  const GET = { method: "GET", path: "/" } as const;
  const POST = { method: "POST", path: "/" } as const;

  test("before a byte of the reply: what may be repeated goes once more, on a fresh one", async () => {
    for (const call of [GET, { ...POST, repeatable: true }]) {
      for (const end of ["destroy", "resetAndDestroy", "end"] as const) {
        await against(
          closing((socket) => socket[end]()),
          async (engine) => {
            const calls = callsTo(engine);
            assert.equal(await calls.text(call, deadline()), "1");
            assert.equal(await calls.text(call, deadline()), "2");
            calls.connections.close();
          },
        );
      }
    }
  });

  test("what may not be repeated is engine_unreachable", async () => {
    await against(
      closing((socket) => socket.destroy()),
      async (engine) => {
        const calls = callsTo(engine);
        assert.equal(await calls.text(POST, deadline()), "1");
        await assert.rejects(calls.text(POST, deadline()), { code: "engine_unreachable" });
        assert.equal(engine.sockets.length, 1);
        calls.connections.close();
      },
    );
  });

  test("after a byte of the reply it is not repeated", async () => {
    await against(
      closing((socket) => socket.end("HTTP/1.1 200 OK\r\n")),
      async (engine) => {
        const calls = callsTo(engine);
        await calls.text(GET, deadline());
        await assert.rejects(calls.text(GET, deadline()), { code: "engine_unreachable" });
        assert.equal(engine.sockets.length, 1);
        calls.connections.close();
      },
    );
  });

  test("a fresh connection that closes is not repeated, nor is the repetition", async () => {
    await against(
      (socket, _, nth) => {
        if (nth === 1 && socket.bytesWritten === 0) socket.write(rawReply("200 OK", "1"));
        else socket.destroy();
      },
      async (engine) => {
        const calls = callsTo(engine);
        await calls.text(GET, deadline());
        await assert.rejects(calls.text(GET, deadline()), { code: "engine_unreachable" });
        assert.equal(engine.sockets.length, 2);
        await assert.rejects(calls.text(GET, deadline()), { code: "engine_unreachable" });
        assert.equal(engine.sockets.length, 3);
        calls.connections.close();
      },
    );
  });
});

describe("calls over TLS", () => {
  test("trusted: the same calls; not trusted: engine_unreachable", async () => {
    const { cert, key } = await testCertificate("engine");
    await against(
      (socket) => socket.write(rawReply("200 OK", "safe")),
      async (engine) => {
        const calls = callsTo(engine, { tls: { ca: cert } });
        for (let i = 0; i < 3; i++) {
          assert.equal(await calls.text({ method: "GET", path: "/" }, deadline()), "safe");
        }
        assert.equal(engine.sockets.length, 1);
        calls.connections.close();
        const strangers = callsTo(engine);
        await assert.rejects(strangers.text({ method: "GET", path: "/" }, deadline()), {
          code: "engine_unreachable",
        });
      },
      { cert, key },
    );
  });

  test("a reply that is left unread goes on when it is resumed", async () => {
    const { cert, key } = await testCertificate("engine");
    const body = "x".repeat(1_000_000);
    await against(
      (socket) => socket.write(rawReply("200 OK", body)),
      async (engine) => {
        const connections = createConnections(engine.url, { ...LIMITS, tls: { ca: cert } });
        const { promise, resolve, reject } = Promise.withResolvers<number>();
        let bytes = 0;
        const exchange = connections.send(
          { method: "GET", path: "/" },
          {
            body(_, part) {
              bytes += part.length;
              setImmediate(() => exchange.resume());
              return false;
            },
            complete: () => resolve(bytes),
            failed: reject,
          },
        );
        assert.equal(await promise, body.length);
        connections.close();
      },
      { cert, key },
    );
  });
});
