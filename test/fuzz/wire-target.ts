/** What reads an engine's replies, against streams that are almost right, cut anywhere: HTTP framing and frames. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { FrameReader, type FrameSink } from "../../adapters/embedded/wire/frame-reader.ts";
import { FRAME, MASK, MIXED, TOP } from "../../adapters/embedded/wire.ts";
import { ReplyParser } from "../../adapters/http/reply-parser.ts";
import { PacelineError } from "../../server/contract/errors.ts";
import type { ExpertsHead } from "../../server/contract/routed-experts.ts";
import { LIMITS } from "../../server/limits.ts";
import type { Target } from "./campaign.ts";

interface WireInput {
  readonly bytes: Buffer;
  readonly cuts: readonly number[];
}

/** Larger frames are refused: so small that a wrong length seldom passes. */
const FRAME_BYTES = 4_096;

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};

function frame(type: number, flags: number, payload: Buffer): Buffer {
  return Buffer.concat([word(payload.length), Buffer.from([type, flags, 0, 0]), payload]);
}

const odd = fc.constantFrom(0, 1, 2, 3, 7, 255, 256, 65_536, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff);

const tokens = fc
  .record({
    start: fc.oneof(fc.nat(40), odd),
    count: fc.oneof(
      { weight: 5, arbitrary: fc.integer({ min: 1, max: 12 }) },
      { weight: 1, arbitrary: odd },
    ),
    version: fc.oneof(fc.nat(3), odd),
    high: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: odd }),
    flags: fc.constantFrom(0, 0, MIXED, TOP, MASK, TOP | MASK, TOP | MASK | MIXED, 8),
    words: fc.array(fc.oneof(fc.nat(50), odd), { maxLength: 40 }),
    right: fc.boolean(),
  })
  .map(({ start, count, version, high, flags, words, right }) => {
    const head = [word(start), word(count), word(version), word(high)];
    const honest = right && count <= 12 ? 2 * count : words.length;
    const body = Array.from({ length: honest }, (_, i) =>
      word(words[i % Math.max(1, words.length)] ?? 0),
    );
    return frame(FRAME.tokens, flags, Buffer.concat([...head, ...body]));
  });

const FINISHED = '{"type":"length","cause":"max_new","matched":null,"cached_tokens":0}';
const ENDS = [FINISHED, "{}", "null", "[", '"\ud800"', " ".repeat(64), '{"code":"internal"}'];

const frames: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 6, arbitrary: tokens },
  { weight: 1, arbitrary: odd.map((cached) => frame(FRAME.started, 0, word(cached))) },
  {
    weight: 1,
    arbitrary: fc
      .array(odd, { maxLength: 12 })
      .map((words) => frame(FRAME.prompt, 0, Buffer.concat(words.map(word)))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.oneof(fc.nat(24), odd), fc.constantFrom(1, 2, 3, 4), odd, fc.nat(12))
      .map(([bytes, width, layers, words]) => {
        const head = [bytes, width, layers, 2].map(word);
        return frame(FRAME.experts, 0, Buffer.concat([...head, Buffer.alloc(4 * words, 7)]));
      }),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(FRAME.finished, FRAME.error), fc.constantFrom(...ENDS))
      .map(([type, text]) =>
        frame(type, 0, Buffer.from(text.padEnd(Math.ceil(text.length / 4) * 4))),
      ),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 24 }).map((bytes) => Buffer.from(bytes)) },
);

const HEADS = [
  "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
  "HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n",
  "HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
  "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
  "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
  "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
  "HTTP/1.0 200 OK\r\n\r\n",
  "HTTP/1.1 200",
  `HTTP/1.1 200 OK\r\nx: ${"y".repeat(20_000)}\r\n\r\n`,
];
const CHUNKS = [
  "5\r\nhello\r\n",
  "0\r\n\r\n",
  "a;x=y\r\n0123456789\r\n",
  "fffffff\r\n",
  "g\r\n",
  "\r\n",
  "0\r\nx: y\r\n\r\n",
  "12345678\r\n",
  "hello",
];

const replies = fc
  .tuple(fc.constantFrom(...HEADS), fc.array(fc.constantFrom(...CHUNKS), { maxLength: 6 }))
  .map(([head, chunks]) => Buffer.from(head + chunks.join(""), "latin1"));

/** Some bytes changed, and where the pieces are parted. */
const cutUp = (streams: fc.Arbitrary<Buffer>): fc.Arbitrary<WireInput> =>
  fc
    .record({
      stream: streams,
      flips: fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { maxLength: 2 }),
      cuts: fc.array(fc.nat(300), { maxLength: 6 }),
    })
    .map(({ stream, flips, cuts }) => {
      const bytes = Buffer.from(stream);
      for (const [at, value] of flips) if (bytes.length > 0) bytes[at % bytes.length] = value;
      return { bytes, cuts: cuts.toSorted((a, b) => a - b) };
    });

function* pieces({ bytes, cuts }: WireInput): Generator<Uint8Array> {
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    // A copy: readers may move bytes about in what they are given.
    if (to >= from) yield Uint8Array.from(bytes.subarray(from, to));
    from = Math.max(from, to);
  }
}

const shown = ({ bytes, cuts }: WireInput): string => `${bytes.toString("hex")} cut at ${cuts}`;

function errorOf(run: () => void): PacelineError | null {
  try {
    run();
    return null;
  } catch (thrown) {
    assert.ok(thrown instanceof PacelineError, `thrown: ${String(thrown)}`);
    assert.ok(thrown.code === "engine_error" || thrown.code === "misaligned", thrown.code);
    return thrown;
  }
}

/** What a reader made of a stream: equal however it was cut. */
class Heard implements FrameSink {
  tokenCount = 0;
  readonly words: string[] = [];
  started(cached: number): void {
    this.words.push(`started ${cached}`);
  }
  tokens(start: number, ids: Uint32Array, logprobs: Float32Array, version: number): void {
    assert.equal(ids.length, logprobs.length);
    assert.ok(Number.isSafeInteger(version));
    assert.ok(logprobs.every(Number.isFinite), "a logprob that is a number");
    this.tokenCount += ids.length;
    for (const [i, id] of ids.entries()) this.words.push(`${start + i} ${id} ${version}`);
  }
  prompt(start: number, logprobs: Float32Array): void {
    this.words.push(`prompt ${start} ${logprobs.length}`);
  }
  experts({ dtype, row }: ExpertsHead, bytes: Uint8Array): void {
    for (const byte of bytes) this.words.push(`expert ${dtype} ${row} ${byte}`);
  }
  finished(body: unknown): void {
    this.words.push(`finished ${JSON.stringify(body)}`);
  }
  error(body: unknown): void {
    this.words.push(`error ${JSON.stringify(body)}`);
  }
}

function readFrames(input: WireInput): { heard: Heard; error: PacelineError | null } {
  const heard = new Heard();
  const reader = new FrameReader(heard, undefined, FRAME_BYTES);
  const error = errorOf(() => {
    for (const piece of pieces(input)) reader.push(piece);
    reader.end();
  });
  assert.ok(error !== null || reader.ended, "over without an end");
  assert.ok(heard.tokenCount * 8 <= input.bytes.length, "more tokens than bytes");
  return { heard, error };
}

function assertFrames(input: WireInput): void {
  const cut = readFrames(input);
  const whole = readFrames({ ...input, cuts: [] });
  assert.deepEqual(cut.heard.words, whole.heard.words);
  assert.equal(cut.error?.code, whole.error?.code);
}

function readReply(input: WireInput): {
  body: string;
  code: string | null;
  complete: boolean;
  status: number;
} {
  const parser = new ReplyParser(LIMITS.engineHeadBytes);
  let body = "";
  for (const piece of pieces(input)) {
    body += Buffer.from(parser.push(piece)).toString("latin1");
    if (parser.error !== null) break;
  }
  assert.equal(parser.error?.code ?? "engine_error", "engine_error", String(parser.error));
  const ended = parser.error ?? errorOf(() => void parser.end());
  const code = ended?.code ?? null;
  assert.ok(body.length <= input.bytes.length, "more body than bytes");
  return { body, code, complete: parser.complete, status: parser.status };
}

const local =
  (assertHolds: (input: WireInput) => void): Target<WireInput>["open"] =>
  async () => ({
    lane: () => async (input) => assertHolds(input),
    healthy: async () => {},
    close: async () => {},
  });

export const framesTarget: Target<WireInput> = {
  name: "frames",
  inputs: cutUp(fc.array(frames, { maxLength: 8 }).map((parts) => Buffer.concat(parts))),
  shown,
  open: local(assertFrames),
};

export const repliesTarget: Target<WireInput> = {
  name: "replies",
  inputs: cutUp(replies),
  shown,
  open: local((input) => assert.deepEqual(readReply(input), readReply({ ...input, cuts: [] }))),
};
