import assert from "node:assert/strict";
import { test } from "node:test";
import { ChunkReader } from "../../../adapters/sglang/chunk.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import { seededRandom } from "../../../server/seeded-random.ts";

const SEED = 20_261_125;
const ROUNDS = 400;
const random = seededRandom(SEED);
const one = <T>(...values: readonly T[]): T => values[random.u32() % values.length] as T;

/** Most are written like the one before, some not. */
function chunk(ids: readonly number[], total: number, last: boolean): string {
  return JSON.stringify({
    text: one("", "ab", 'a"b', "é]}"),
    output_ids: ids,
    meta_info: {
      id: one("r-1", "r-1", "r-1", "r-1", "r-2"),
      finish_reason: last ? { type: "length", length: total } : null,
      prompt_tokens: 6,
      num_retractions: one(0, 0, 0, 0, 1),
      queue_time: one(0.5, 0.5, 0.5, 0.25),
      output_token_logprobs: ids.map((id) => [-id / one(8, 7), id, null]),
      output_token_logprobs_length: total,
      ...one({}, {}, {}, { output_top_logprobs: ids.map((id) => [[-1, id, null]]) }),
      reasoning_tokens: 0,
      completion_tokens: total,
      cached_tokens: one(4, 4, 4, 40),
      ...one({}, {}, {}, { weight_versions: [{ version: "p@1#1", start: 0, end: total }] }),
    },
  });
}

/** One byte of it is another, or none is. */
function struck(text: string): string {
  if (random.u32() % 4 > 0) return text;
  const at = random.u32() % text.length;
  return `${text.slice(0, at)}${one(...'0123,.-]}["n ')}${text.slice(at + 1)}`;
}

function read(reader: ChunkReader, text: string, made: number): object {
  const bytes = Buffer.from(`data: ${text}\n\n`);
  const before = reader.ids.length;
  try {
    const told = reader.read(bytes, 6, bytes.length - 2, made);
    const ids = [...reader.ids.array.subarray(before, reader.ids.length)];
    const logprobs = [...reader.logprobs.array.subarray(before, reader.logprobs.length)];
    assert.equal(ids.length, told.tokens);
    return { told, ids, logprobs };
  } catch (thrown) {
    reader.rewind(before);
    return { code: PacelineError.from(thrown).code };
  }
}

test("a chunk is read the same whatever was read before it", () => {
  let failed = 0;
  let alike = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const reader = new ChunkReader(false, 4);
    let made = 0;
    for (let left = 1 + (random.u32() % 9); left > 0; left--) {
      const ids = Array.from({ length: random.u32() % 5 }, () => one(0, 1, 12, 345, 1_999));
      const text = struck(chunk(ids, made + ids.length, left === 1));
      const told = read(reader, text, made);
      const name = `seed ${SEED}, round ${round}: ${text}`;
      assert.deepEqual(told, read(new ChunkReader(false, 0), text, made), name);
      if ("code" in told) {
        failed += 1;
        break;
      }
      made += ids.length;
      alike += 1;
    }
  }
  assert.ok(failed > ROUNDS / 4 && alike > ROUNDS, `${failed} failed, ${alike} read`);
});
