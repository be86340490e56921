/** GenerateMany over a real connection: endings as they come, refusals one by one, a caller that is held back or leaves. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { suite, test } from "node:test";
import { Client, type ClientDuplexStream, credentials, Metadata, status } from "@grpc/grpc-js";
import { pino } from "pino";
import { paceline } from "../../../../proto/gen/paceline.js";
import { createOpenGatekeeper } from "../../../../server/api/auth/gatekeeper.ts";
import { createGrpcFront } from "../../../../server/api/grpc/front.ts";
import { liveClock } from "../../../../server/live-clock.ts";
import { fakeControl } from "../../../support/front-fakes.ts";
import { encodeMessage } from "../../../support/grpc-client.ts";
import {
  createScriptedRollouts,
  playToEnd,
  type Script,
  type ScriptedRollouts,
  scriptedId,
} from "../../../support/scripted-rollouts.ts";

const { v1 } = paceline;
type Reply = InstanceType<typeof v1.ManyReply>;
type Call = ClientDuplexStream<Buffer, Reply>;

const forever = new Promise<never>(() => {});

async function many(
  rollouts: ScriptedRollouts,
  use: (call: Call) => Promise<void>,
  { manyInFlight, need }: { manyInFlight?: number; need?: Buffer } = {},
): Promise<void> {
  const front = createGrpcFront({
    rollouts,
    mint: { id: () => "minted", seed: () => 1 },
    control: fakeControl(),
    ...(manyInFlight === undefined ? {} : { manyInFlight }),
    readiness: { ready: () => true, listen: () => () => {} },
    clock: liveClock,
    gate: createOpenGatekeeper({ rate: null, concurrency: null }, liveClock),
    audit: () => {},
    certificates: null,
    log: pino({ level: "silent" }),
  });
  const { port } = await front.listen("127.0.0.1", 0);
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const metadata = new Metadata();
  if (need !== undefined) metadata.set("paceline-need-bin", need);
  const call: Call = client.makeBidiStreamRequest(
    "/paceline.v1.RolloutService/GenerateMany",
    (bytes: Buffer) => bytes,
    (bytes: Buffer) => v1.ManyReply.decode(bytes),
    metadata,
  );
  call.on("error", () => {});
  try {
    await use(call);
  } finally {
    call.cancel();
    client.close();
    await front.close(0);
  }
}

const rollout = (id: string, over: object = {}): Buffer =>
  encodeMessage("Rollout", {
    id,
    prompt_token_ids: [72],
    sampling: { max_new_tokens: 4 },
    ...over,
  });

test("each is answered as it ends; the summary closes the stream", () => {
  const { promise: later, resolve: go } = Promise.withResolvers<void>();
  const script: Script = (one) =>
    one.id === "r-0" ? [{ do: "wait", until: later }, ...playToEnd(one)] : playToEnd(one);
  return many(createScriptedRollouts(script), async (call) => {
    for (let i = 0; i < 5; i++) call.write(rollout(`r-${i}`));
    call.end();
    const order: string[] = [];
    for await (const reply of call as AsyncIterable<Reply>) {
      if (reply.result != null) {
        order.push(reply.result.id ?? "");
        assert.deepEqual(reply.result.output_token_ids, [0, 1, 2, 3].map(scriptedId));
        if (order.length === 4) go();
      } else {
        order.push("summary");
        const { rollouts, finished, failed, output_tokens } = reply.summary ?? {};
        assert.deepEqual([rollouts, finished, failed, Number(output_tokens)], [5, 5, 0, 20]);
      }
    }
    assert.deepEqual(order.slice(-2), ["r-0", "summary"]);
    assert.deepEqual(order.slice(0, 4).sort(), ["r-1", "r-2", "r-3", "r-4"]);
  });
});

test("one that is wrong, and bytes that are no message, end alone", () => {
  const rollouts = createScriptedRollouts();
  return many(rollouts, async (call) => {
    call.write(rollout("good"));
    call.write(rollout("bad", { job: "j", sampling: { max_new_tokens: 4, top_p: 2 } }));
    call.write(Buffer.from([0x0a, 0xff, 0xff]));
    call.end();
    const errors: (readonly [string, string, string])[] = [];
    let results = 0;
    for await (const reply of call as AsyncIterable<Reply>) {
      if (reply.result != null) results++;
      else if (reply.error != null) {
        const { id, job, error } = reply.error;
        errors.push([job ?? "", id ?? "", v1.ErrorCode[error?.code ?? 0] ?? ""]);
      } else assert.deepEqual([reply.summary?.finished, reply.summary?.failed], [1, 2]);
    }
    assert.equal(results, 1);
    assert.deepEqual(errors, [
      ["j", "bad", "ERROR_CODE_INVALID_ARGUMENT"],
      ["default", "", "ERROR_CODE_INVALID_ARGUMENT"],
    ]);
    assert.equal(rollouts.submitted.length, 1);
  });
});

test("no more are taken in than may be unanswered, and all are in the end", () => {
  const { promise: later, resolve: go } = Promise.withResolvers<void>();
  const rollouts = createScriptedRollouts((one) => [
    { do: "wait", until: later },
    ...playToEnd(one),
  ]);
  return many(
    rollouts,
    async (call) => {
      for (let i = 0; i < 50; i++) call.write(rollout(`r-${i}`));
      call.end();
      await rollouts.arrival("default", "r-7");
      assert.equal(rollouts.submitted.length, 8);
      go();
      let seen = 0;
      for await (const reply of call as AsyncIterable<Reply>) {
        if (reply.result != null) seen++;
      }
      assert.equal(seen, 50);
    },
    { manyInFlight: 8 },
  );
});

test("a caller that cancels ends what is left", () => {
  const rollouts = createScriptedRollouts(() => [{ do: "wait", until: forever }]);
  return many(rollouts, async (call) => {
    call.write(rollout("r-0"));
    const life = await rollouts.arrival("default", "r-0");
    call.cancel();
    assert.equal((await life.result()).finishReason.cause, "client");
  });
});

suite("a call with a need, told in its metadata", () => {
  const script: Script = (one) =>
    one.id === "r-1"
      ? playToEnd(one)
      : [
          { do: "tokens", count: 2, version: 7 },
          { do: "wait", until: forever },
        ];
  const KEEP = v1.PartialFate.PARTIAL_FATE_KEEP;

  test("keeps what is left, whether it came before or after", () => {
    const need = encodeMessage("ManyNeed", { groups: 1, partial: KEEP });
    return many(
      createScriptedRollouts(script),
      async (call) => {
        call.write(rollout("r-0"));
        call.write(rollout("r-1"));
        const kept: string[] = [];
        for await (const reply of call as AsyncIterable<Reply>) {
          if (reply.result != null) call.write(rollout("r-2"));
          if (reply.kept != null) kept.push(`${reply.kept.job}/${reply.kept.id}`);
          if (reply.kept?.id === "r-2") call.end();
          if (reply.summary == null) continue;
          const { rollouts, finished, need: told } = reply.summary;
          assert.deepEqual([rollouts, finished], [3, 1]);
          assert.deepEqual([told?.groups, told?.whole, told?.kept?.members], [1, 1, 2]);
          assert.equal(told?.lengths?.kept?.mean, 4);
        }
        assert.deepEqual(kept, ["default/r-0", "default/r-2"]);
      },
      { need },
    );
  });

  for (const [name, need] of [
    ["of no groups", encodeMessage("ManyNeed", { groups: 0 })],
    ["that is no message", Buffer.from([0x0a, 0xff, 0xff])],
  ] as const) {
    test(`one ${name} refuses the call`, () =>
      many(
        createScriptedRollouts(script),
        async (call) => {
          const [error] = (await once(call, "error")) as [{ code: number }];
          assert.equal(error.code, status.INVALID_ARGUMENT);
        },
        { need },
      ));
  }
});
