/**
 * Bad input to a whole server, over HTTP and gRPC: a typed error with the field's path, and neither the
 * scheduler nor an engine has seen anything of it.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { status } from "@grpc/grpc-js";
import type { EngineTelemetry } from "../../adapters/engine.ts";
import { ERRORS, type ErrorCode, PacelineError } from "../../server/contract/errors.ts";
import { LIMITS } from "../../server/limits.ts";
import { REFUSED_ROLLOUTS } from "../conformance/fronts/refused-rollouts.ts";
import { createGrpcClient, type GrpcClient } from "../support/grpc-client.ts";
import { createHttpClient, type HttpClient } from "../support/http-client.ts";
import { connectRaw } from "../support/raw-http.ts";
import { type SimulatedFleet, withFleet } from "./simulated-fleet.ts";

const VOCABULARY = 32_000;

interface Refusal {
  readonly name: string;
  readonly body: unknown;
  readonly code: ErrorCode;
  /** `details.path`; null where no field is at fault. */
  readonly path: string | null;
}

const body = (over: Record<string, unknown>): Record<string, unknown> => ({
  prompt_token_ids: [72, 105],
  sampling: { max_new_tokens: 4 },
  ...over,
});
const sampling = (over: Record<string, unknown>): Record<string, unknown> =>
  body({ sampling: { max_new_tokens: 4, ...over } });

const refusal = (name: string, given: unknown, code: ErrorCode, path: string | null): Refusal => ({
  name,
  body: given,
  code,
  path,
});

const CONTINUED = {
  output_token_ids: [1, VOCABULARY],
  logprobs: [-1, -1],
  spans: [{ version: 1, start: 0, end: 2, kv: "pure", attested: "engine" }],
};

/** What only a server with a fleet and a ledger can know. */
const LIVE: readonly Refusal[] = [
  refusal(
    "an id outside of the vocabulary",
    body({ prompt_token_ids: [1, VOCABULARY] }),
    "invalid_argument",
    "prompt_token_ids[1]",
  ),
  refusal(
    "the largest id",
    body({ prompt_token_ids: [2 ** 32 - 1] }),
    "invalid_argument",
    "prompt_token_ids[0]",
  ),
  refusal(
    "a stop id outside of the vocabulary",
    sampling({ stop_token_ids: [7, VOCABULARY] }),
    "invalid_argument",
    "sampling.stop_token_ids[1]",
  ),
  refusal(
    "a biased id outside of the vocabulary",
    sampling({ logit_bias: { "32000": 1 } }),
    "invalid_argument",
    "sampling.logit_bias.32000",
  ),
  refusal(
    "a continuation outside of the vocabulary",
    body({ continue: CONTINUED }),
    "invalid_argument",
    "continue.output_token_ids[1]",
  ),
  refusal("an unknown policy", body({ policy: "nobodys" }), "not_found", null),
  refusal(
    "a prompt that no worker can hold",
    body({ prompt_token_ids: Array(40_000).fill(5) }),
    "prompt_too_long",
    "prompt_token_ids",
  ),
  refusal(
    "a version that is never committed",
    body({ version: { exact: 99 }, timeout_ms: 50 }),
    "version_unavailable",
    null,
  ),
  refusal(
    "a version to come",
    body({ version: { min: 2 }, timeout_ms: 50 }),
    "version_unavailable",
    null,
  ),
  refusal("a pool of nobody", body({ pool: "none", timeout_ms: 50 }), "no_eligible_worker", null),
  refusal(
    "routed experts",
    body({ want: { routed_experts: true } }),
    "unsupported",
    "want.routed_experts",
  ),
  refusal(
    "side data beyond its limit",
    body({
      sampling: { max_new_tokens: 30_000 },
      want: { top_logprobs: 128, sampling_mask: true },
    }),
    "side_data_too_large",
    "want.sampling_mask",
  ),
  refusal(
    "a parameter that no engine here honours",
    sampling({ structured: { regex: "a+" } }),
    "unsupported",
    "sampling.structured",
  ),
];

const TEXTS: readonly (readonly [name: string, text: string])[] = [
  ["half an object", '{"prompt_token_ids": [72'],
  ["NaN", '{"prompt_token_ids": [72], "sampling": {"max_new_tokens": NaN}}'],
  ["nothing", ""],
  ["noise", "\u0000\u0001\ufffd"],
  ["a body in a body", '{"prompt_token_ids": [72]}{"sampling": {}}'],
];

const WORKERS = ["w-1", "w-2"] as const;

describe("bad input touches no engine", { timeout: 60_000 }, () => {
  let fleet: SimulatedFleet;
  let http: HttpClient;
  let grpc: GrpcClient;
  let port = 0;
  let done = (): void => {};
  let ended: Promise<void>;
  let calm: readonly EngineTelemetry[] = [];
  const telemetry = () => Promise.all(WORKERS.map((id) => fleet.engine(id).telemetry()));

  before(async () => {
    const ready = Promise.withResolvers<void>();
    ended = withFleet({}, async (started) => {
      fleet = started;
      port = Number(new URL(fleet.server.http).port);
      http = createHttpClient(port);
      grpc = createGrpcClient(`127.0.0.1:${fleet.server.grpcPort}`);
      const over = new Promise<void>((resolve) => {
        done = resolve;
      });
      ready.resolve();
      await over;
    });
    await Promise.race([ready.promise, ended]);
    calm = await telemetry();
  });

  after(async () => {
    const placed = (await fleet.events()).filter(({ type }) => type === "rollout_placed");
    const seen = await telemetry();
    await http.close();
    await grpc.close();
    done();
    await ended;
    assert.deepEqual(placed, []);
    seen.forEach((now, i) => {
      const then = calm[i];
      for (const key of ["running", "waiting", "outputTokens", "prefillTokens"] as const) {
        assert.equal(now[key], then?.[key], `${key} of ${WORKERS[i]}`);
      }
    });
  });

  async function assertRefused(answer: Promise<unknown>, { code, path }: Refusal): Promise<void> {
    await assert.rejects(answer, (error) => {
      assert.ok(error instanceof PacelineError, String(error));
      assert.equal(error.code, code, error.message);
      if (path !== null) assert.equal(error.details["path"], path, error.message);
      return true;
    });
  }

  for (const refused of [...LIVE, ...REFUSED_ROLLOUTS]) {
    if (!("protoOnly" in refused)) {
      test(`HTTP: ${refused.name}`, async () => {
        await assertRefused(http.generate(refused.body), refused);
        const reply = await http.call("POST", "/v1/rollouts", {
          body: JSON.stringify(refused.body),
        });
        assert.equal(reply.status, ERRORS[refused.code].http);
      });
    }
    if (!("jsonOnly" in refused)) {
      test(`gRPC: ${refused.name}`, () => assertRefused(grpc.generate(refused.body), refused));
    }
  }

  for (const [name, text] of TEXTS) {
    test(`HTTP: ${name}`, async () => {
      const reply = await http.call("POST", "/v1/rollouts", { body: text });
      assert.equal(reply.status, 400);
      const { error } = reply.json() as { error: { code: string; details: { path?: string } } };
      assert.deepEqual([error.code, error.details.path], ["invalid_argument", ""]);
    });
  }

  test("HTTP: a body of 65 MiB is refused by its length alone", async () => {
    const connection = await connectRaw(port);
    const length = LIMITS.bodyBytes + 1024 * 1024;
    connection.socket.write(
      `POST /v1/rollouts HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n` +
        `content-length: ${length}\r\n\r\n{`,
    );
    await connection.until('"prompt_too_long"');
    assert.match(connection.received(), /^HTTP\/1\.1 413 /);
    connection.socket.destroy();
  });

  test("gRPC: a message of 65 MiB", async () => {
    const ids = new Array<number>(13_700_000).fill(2 ** 32 - 1);
    await assert.rejects(grpc.generate(body({ prompt_token_ids: ids })), {
      code: status.RESOURCE_EXHAUSTED,
    });
  });

  test("the server still serves afterwards", async () => {
    // A probe may have been missed while 64 MiB were parsed.
    await fleet.settled(async () => (await http.call("GET", "/readyz")).status === 200);
    assert.equal(await fleet.metric("paceline_inflight"), 0);
    assert.equal(await fleet.metric("paceline_queue_depth"), 0);
  });
});
