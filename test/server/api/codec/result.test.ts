import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { paceline } from "../../../../proto/gen/paceline.js";
import { floatsText } from "../../../../server/api/codec/number-arrays.ts";
import {
  decodeResult,
  encodeResult,
  encodeResultBody,
} from "../../../../server/api/codec/result.ts";
import { resultToProto } from "../../../../server/api/grpc/result-message.ts";
import { arbitraryResult, logprob } from "../../../support/arbitrary-result.ts";
import { resultFromProto } from "../../../support/grpc-messages.ts";
import { seededRandom, testSeed } from "../../../support/seeded-random.ts";

const seed = testSeed("result codec");

suite("a Result comes back as it was", () => {
  for (const encoding of ["json", "b64"] as const) {
    test(encoding, () => {
      fc.assert(
        fc.property(arbitraryResult(), (result) => {
          const text = encodeResult(result, encoding);
          assert.equal(encodeResultBody(result, encoding).toString(), text);
          assert.deepEqual(decodeResult(JSON.parse(text)), result);
          assert.ok(!text.includes("\n"), "one line of NDJSON");
        }),
        { seed, numRuns: 200 },
      );
    });
  }

  test("protobuf", () => {
    const { Result } = paceline.v1;
    fc.assert(
      fc.property(arbitraryResult(), (result) => {
        const bytes = Result.encode(resultToProto(result)).finish();
        assert.deepEqual(resultFromProto(Result.decode(bytes)), result);
      }),
      { seed, numRuns: 200 },
    );
  });
});

suite("logprobs as JSON numbers", () => {
  const roundTrip = (values: Float32Array): void => {
    const parsed: number[] = JSON.parse(floatsText(values, "json"));
    for (const [index, value] of values.entries()) {
      // JSON has no negative zero; it is the same number.
      assert.equal(Math.fround(parsed[index] ?? Number.NaN) + 0, value + 0, `${value}`);
    }
  };

  test("are the same float32 again, near every power of two", () => {
    const values: number[] = [];
    for (let power = -149; power <= 13; power++) {
      const bits = new Uint32Array(Float32Array.of(-(2 ** power)).buffer);
      for (const step of [-2, -1, 0, 1, 2]) {
        const [value] = new Float32Array(Uint32Array.of((bits[0] as number) + step).buffer);
        values.push(value as number);
      }
    }
    roundTrip(Float32Array.from(values));
  });

  test("are the same float32 again, for any bits", () => {
    fc.assert(
      fc.property(fc.array(logprob(), { maxLength: 200 }), (values) =>
        roundTrip(Float32Array.from(values)),
      ),
      { seed },
    );
  });

  test("are short: at most 11 digits for what a sampler makes", () => {
    const random = seededRandom(seed);
    const values = Float32Array.from({ length: 2_000 }, () => Math.log(random.next() + 1e-6));
    const digits = floatsText(values, "json").length / values.length;
    assert.ok(digits < 13, `${digits} characters each`);
  });
});

test("a pair of unequal length is never written", () => {
  const [result] = fc.sample(arbitraryResult(), { seed, numRuns: 1 });
  assert.ok(result);
  const broken = { ...result, logprobs: new Float32Array(result.outputTokenIds.length + 1) };
  assert.throws(() => encodeResult(broken, "json"), { code: "misaligned" });
});

test("what a server answers and what is no Result is the server's fault", () => {
  assert.throws(() => decodeResult({ id: "r" }), { code: "internal" });
  assert.throws(() => decodeResult(null), { code: "internal" });
});
