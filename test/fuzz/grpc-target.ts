/** Every method of `paceline.v1` over stand-ins. */
import assert from "node:assert/strict";
import { type Client, type ServiceError, status } from "@grpc/grpc-js";
import { pino } from "pino";
import { createOpenGatekeeper } from "../../server/api/auth/gatekeeper.ts";
import { createGrpcFront } from "../../server/api/grpc/front.ts";
import { ERRORS } from "../../server/contract/errors.ts";
import { liveClock } from "../../server/live-clock.ts";
import { fakeControl } from "../support/front-fakes.ts";
import { createGrpcClient } from "../support/grpc-client.ts";
import { errorFromTrailer } from "../support/grpc-messages.ts";
import { createScriptedRollouts, type Script } from "../support/scripted-rollouts.ts";
import type { Target } from "./campaign.ts";
import { type GrpcInput, grpcInputs } from "./grpc-input.ts";

/** Longer than any answer takes on a busy machine; a call that is not over by then hangs. */
const PATIENCE_MS = 20_000;

const short: Script = ({ sampling }) => [
  { do: "tokens", count: Math.min(8, sampling.maxNewTokens), version: 7 },
];
const pass = (bytes: Buffer): Buffer => bytes;

export const grpcTarget: Target<GrpcInput> = {
  name: "grpc",
  inputs: grpcInputs,
  shown: ({ path, messages }) =>
    `${path}\n${messages.map((bytes) => bytes.toString("hex").slice(0, 2_000)).join("\n")}`,
  async open() {
    let minted = 0;
    const front = createGrpcFront({
      rollouts: createScriptedRollouts(short),
      control: fakeControl(),
      mint: { id: () => `minted-${++minted}`, seed: () => minted },
      readiness: { ready: () => true, listen: () => () => {} },
      clock: liveClock,
      gate: createOpenGatekeeper({ rate: null, concurrency: null }, liveClock),
      audit: () => {},
      certificates: null,
      log: pino({ level: "silent" }),
    });
    const { port } = await front.listen("127.0.0.1", 0);
    const client = createGrpcClient(`127.0.0.1:${port}`);
    return {
      lane: () => (input) => assertAnswers(client.raw, input),
      async healthy() {
        await client.generate({ prompt_token_ids: [72], sampling: { max_new_tokens: 2 } });
      },
      async close() {
        await client.close();
        await front.close(0);
      },
    };
  },
};

interface Ended {
  readonly replies: number;
  readonly error: ServiceError | null;
}

/** As a stream both ways, which on the wire every method is. */
function called(client: Client, { path, messages }: GrpcInput): Promise<Ended> {
  return new Promise((resolve) => {
    const call = client.makeBidiStreamRequest(path, pass, pass, {
      deadline: Date.now() + PATIENCE_MS,
    });
    let replies = 0;
    call.on("data", () => replies++);
    call.on("error", (error: ServiceError) => resolve({ replies, error }));
    call.on("end", () => setImmediate(() => resolve({ replies, error: null })));
    for (const message of messages) call.write(message);
    call.end();
  });
}

async function assertAnswers(client: Client, input: GrpcInput): Promise<void> {
  const { replies, error } = await called(client, input);
  if (error === null) {
    assert.ok(input.streams || replies === 1, `OK with ${replies} replies`);
    return;
  }
  assert.ok(input.streams || replies === 0, "an error after the reply");
  const typed = errorFromTrailer(error.metadata);
  assert.ok(typed, `untyped: ${error.code} ${error.details}`);
  assert.notEqual(typed.code, "internal", typed.message);
  assert.equal(status[error.code], ERRORS[typed.code].grpc, typed.message);
}
