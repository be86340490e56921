/** Every fault does on the socket what its name says, in one piece and as a stream. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { request } from "undici";
import { distorted, inChunks } from "./distorted.ts";
import { createFakeModel } from "./fake-model.ts";
import type { FakePart } from "./fake-output.ts";
import { FakeError, type FakeRoute, startFakeServer } from "./fake-server.ts";
import { createFaults, FAULT_KINDS, type FaultKind } from "./fault.ts";

const TOKENS = 12;

/** A wire as plain as can be: parts as they are. */
async function startPlain() {
  const model = createFakeModel();
  const faults = createFaults();
  let requests = 0;
  const generate: FakeRoute = async ({ query, fault, reply }) => {
    const id = `p-${requests++}`;
    const parts = model.submit({
      id,
      promptTokenIds: Uint32Array.of(49, 50),
      sampling: { maxNewTokens: TOKENS, ignoreEos: true },
    });
    const told = distorted(inChunks(parts, 2), fault);
    if (!query.has("stream")) {
      reply.json(200, { id, parts: await Array.fromAsync(told) });
      return;
    }
    let made = 0;
    for await (const part of told) {
      if (part.type === "tokens") made = part.made;
      reply.event({ id, part }, made, part.type === "finished");
    }
    reply.done();
  };
  const server = await startFakeServer(
    {
      routes: { "POST /generate": generate, "GET /health": ({ reply }) => reply.json(200, {}) },
      generates: ["POST /generate"],
      errorOf: (error) => ({
        status: error instanceof FakeError ? error.status : 500,
        body: { error: String(error) },
      }),
    },
    faults,
    () => model.die(),
  );
  return { server, faults };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** `null`: the connection broke, or nothing came. */
async function ask(url: string, stream: boolean, silent = false): Promise<Answer | null> {
  const timeout = silent ? 200 : 20_000;
  try {
    const reply = await request(`${url}/generate${stream ? "?stream=1" : ""}`, {
      method: "POST",
      reset: true,
      headersTimeout: timeout,
      bodyTimeout: timeout,
    });
    return { status: reply.statusCode, text: await reply.body.text() };
  } catch {
    return null;
  }
}

const partsOf = (text: string): FakePart[] =>
  text
    .split("\n\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => (JSON.parse(line.slice(6)) as { part: FakePart }).part);

const madeBy = (parts: readonly FakePart[]): number =>
  parts.reduce((sum, part) => sum + (part.type === "tokens" ? part.ids.length : 0), 0);

/** What a stream looks like under each fault; kinds that are not here leave it whole. */
const STREAMS: Partial<Record<FaultKind, (answer: Answer | null) => void>> = {
  status: (answer) => assert.equal(answer?.status, 503),
  hang: (answer) => assert.equal(answer, null),
  reset: (answer) => assert.equal(answer, null),
  error_inside: (answer) => assert.match(answer?.text ?? "", /^\{"error"/),
  not_json: (answer) => assert.match(answer?.text ?? "", /^<html>/),
  repeat: (answer) => assert.equal(madeBy(partsOf(answer?.text ?? "")), TOKENS + 2),
  skip: (answer) => assert.equal(madeBy(partsOf(answer?.text ?? "")), TOKENS - 2),
  reorder: (answer) => {
    const made = partsOf(answer?.text ?? "").flatMap((part) =>
      part.type === "tokens" ? [part.made] : [],
    );
    assert.equal(madeBy(partsOf(answer?.text ?? "")), TOKENS);
    assert.notDeepEqual(
      made,
      made.toSorted((a, b) => a - b),
    );
  },
  past_end: (answer) => assert.equal(partsOf(answer?.text ?? "").at(-1)?.type, "tokens"),
  nan_logprob: (answer) => assert.match(answer?.text ?? "", /\[NaN,/),
  huge_id: (answer) => assert.match(answer?.text ?? "", /\[9007199254740993,/),
  die: (answer) => assert.equal(answer, null),
  truncate: (answer) => assert.doesNotMatch(answer?.text ?? "", /DONE/),
  malformed: (answer) => assert.match(answer?.text ?? "", /\[,.*DONE/s),
  stall: (answer) => assert.equal(answer, null),
  unfinished: (answer) => assert.doesNotMatch(answer?.text ?? "", /finished|DONE/),
  exit: (answer) => assert.equal(answer, null),
};

describe("faults on the socket", () => {
  for (const kind of FAULT_KINDS) {
    test(kind, async () => {
      const { server, faults } = await startPlain();
      faults.arm(kind, { count: 2, afterTokens: 4 });
      const silent = kind === "hang" || kind === "stall";
      const streamed = await ask(server.url, true, silent);
      STREAMS[kind]?.(streamed);
      if (STREAMS[kind] === undefined) assert.match(streamed?.text ?? "", /finished.*DONE/s);
      const whole = await ask(server.url, false, silent);
      if (["hang", "reset", "die", "stall", "exit"].includes(kind)) assert.equal(whole, null);
      else if (kind !== "status") assert.equal(whole?.status, 200);
      const after = await ask(server.url, true);
      if (kind === "exit") assert.equal(after, null);
      else assert.equal(madeBy(partsOf(after?.text ?? "")), TOKENS, "the next call is well");
      await server.close();
    });
  }
});
