/** Every route of HTTP over stand-ins, and bytes that are hardly HTTP at all. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { connectRaw } from "../support/raw-http.ts";
import { createScriptedRollouts, type Script } from "../support/scripted-rollouts.ts";
import { type Serving, serveHttp } from "../support/serve-http.ts";
import { assertHttpAnswer, assertTyped } from "./answer-oracle.ts";
import type { Session, Target } from "./campaign.ts";
import { createHttpExchange } from "./http-exchange.ts";
import { type HttpInput, httpInputs, shownInput } from "./http-input.ts";

/** Longer than any answer takes on a busy machine; an answer that is not there by then hangs. */
const PATIENCE_MS = 20_000;

/** However much a body asks for. */
const short: Script = ({ sampling }) => [
  { do: "tokens", count: Math.min(8, sampling.maxNewTokens), version: 7 },
];

/** Streams that have no end: that they begin is enough. */
export const isEndless = (input: HttpInput) => (type: string) =>
  input.route.call === "readEvents" &&
  !input.path.includes("follow=false") &&
  !type.startsWith("application/json");

/** What Node's client does not send; no server sees it. */
const UNSENT = new Set(["ERR_INVALID_CHAR", "ERR_UNESCAPED_CHARACTERS", "ERR_INVALID_HTTP_TOKEN"]);

export const httpTarget: Target<HttpInput> = {
  name: "http",
  inputs: httpInputs,
  shown: shownInput,
  async open() {
    const serving = await serveHttp({ rollouts: createScriptedRollouts(short) });
    serving.lifeCycle.emit("fuzz", {});
    const exchanges: { close(): void }[] = [];
    return {
      lane() {
        const exchange = createHttpExchange(serving.port);
        exchanges.push(exchange);
        return async (input) => {
          try {
            const answer = await exchange.send(input, PATIENCE_MS, isEndless(input));
            assert.ok(answer, "no answer");
            assertHttpAnswer(input, answer);
          } catch (error) {
            if (!isNoAnswer(input, error)) throw error;
          }
        };
      },
      healthy: () => assertServes(serving),
      async close() {
        for (const exchange of exchanges) exchange.close();
        await serving.close();
      },
    };
  },
};

export function isNoAnswer({ method }: HttpInput, error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  // Too large a head is refused before its method is known, and so with a body.
  if (method === "HEAD" && String(error.code).startsWith("HPE_")) return true;
  return UNSENT.has(String(error.code));
}

async function assertServes({ client }: Serving): Promise<void> {
  const reply = await client.call("POST", "/v1/rollouts", {
    body: { prompt_token_ids: [72], sampling: { max_new_tokens: 2 } },
  });
  assert.equal(reply.status, 200, reply.text);
}

/** A good request's bytes with some of them changed. */
interface BytesInput {
  readonly sent: Buffer;
  /** Where the writes are parted. */
  readonly cuts: readonly number[];
  readonly leaves: "waits" | "half-closes" | "resets";
}

const LINES: readonly string[] = [
  "content-length: 4",
  "content-length: 99999999999999999999",
  "content-length: -1",
  "transfer-encoding: chunked",
  "transfer-encoding: gzip, chunked",
  "expect: 100-continue",
  "expect: x",
  "upgrade: h2c\r\nconnection: upgrade",
  "connection: close",
  ": nameless",
  "no colon",
  " folded",
  "x: \u0000",
  `x: ${"y".repeat(18_000)}`,
];

const GOOD_BODY = '{"prompt_token_ids":[72],"sampling":{"max_new_tokens":2}}';
const TARGETS = [
  "POST /v1/rollouts HTTP/1.1",
  "POST /v1/rollouts HTTP/1.0",
  "POST /v1/rollouts HTTP/9.9",
  "POST http://a/v1/rollouts HTTP/1.1",
  "CONNECT a:1 HTTP/1.1",
  "GET /healthz HTTP/1.1",
  "PRI * HTTP/2.0",
  "get /healthz",
  "OPTIONS * HTTP/1.1",
];

const bytesInputs: fc.Arbitrary<BytesInput> = fc
  .record({
    target: fc.constantFrom(...TARGETS),
    line: fc.option(fc.constantFrom(...LINES), { freq: 1 }),
    flips: fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 3 }),
    twice: fc.boolean(),
    cuts: fc.array(fc.nat(300), { maxLength: 3 }),
    leaves: fc.constantFrom("half-closes", "half-closes", "resets", "waits"),
  })
  .map(({ target, line, flips, twice, cuts, leaves }) => {
    const head = `${target}\r\nhost: h\r\ncontent-type: application/json\r\n`;
    const extra = line === null ? "" : `${line}\r\n`;
    const one = `${head}${extra}content-length: ${GOOD_BODY.length}\r\n\r\n${GOOD_BODY}`;
    const sent = Buffer.from(twice ? one + one : one, "latin1");
    for (const [at, value] of flips) sent[at % sent.length] = value;
    return { sent, cuts: cuts.toSorted((a, b) => a - b), leaves } as const;
  });

export const bytesTarget: Target<BytesInput> = {
  name: "bytes",
  inputs: bytesInputs,
  shown: ({ sent, cuts, leaves }) =>
    `${JSON.stringify(sent.toString("latin1"))} cut at ${cuts}; ${leaves}`,
  async open() {
    const serving = await serveHttp({
      rollouts: createScriptedRollouts(short),
      options: { version: "0", requestMs: 400, headersMs: 400, checkMs: 50 },
    });
    return {
      lane: () => (input) => sendBytes(serving.port, input),
      healthy: () => assertServes(serving),
      close: () => serving.close(),
    } satisfies Session<BytesInput>;
  },
};

async function sendBytes(port: number, { sent, cuts, leaves }: BytesInput): Promise<void> {
  const { socket, closed, received } = await connectRaw(port);
  try {
    let from = 0;
    for (const to of [...cuts, sent.length]) {
      if (to > from) socket.write(sent.subarray(from, to));
      from = Math.max(from, to);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (leaves === "resets") {
      socket.resetAndDestroy();
      return;
    }
    if (leaves === "half-closes") socket.end();
    await inTime(
      leaves === "waits" ? Promise.race([closed(), firstAnswer(socket, received)]) : closed(),
    );
    assertReplies(received());
  } finally {
    socket.destroy();
  }
}

async function firstAnswer(
  socket: Awaited<ReturnType<typeof connectRaw>>["socket"],
  received: () => string,
): Promise<void> {
  while (!/\r\n\r\n[\s\S]*\}/.test(received()))
    await new Promise((resolve) => socket.once("came", resolve));
}

async function inTime(done: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error("neither answered nor closed")),
    PATIENCE_MS,
  );
  try {
    await Promise.race([done, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whatever came back is HTTP, and no reply of it a defect. */
function assertReplies(text: string): void {
  if (text === "") return;
  assert.match(text, /^HTTP\/1\.1 \d{3} /);
  for (const [, status] of text.matchAll(/HTTP\/1\.1 (\d{3}) /g)) {
    assert.ok(Number(status) < 500, `${status}: ${text.slice(0, 600)}`);
  }
  const [, error] = /\r\n\r\n\{"error":(\{.*\})\}$/.exec(text) ?? [];
  if (error !== undefined) assertTyped(JSON.parse(error));
}
