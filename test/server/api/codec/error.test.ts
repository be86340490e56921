import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { decodeError, encodeError } from "../../../../server/api/codec/error.ts";
import { statusOf } from "../../../../server/api/grpc/error-status.ts";
import { ERRORS, type ErrorCode, PacelineError } from "../../../../server/contract/errors.ts";
import { errorFromTrailer } from "../../../support/grpc-messages.ts";

const CODES = Object.keys(ERRORS) as ErrorCode[];

const PLAIN = {};
const LADEN = {
  details: { path: "a[3]", nested: { list: [1, null, "x", { deep: true }] } },
  retryAfterMs: 0.5,
  kept: { output_tokens: 812 },
};

suite("every error keeps its content", () => {
  for (const code of CODES) {
    for (const options of [PLAIN, LADEN]) {
      const error = new PacelineError(code, "the message", options);
      test(`${code} over HTTP${options === LADEN ? ", laden" : ""}`, () => {
        assert.deepEqual(decodeError(JSON.parse(encodeError(error))).toBody(), error.toBody());
      });
      test(`${code} over gRPC${options === LADEN ? ", laden" : ""}`, () => {
        const { code: number, metadata } = statusOf(error);
        assert.equal(status[number], ERRORS[code].grpc);
        assert.deepEqual(errorFromTrailer(metadata)?.toBody(), error.toBody());
      });
    }
  }
});

test("what is not ours is internal, and keeps its stack to itself", () => {
  const { code, details } = statusOf(new RangeError("index 7"));
  assert.equal(code, status.INTERNAL);
  assert.equal(details, "internal: index 7");
});

test("details that JSON would leave out are left out", () => {
  const error = new PacelineError("internal", "x", {
    details: { gone: undefined, kept: [undefined] },
  });
  assert.deepEqual(errorFromTrailer(statusOf(error).metadata)?.details, { kept: [null] });
});
