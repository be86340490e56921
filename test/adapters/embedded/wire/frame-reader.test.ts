/** Frames survive every way of cutting them up; what is no frame ends in a typed error, never in a hang. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FrameReader, type FrameSink } from "../../../../adapters/embedded/wire/frame-reader.ts";
import { FrameWriter } from "../../../../adapters/embedded/wire/frame-writer.ts";
import { MAX_FRAME_TOKENS } from "../../../../adapters/embedded/wire.ts";
import { PacelineError } from "../../../../server/contract/errors.ts";
import type { SideChunk } from "../../../../server/contract/side-data.ts";
import { LIMITS } from "../../../../server/limits.ts";
import { seededRandom, testSeed } from "../../../support/seeded-random.ts";

const FINISHED = { type: "length", cause: "max_new", matched: null, cached_tokens: 3 } as const;

type Seen = readonly unknown[];

function recorder(): FrameSink & { readonly seen: Seen[] } {
  const seen: Seen[] = [];
  return {
    seen,
    started: (cached) => void seen.push(["started", cached]),
    tokens: (start, ids, logprobs, version, mixed, side) =>
      void seen.push(["tokens", start, [...ids], [...logprobs], version, mixed, side]),
    prompt: (start, logprobs, version) => void seen.push(["prompt", start, [...logprobs], version]),
    experts: (head, bytes) => void seen.push(["experts", head, [...bytes]]),
    finished: (body) => void seen.push(["finished", body]),
    error: (body) => void seen.push(["error", body]),
  };
}

function rowsFor(random: ReturnType<typeof seededRandom>, count: number): SideChunk {
  const rows = () => {
    const offsets = new Uint32Array(count + 1);
    for (let row = 0; row < count; row++) {
      offsets[row + 1] = (offsets[row] as number) + 1 + (random.u32() % 3);
    }
    return { offsets, ids: Uint32Array.from({ length: offsets[count] as number }, random.u32) };
  };
  const top = rows();
  const logprobs = Float32Array.from(top.ids, () => -random.next());
  const which = random.u32() % 3;
  return { top: which === 0 ? null : { ...top, logprobs }, mask: which === 1 ? null : rows() };
}

/** A reply of `chunks` random token frames, and what a reader should see of it. */
function sample(random: ReturnType<typeof seededRandom>, chunks: number) {
  const writer = new FrameWriter();
  const expected = recorder();
  const cached = random.u32();
  writer.started(cached);
  expected.started(cached);
  if (chunks % 2 === 0) {
    const scores = Float32Array.from({ length: 1 + chunks }, () => -random.next());
    const version = random.u32();
    writer.prompt(chunks, scores, version);
    expected.prompt(chunks, scores, version);
  }
  let start = 0;
  for (let i = 0; i < chunks; i++) {
    const count = 1 + (random.u32() % (i % 5 === 0 ? 600 : 20));
    const ids = Uint32Array.from({ length: count }, () => random.u32());
    const logprobs = Float32Array.from({ length: count }, () => -random.next());
    const version = Math.floor(random.next() * Number.MAX_SAFE_INTEGER);
    const mixed = random.u32() % 2 === 0;
    const side = i % 3 === 0 ? rowsFor(random, count) : undefined;
    if (side === undefined) writer.tokens(start, ids, logprobs, version, mixed);
    else writer.rows(start, ids, logprobs, version, mixed, side);
    expected.tokens(start, ids, logprobs, version, mixed, side);
    start += count;
  }
  if (chunks % 3 === 0) {
    const head = { dtype: "uint8", row: [3, 5] } as const;
    // Mostly no multiple of 4.
    const bytes = Uint8Array.from({ length: 15 * (1 + (random.u32() % 9)) }, () => random.u32());
    writer.experts(head, bytes);
    expected.experts?.(head, bytes);
  }
  writer.finished(FINISHED);
  expected.finished(FINISHED);
  return { bytes: writer.cut(0), seen: expected.seen };
}

/** Everything thrown in here must be one of ours. */
function read(pieces: readonly Uint8Array[]): { seen: Seen[]; code: string | null } {
  const sink = recorder();
  const reader = new FrameReader(sink);
  try {
    for (const piece of pieces) reader.push(piece);
    reader.end();
  } catch (error) {
    assert.ok(error instanceof PacelineError, String(error));
    return { seen: sink.seen, code: error.code };
  }
  return { seen: sink.seen, code: null };
}

function split(random: ReturnType<typeof seededRandom>, bytes: Uint8Array, most: number) {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + (random.u32() % most);
    // At any alignment, as a socket gives them.
    const piece = new Uint8Array(size + 3).subarray(random.u32() % 4);
    const part = bytes.subarray(at, at + size);
    piece.set(part);
    pieces.push(piece.subarray(0, part.length));
    at += size;
  }
  return pieces;
}

describe("frame reader", () => {
  test("random replies, cut at random, read back as they were written", () => {
    const random = seededRandom(testSeed("frame splits"));
    for (let round = 0; round < 60; round++) {
      const { bytes, seen } = sample(random, 1 + (random.u32() % 12));
      for (const most of [1, 7, 64, 5_000, bytes.length]) {
        const result = read(split(random, bytes, most));
        assert.equal(result.code, null);
        assert.deepEqual(result.seen, seen);
      }
    }
  });

  test("neighbours of one version that come together are one, up to what breaks off", () => {
    const writer = new FrameWriter();
    const one = (start: number, logprob: number, version: number): void =>
      writer.tokens(start, Uint32Array.of(start), Float32Array.of(logprob), version, false);
    for (let i = 0; i < 100; i++) one(i, -1, i < 70 ? 1 : 2);
    one(105, -1, 2);
    one(106, Number.NaN, 2);
    const { seen, code } = read([writer.cut(0)]);
    const runs = seen.map(([, start, ids, , version]) => [start, (ids as []).length, version]);
    const room = runs.filter(([start]) => start !== 105);
    assert.equal(code, "misaligned");
    assert.deepEqual(runs.at(-1), [105, 1, 2]);
    assert.deepEqual(room, [
      [0, 70, 1],
      [70, 30, 2],
    ]);
  });

  test("arrays belong to the sink: later frames and the socket's buffers do not change them", () => {
    const kept: Uint32Array[] = [];
    const reader = new FrameReader({ ...recorder(), tokens: (_, ids) => void kept.push(ids) });
    const writer = new FrameWriter();
    for (let i = 0; i < 300; i++) {
      writer.tokens(i, Uint32Array.of(i), Float32Array.of(-1), 1, false);
      const bytes = writer.cut(0);
      reader.push(bytes);
      bytes.fill(0xff);
    }
    assert.deepEqual(
      kept.map((ids) => ids[0]),
      Array.from({ length: 300 }, (_, i) => i),
    );
  });

  test("a run longer than a frame may be is split and stays contiguous", () => {
    const count = 2 * MAX_FRAME_TOKENS + 5;
    const ids = Uint32Array.from({ length: count }, (_, i) => i);
    const writer = new FrameWriter();
    writer.tokens(7, ids, new Float32Array(count).fill(-1), 1, false);
    writer.finished(FINISHED);
    const starts: number[] = [];
    const read: number[] = [];
    const reader = new FrameReader({
      ...recorder(),
      tokens(start, part) {
        starts.push(start);
        for (const id of part) read.push(id);
      },
    });
    reader.push(writer.cut(0));
    reader.end();
    assert.deepEqual(starts, [7, 7 + MAX_FRAME_TOKENS, 7 + 2 * MAX_FRAME_TOKENS]);
    assert.deepEqual(read, [...ids]);
  });

  test("every truncation is an engine_error", () => {
    const random = seededRandom(testSeed("frame truncation"));
    const { bytes } = sample(random, 3);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(read([bytes.subarray(0, length)]).code, "engine_error", `${length} bytes`);
    }
  });

  test("flipped bytes and pure noise end in a typed error or in frames, and read no further", () => {
    const random = seededRandom(testSeed("frame garbage"));
    const codes = new Set<string | null>();
    for (let round = 0; round < 3_000; round++) {
      const noise = random.u32() % 3 === 0;
      const bytes = noise
        ? Uint8Array.from({ length: random.u32() % 400 }, () => random.u32())
        : sample(random, 2).bytes;
      if (!noise) bytes[random.u32() % Math.min(bytes.length, 60)] = random.u32();
      codes.add(read(split(random, bytes, 97)).code);
    }
    for (const code of codes) assert.ok(["engine_error", "misaligned", null].includes(code));
    assert.ok(codes.has("engine_error"));
  });

  const u32s = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
  const text = (type: number, body: string): Uint8Array => {
    const padded = body.padEnd((body.length + 3) & ~3);
    return Uint8Array.from([...u32s(padded.length, type), ...Buffer.from(padded)]);
  };
  const refused: readonly (readonly [string, Uint8Array, string])[] = [
    ["a frame of type 0", u32s(4, 0, 1), "engine_error"],
    ["a frame of type 7", u32s(4, 7, 1), "engine_error"],
    ["experts without any", u32s(16, 6, 0, 1, 1, 1), "engine_error"],
    ["experts of no layers", u32s(20, 6, 4, 1, 0, 1, 0), "engine_error"],
    ["experts of 3 bytes each", u32s(20, 6, 4, 3, 1, 1, 0), "engine_error"],
    ["more experts than the frame has", u32s(20, 6, 5, 1, 1, 1, 0), "engine_error"],
    ["flags on a started frame", u32s(4, 1 | 0x100, 1), "engine_error"],
    ["unknown flags", u32s(24, 2 | 0x800, 0, 1, 1, 0, 5, 0), "engine_error"],
    ["rows that are not there", u32s(24, 2 | 0x200, 0, 1, 1, 0, 5, 0), "misaligned"],
    ["rows beyond the frame", u32s(32, 2 | 0x400, 0, 1, 1, 0, 5, 0, 0, 9), "misaligned"],
    ["a frame beyond its rows", u32s(40, 2 | 0x400, 0, 1, 1, 0, 5, 0, 0, 1, 7, 8), "misaligned"],
    ["prompt scores too few", u32s(20, 5, 0, 2, 1, 0, 0), "misaligned"],
    [
      "a header that promises more than the limit",
      u32s(LIMITS.engineFrameBytes + 4, 2),
      "engine_error",
    ],
    ["a length that is no multiple of 4", u32s(5, 3), "engine_error"],
    ["a started frame of 8 bytes", u32s(8, 1, 0, 0), "engine_error"],
    ["a tokens frame without room for its fixed part", u32s(12, 2, 0, 0, 1), "engine_error"],
    ["a tokens frame of no tokens", u32s(16, 2, 0, 0, 1, 0), "engine_error"],
    ["a logprob too few", u32s(28, 2, 0, 2, 1, 0, 5, 6, 0), "misaligned"],
    ["a count beyond the frame", u32s(24, 2, 0, 0xffff_ffff, 1, 0, 5, 0), "misaligned"],
    ["a version beyond 2^53", u32s(24, 2, 0, 1, 0, 2 ** 21, 5, 0), "engine_error"],
    ["a finished frame that is not JSON", text(3, "{no"), "engine_error"],
    [
      "a finished frame that is not UTF-8",
      Uint8Array.of(4, 0, 0, 0, 3, 0, 0, 0, 34, 255, 254, 34),
      "engine_error",
    ],
    [
      "a frame after the last one",
      Uint8Array.from([...text(3, "{}"), ...text(3, "{}")]),
      "engine_error",
    ],
    ["bytes after the last one", Uint8Array.from([...text(3, "{}"), 1]), "engine_error"],
  ];
  for (const [name, bytes, code] of refused) {
    test(`${name} is ${code}, whole or byte by byte`, () => {
      assert.equal(read([bytes]).code, code);
      assert.equal(read(Array.from(bytes, (byte) => Uint8Array.of(byte))).code, code);
    });
  }

  test("an oversize frame is refused at its header, before anything is set aside for it", () => {
    const reader = new FrameReader(recorder());
    assert.throws(() => reader.push(u32s(0x7fff_fffc, 2)), { code: "engine_error" });
  });
});
