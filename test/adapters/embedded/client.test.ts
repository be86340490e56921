/** The adapter against things that listen but are no engine, or one that misbehaves on the socket. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { describe, test } from "node:test";
import { createEmbeddedEngine } from "../../../adapters/embedded/engine.ts";
import { FrameWriter } from "../../../adapters/embedded/wire/frame-writer.ts";
import type { Engine, EngineEvent, EngineOptions } from "../../../adapters/engine.ts";
import type { Paced } from "../../../adapters/read-pacing.ts";
import type { ErrorCode } from "../../../server/contract/errors.ts";
import { LIMITS } from "../../../server/limits.ts";
import { Attempt, deadline, requestOf, run } from "../../conformance/engines/attempt.ts";
import { settle } from "../../support/virtual-clock.ts";

const HEAD = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const LAST = "0\r\n\r\n";

const chunk = (bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);

const reply = (status: string, body: string): string =>
  `HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

const FINISH = { type: "length", cause: "max_new", matched: null, cached_tokens: 0 } as const;

function frames(write: (writer: FrameWriter) => void): Buffer {
  const writer = new FrameWriter();
  write(writer);
  return chunk(writer.cut(0));
}

const tokens = (writer: FrameWriter, start: number, count = 1): void =>
  writer.tokens(start, new Uint32Array(count), new Float32Array(count).fill(-1), 1, false);

const tokensOf = ({ value }: IteratorResult<EngineEvent, undefined>): number =>
  value?.type === "tokens" ? value.chunk.ids.length : 0;

/** Listens and does `serve` with each request's socket. */
async function against(
  serve: (socket: Socket) => void,
  use: (engine: Engine, server: Server) => Promise<void>,
  options: EngineOptions = {},
): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("data", () => serve(socket));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const engine = createEmbeddedEngine(`http://127.0.0.1:${port}`, options);
  try {
    await use(engine, server);
  } finally {
    await engine.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

describe("embedded adapter: replies to generate", () => {
  const table: readonly (readonly [string, (socket: Socket) => void, ErrorCode, kept: number])[] = [
    ["no HTTP at all", (s) => s.end("SSH-2.0-OpenSSH_9.2\r\n"), "engine_error", 0],
    ["a closed door", (s) => s.destroy(), "engine_unreachable", 0],
    ["an HTML page", (s) => s.write(reply("502 Bad Gateway", "<html>")), "engine_error", 0],
    ["an empty 200", (s) => s.write(reply("200 OK", "")), "engine_error", 0],
    [
      "an error of ours",
      (s) =>
        s.write(
          reply(
            "413 Too Large",
            '{"error":{"code":"prompt_too_long","message":"no","details":{}}}',
          ),
        ),
      "prompt_too_long",
      0,
    ],
    [
      "an error that is none of ours",
      (s) => s.write(reply("400 Bad Request", '{"error":{"code":"toString","message":"no"}}')),
      "engine_error",
      0,
    ],
    [
      "a defect of the engine's own",
      (s) => s.write(reply("500 Oops", '{"error":{"code":"internal","message":"no"}}')),
      "engine_error",
      0,
    ],
    [
      "an error frame mid-way",
      (s) => {
        s.write(HEAD);
        s.write(
          frames((writer) => {
            tokens(writer, 0);
            writer.error({
              code: "engine_error",
              boundary: "engine",
              message: "the step failed",
              retryable: true,
              details: {},
            });
          }),
        );
        s.write(LAST);
      },
      "engine_error",
      1,
    ],
    [
      "a cause that no finish has",
      (s) => {
        s.write(HEAD);
        s.write(frames((writer) => writer.finished({ ...FINISH, cause: "eos" })));
        s.write(LAST);
      },
      "engine_error",
      0,
    ],
    [
      "started twice",
      (s) => {
        s.write(HEAD);
        s.write(
          frames((writer) => {
            writer.started(0);
            writer.started(0);
          }),
        );
      },
      "engine_error",
      0,
    ],
    [
      "started after tokens",
      (s) => {
        s.write(HEAD);
        s.write(
          frames((writer) => {
            tokens(writer, 0);
            writer.started(0);
          }),
        );
      },
      "engine_error",
      1,
    ],
    [
      "tokens told twice",
      (s) => {
        s.write(HEAD);
        s.write(
          frames((writer) => {
            tokens(writer, 0, 4);
            tokens(writer, 2, 4);
          }),
        );
      },
      "engine_error",
      4,
    ],
    [
      "an HTTP chunk that breaks off",
      (s) => {
        s.write(HEAD);
        s.write(frames((writer) => tokens(writer, 0)));
        s.end("zz\r\n");
      },
      "engine_error",
      1,
    ],
    [
      "a socket that closes between two frames",
      (s) => {
        s.write(HEAD);
        s.end(frames((writer) => tokens(writer, 0)));
      },
      "engine_unreachable",
      1,
    ],
  ];
  for (const [name, serve, code, kept] of table) {
    test(`${name} is ${code}`, async () => {
      await against(serve, async (engine) => {
        const outcome = await run(engine, {});
        assert.equal(outcome.error?.code, code);
        assert.equal(outcome.ids.length, kept);
      });
    });
  }

  test("a socket lost after the finish changes nothing", async () => {
    const serve = (socket: Socket): void => {
      socket.write(HEAD);
      socket.write(
        frames((writer) => {
          tokens(writer, 0, 2);
          writer.finished(FINISH);
        }),
      );
      socket.destroySoon();
    };
    await against(serve, async (engine) => {
      const outcome = await run(engine, {});
      assert.deepEqual([outcome.error, outcome.ids.length], [null, 2]);
      assert.equal(outcome.finish?.reason.cause, "max_new");
    });
  });

  test("a consumer that falls behind leaves the socket unread, then gets everything", async () => {
    const total = 200_000;
    let written = 0;
    const serve = (socket: Socket): void => {
      socket.write(HEAD);
      const fill = (): void => {
        while (written < total) {
          const at = written;
          written += 100;
          const part = frames((writer) => {
            for (let i = 0; i < 100; i++) tokens(writer, at + i);
          });
          if (!socket.write(part)) {
            socket.once("drain", fill);
            return;
          }
        }
        socket.write(frames((writer) => writer.finished(FINISH)));
        socket.write(LAST);
      };
      fill();
    };
    await against(serve, async (engine) => {
      const signal = deadline();
      const events = engine.generate(requestOf({}), signal)[Symbol.asyncIterator]();
      let seen = tokensOf(await events.next());
      // The engine's writes come to rest when the buffers of both sockets are full.
      for (let quiet = 0, last = -1; quiet < 200; quiet = last === written ? quiet + 1 : 0) {
        last = written;
        await settle();
      }
      assert.ok(written < total, `${written} written and nothing read`);
      for (let next = await events.next(); next.done !== true; next = await events.next()) {
        seen += tokensOf(next);
      }
      assert.equal(seen, total);
    });
  });
});

describe("embedded adapter: paced reads", () => {
  /** Never reads on by itself after the first read. */
  const pacing = () => {
    const waiting: Paced[] = [];
    return { waiting, wait: () => 1, after: (_: number, reply: Paced) => void waiting.push(reply) };
  };

  for (const death of ["reset", "end"] as const) {
    test(`tokens that lay unread when the engine's socket met its ${death} are all read`, async () => {
      const paced = pacing();
      const served: Socket[] = [];
      const serve = (socket: Socket): void => {
        served.push(socket);
        socket.write(HEAD);
        socket.write(frames((writer) => tokens(writer, 0)));
      };
      await against(
        serve,
        async (engine) => {
          const attempt = new Attempt(engine, {});
          await attempt.reached(1);
          const socket = served.at(-1) as Socket;
          const more = Array.from({ length: 499 }, (_, i) =>
            frames((writer) => tokens(writer, i + 1)),
          );
          // In one segment: a reset throws away what has not left the sender's kernel.
          await new Promise((written) => socket.write(Buffer.concat(more), written));
          const gone = once(socket, death === "reset" ? "close" : "finish");
          if (death === "reset") socket.resetAndDestroy();
          else socket.end();
          await gone;
          await settle();
          assert.equal(attempt.tokens, 1, "nothing was read meanwhile");
          for (const reply of paced.waiting) reply.resume();
          paced.wait = () => 0;
          const outcome = await attempt.outcome;
          assert.equal(outcome.error?.code, "engine_unreachable");
          assert.equal(outcome.ids.length, 500);
        },
        { pacing: paced },
      );
    });
  }

  test("a reply that is watched is read at once", async () => {
    const paced = pacing();
    const serve = (socket: Socket): void => {
      socket.write(HEAD);
      for (let at = 0; at < 50; at++) socket.write(frames((writer) => tokens(writer, at)));
      socket.write(frames((writer) => writer.finished(FINISH)));
      socket.write(LAST);
    };
    await against(
      serve,
      async (engine) => {
        const outcome = await run(engine, { watched: () => true });
        assert.deepEqual([outcome.error, outcome.ids.length], [null, 50]);
      },
      { pacing: paced },
    );
    assert.equal(paced.waiting.length, 0);
  });
});

describe("embedded adapter: probes and calls", () => {
  const table: readonly (readonly [string, (socket: Socket) => void, ErrorCode])[] = [
    ["something else's JSON", (s) => s.write(reply("200 OK", '{"status":"ok"}')), "engine_error"],
    ["no JSON", (s) => s.write(reply("200 OK", "fine")), "engine_error"],
    ["a 404", (s) => s.write(reply("404 Not Found", "not here")), "engine_error"],
    [
      "an answer beyond the limit",
      (s) => s.write(reply("200 OK", "1".repeat(LIMITS.engineControlBytes + 1))),
      "engine_error",
    ],
    ["a closed door", (s) => s.destroy(), "engine_unreachable"],
  ];
  for (const [name, serve, code] of table) {
    test(`${name} is ${code}`, async () => {
      await against(serve, async (engine) => {
        await assert.rejects(engine.probe(deadline()), { code });
        await assert.rejects(engine.telemetry(deadline()), { code });
      });
    });
  }

  test("nobody there is engine_unreachable", async () => {
    const engine = createEmbeddedEngine("http://127.0.0.1:1");
    await assert.rejects(engine.probe(deadline()), { code: "engine_unreachable" });
    assert.equal((await run(engine, {})).error?.code, "engine_unreachable");
    await engine.close();
  });

  test("a call that gets no answer ends with its signal's reason", async () => {
    await against(
      () => undefined,
      async (engine) => {
        await assert.rejects(engine.probe(AbortSignal.timeout(50)), { code: "cancelled" });
      },
    );
  });
});

test("the trace context of an attempt goes to the engine as a header, and none where there is none", async () => {
  for (const traceparent of ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", null]) {
    let head = "";
    const server = createServer((socket) => {
      socket.once("data", (bytes) => {
        head = bytes.toString("latin1").split("\r\n\r\n")[0] ?? "";
        socket.end(reply("503 Service Unavailable", "{}"));
      });
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const engine = createEmbeddedEngine(`http://127.0.0.1:${port}`);
    await run(engine, { traceparent });
    await engine.close();
    server.close();
    const found = /^traceparent: (.*)$/m.exec(head)?.[1]?.trim() ?? null;
    assert.equal(found, traceparent);
  }
});
