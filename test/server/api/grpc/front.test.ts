import assert from "node:assert/strict";
import { once } from "node:events";
import { suite, test } from "node:test";
import { type ServiceError, status } from "@grpc/grpc-js";
import { pino } from "pino";
import { grpc } from "../../../../proto/gen/paceline.js";
import { createOpenGatekeeper } from "../../../../server/api/auth/gatekeeper.ts";
import { createGrpcFront, type GrpcFront } from "../../../../server/api/grpc/front.ts";
import { LIMITS } from "../../../../server/limits.ts";
import { liveClock } from "../../../../server/live-clock.ts";
import { frontConformance } from "../../../conformance/fronts/front-conformance.ts";
import { fakeControl } from "../../../support/front-fakes.ts";
import { createGrpcClient, encodeMessage, type GrpcClient } from "../../../support/grpc-client.ts";
import { errorFromTrailer } from "../../../support/grpc-messages.ts";
import {
  createScriptedRollouts,
  type Script,
  type ScriptedRollouts,
} from "../../../support/scripted-rollouts.ts";
import { VirtualClock } from "../../../support/virtual-clock.ts";

const { HealthCheckRequest, HealthCheckResponse } = grpc.health.v1;
const { ServingStatus } = HealthCheckResponse;

/** Readiness that a test sets. */
class Switch {
  on = true;
  readonly #listeners = new Set<() => void>();
  ready(): boolean {
    return this.on;
  }
  listen(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }
  set(on: boolean): void {
    this.on = on;
    for (const changed of this.#listeners) changed();
  }
  get listeners(): number {
    return this.#listeners.size;
  }
}

interface Served {
  readonly front: GrpcFront;
  readonly client: GrpcClient;
  readonly readiness: Switch;
  /** Codes of the errors that calls ended in. */
  readonly errors: readonly string[];
}

async function serve(rollouts: ScriptedRollouts, clock = liveClock): Promise<Served> {
  let minted = 0;
  const readiness = new Switch();
  const errors: string[] = [];
  const front = createGrpcFront({
    rollouts,
    control: fakeControl(),
    mint: { id: () => `minted-${++minted}`, seed: () => minted },
    readiness,
    clock,
    gate: createOpenGatekeeper({ rate: null, concurrency: null }, clock),
    audit: () => {},
    certificates: null,
    log: pino({ level: "silent" }),
    failed: ({ code }) => void errors.push(code),
  });
  const { port } = await front.listen("127.0.0.1", 0);
  return { front, client: createGrpcClient(`127.0.0.1:${port}`), readiness, errors };
}

async function serving(
  script: Script | undefined,
  use: (served: Served, rollouts: ScriptedRollouts) => Promise<void>,
) {
  const rollouts = createScriptedRollouts(script);
  const served = await serve(rollouts);
  try {
    await use(served, rollouts);
  } finally {
    await served.client.close();
    await served.front.close(0);
  }
}

frontConformance("gRPC", {
  wire: "proto",
  async connect(rollouts) {
    const { front, client } = await serve(rollouts);
    const close = async (): Promise<void> => {
      await client.close();
      await front.close(0);
    };
    return { ...client, close };
  },
});

const BODY = { id: "r-1", prompt_token_ids: [1], sampling: { max_new_tokens: 5 } };
const stuck: Script = () => [
  { do: "tokens", count: 2, version: 7 },
  { do: "wait", until: new Promise(() => {}) },
];

const pass = (bytes: Buffer): Buffer => bytes;

/** A call with raw bytes; resolves to the status that it failed with. */
function failing(
  client: GrpcClient,
  path: string,
  request: Buffer,
  deadline?: Date,
): Promise<ServiceError> {
  return new Promise((resolve, reject) => {
    client.raw.makeUnaryRequest(path, pass, pass, request, deadline ? { deadline } : {}, (error) =>
      error === null ? reject(new Error(`${path} succeeded`)) : resolve(error),
    );
  });
}

suite("gRPC front", () => {
  test("a deadline that passes ends the rollout of a unary caller", () =>
    serving(stuck, async ({ client }, rollouts) => {
      const path = "/paceline.v1.RolloutService/Generate";
      const arrived = (id: string): boolean => rollouts.submitted.some((sent) => sent.id === id);
      // On a busy machine a call may be over before it is sent: then the next has twice the time.
      let [id, ms] = ["", 50];
      for (; !arrived(id); ms *= 2) {
        id = `r-${ms}`;
        const request = encodeMessage("Rollout", { ...BODY, id });
        const error = await failing(client, path, request, new Date(Date.now() + ms));
        assert.equal(error.code, status.DEADLINE_EXCEEDED);
      }
      const life = await rollouts.arrival("default", id);
      assert.equal((await life.result()).finishReason.type, "abort");
    }));

  test("bytes that are no message are the caller's fault", () =>
    serving(undefined, async ({ client }, rollouts) => {
      for (const method of ["Generate", "GenerateStream", "Get", "Abort"]) {
        const error = await failing(
          client,
          `/paceline.v1.RolloutService/${method}`,
          Buffer.from([0x0a, 0xff, 0xff]),
        );
        assert.equal(error.code, status.INVALID_ARGUMENT, method);
        assert.equal(errorFromTrailer(error.metadata)?.code, "invalid_argument", method);
      }
      assert.deepEqual(rollouts.submitted, []);
    }));

  test("a seed that no double can hold is refused, not rounded", () =>
    serving(undefined, async ({ client }, rollouts) => {
      for (const seed of ["9007199254740993", "18446744073709551615"]) {
        const body = { ...BODY, sampling: { max_new_tokens: 5, seed } };
        await assert.rejects(client.generate(body), { code: "invalid_argument" });
      }
      assert.deepEqual(rollouts.submitted, []);
    }));

  test("takes a prompt beyond gRPC's usual 4 MiB", () =>
    serving(undefined, async ({ client }, rollouts) => {
      const prompt_token_ids = new Array<number>(2_000_000).fill(100_000);
      await client.generate({ ...BODY, prompt_token_ids });
      assert.equal(rollouts.submitted[0]?.promptTokenIds.length, 2_000_000);
    }));

  const UNSERVED = ["FeedService/Lease", "WeightService/Attach", "NoService/Whatever"];
  for (const method of UNSERVED) {
    test(`${method} is UNIMPLEMENTED, with the typed error, unary and streaming`, () =>
      serving(undefined, async ({ client, errors }) => {
        const path = `/paceline.v1.${method}`;
        const stream = client.raw.makeBidiStreamRequest(path, pass, pass);
        const failed = once(stream, "error");
        // Nobody reads it before it fails; what is sent meanwhile does no harm.
        stream.write(Buffer.from("a message"));
        const unary = await failing(client, path, Buffer.from("a message"));
        for (const error of [unary, ...(await failed)] as ServiceError[]) {
          assert.equal(error.code, status.UNIMPLEMENTED);
          assert.equal(errorFromTrailer(error.metadata)?.code, "unimplemented");
          assert.match(error.details, new RegExp(method.replace("/", ".")));
        }
        assert.deepEqual(errors, ["unimplemented", "unimplemented"]);
      }));
  }

  test("unknown calls of other packages are grpc-js's own to answer", () =>
    serving(undefined, async ({ client, errors }) => {
      const error = await failing(client, "/somebody.else.Service/Call", Buffer.alloc(0));
      assert.deepEqual([error.code, errors], [status.UNIMPLEMENTED, []]);
    }));

  test("a request that does not arrive in time is cut, and told so", async () => {
    const clock = new VirtualClock();
    const rollouts = createScriptedRollouts();
    const { front, client } = await serve(rollouts, clock);
    // A stream of messages, to the client; the server waits for the end of the one that it takes.
    const call = client.raw.makeClientStreamRequest(
      "/paceline.v1.RolloutService/Generate",
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      () => {},
    );
    const failed = once(call, "status");
    call.write(encodeMessage("Rollout", BODY));
    while (clock.timers === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(LIMITS.httpRequestMs);
    const [ended] = (await failed) as [{ code: number }];
    assert.equal(ended.code, status.DEADLINE_EXCEEDED);
    assert.deepEqual(rollouts.submitted, []);
    await client.close();
    await front.close(0);
  });

  test("closing waits for calls that run, then cuts them off", async () => {
    const clock = new VirtualClock();
    const rollouts = createScriptedRollouts(stuck);
    const { front, client } = await serve(rollouts, clock);
    const call = client.generate(BODY).catch((error: unknown) => error);
    const life = await rollouts.arrival("default", "r-1");
    let closed = false;
    const closing = front.close(1_000).then(() => {
      closed = true;
    });
    await clock.advance(999);
    assert.equal(closed, false);
    await clock.advance(1);
    await closing;
    assert.ok((await call) instanceof Error);
    await life.result();
    await client.close();
  });

  test("closing lets a call that ends in time have its answer", async () => {
    const rollouts = createScriptedRollouts(stuck);
    const { front, client } = await serve(rollouts, new VirtualClock());
    const call = client.generate(BODY);
    const life = await rollouts.arrival("default", "r-1");
    const closing = front.close(1_000);
    life.abort("drain");
    assert.equal((await call).finishReason.cause, "drain");
    await client.close();
    await closing;
  });
});

test("reflection names every service", () =>
  serving(undefined, async ({ client }) => {
    for (const version of ["v1", "v1alpha"]) {
      const call = client.raw.makeBidiStreamRequest(
        `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
        pass,
        pass,
      );
      // ServerReflectionRequest { list_services: "*" }
      call.write(Buffer.from([0x3a, 0x01, 0x2a]));
      const [reply] = (await once(call, "data")) as [Buffer];
      call.end();
      // A client that is closed under a call has it fail.
      await once(call, "end");
      for (const service of ["RolloutService", "FleetService", "PolicyService"])
        assert.ok(reply.includes(`paceline.v1.${service}`), `${version} ${service}`);
      assert.ok(reply.includes("grpc.health.v1.Health"));
    }
  }));

suite("grpc.health.v1", () => {
  const health = (service: string): Buffer =>
    Buffer.from(HealthCheckRequest.encode({ service }).finish());
  const check = ({ client }: Served, service: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      client.raw.makeUnaryRequest(
        "/grpc.health.v1.Health/Check",
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => HealthCheckResponse.decode(bytes).status,
        health(service),
        (error, reply) => (error === null ? resolve(reply) : reject(error)),
      );
    });
  const watch = ({ client }: Served, service: string) =>
    client.raw.makeServerStreamRequest(
      "/grpc.health.v1.Health/Watch",
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => HealthCheckResponse.decode(bytes).status,
      health(service),
    );

  test("Check says whether traffic may come", () =>
    serving(undefined, async (served) => {
      assert.equal(await check(served, ""), ServingStatus.SERVING);
      served.readiness.set(false);
      assert.equal(await check(served, "paceline.v1.RolloutService"), ServingStatus.NOT_SERVING);
      await assert.rejects(check(served, "nobody"), { code: status.NOT_FOUND });
    }));

  test("Watch tells each change once, and that the server closes", async () => {
    const rollouts = createScriptedRollouts();
    const served = await serve(rollouts);
    const call = watch(served, "");
    const told = call[Symbol.asyncIterator]();
    assert.equal((await told.next()).value, ServingStatus.SERVING);
    served.readiness.set(false);
    served.readiness.set(false);
    assert.equal((await told.next()).value, ServingStatus.NOT_SERVING);
    served.readiness.set(true);
    assert.equal((await told.next()).value, ServingStatus.SERVING);
    const closing = served.front.close(60_000);
    assert.equal((await told.next()).value, ServingStatus.NOT_SERVING);
    assert.equal((await told.next()).done, true);
    await served.client.close();
    await closing;
    assert.equal(served.readiness.listeners, 0);
  });

  test("Watch of an unknown service stays open and says so", () =>
    serving(undefined, async (served) => {
      const call = watch(served, "nobody");
      call.on("error", () => {});
      const [first] = await once(call, "data");
      assert.equal(first, ServingStatus.SERVICE_UNKNOWN);
      call.cancel();
    }));
});
