import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { suite, test } from "node:test";
import type { Engine, EngineEvent, EngineRequest } from "../../../adapters/engine.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { HeldVersion } from "../../../server/contract/policy.ts";
import type { Rollout } from "../../../server/contract/rollout.ts";
import type { SideChunk } from "../../../server/contract/side-data.ts";
import type { Evidence, WorkerRecord } from "../../../server/fleet/fleet.ts";
import type { LiveFleet } from "../../../server/fleet/live-fleet.ts";
import type { PlacementReply, PlacementRequest } from "../../../server/placement/port.ts";
import type { Ledger } from "../../../server/policy/ledger.ts";
import type { JobsPort } from "../../../server/rollouts/jobs-port.ts";
import { createRollouts } from "../../../server/rollouts/rollouts.ts";
import type { RolloutHandle } from "../../../server/rollouts/service.ts";
import { createSessionCaches } from "../../../server/rollouts/session-caches.ts";
import { policyTokenizer } from "../../../server/rollouts/text.ts";
import { createSessions } from "../../../server/sessions/sessions.ts";
import { createTokenizers } from "../../../server/text/tokenizer.ts";
import { STEP_1 } from "../../support/live-server.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { settle, VirtualClock } from "../../support/virtual-clock.ts";

type Script = (request: EngineRequest, signal: AbortSignal) => AsyncIterable<EngineEvent>;

const HELD: HeldVersion = {
  policy: "default",
  version: 7,
  label: null,
  proof: "digest",
  load: 1,
  digest: "d",
};
const CAPABILITIES = {
  logprobModes: ["processed"],
  sampling: ["seed"],
  resume: { seeded: true, penalties: true },
  spans: "chunk",
  journal: "stream",
  sessionCache: false,
  pause: [],
  weights: { stage: true, proof: "digest" },
  promptLogprobs: false,
  maxTopLogprobs: 0,
  samplingMask: false,
} as const;

const noted = (): void => undefined;

/** A fleet of one worker whose engine follows a script, and an owner that answers as told. */
function world(
  scripts: Script[],
  options: {
    grant?: boolean;
    seeded?: boolean;
    proved?: number[];
    weights?: string;
    jobs?: Partial<JobsPort>;
  } = {},
) {
  const clock = new VirtualClock();
  const sent: PlacementRequest[] = [];
  const evidence: Evidence[] = [];
  const requests: EngineRequest[] = [];
  let receive: (reply: PlacementReply) => void = noted;
  const grant = (key: string, attempt: number): void =>
    receive({
      type: "grant",
      key,
      attempt,
      worker: "w-1",
      slot: 0,
      incarnation: "i1",
      version: 7,
      cacheNamespace: "default@7#1",
      logprobMode: "processed",
      epoch: 1,
    });
  const placement = {
    connect: (to: typeof receive) => {
      receive = to;
    },
    send: (request: PlacementRequest) => {
      sent.push(request);
      if (request.type === "offer" && options.grant !== false)
        grant(request.card.key, request.card.attempt);
    },
  };
  const engine: Pick<Engine, "generate"> = {
    generate: (request, signal) => {
      requests.push(request);
      const script = scripts.shift();
      if (!script) throw new PacelineError("engine_unreachable", "no script left");
      return script(request, signal);
    },
  };
  const worker = {
    id: "w-1",
    engine: "embedded",
    pool: "default",
    policies: [],
    state: "ready",
    description: {
      vocabSize: 300,
      dtype: "float32",
      capabilities: {
        ...CAPABILITIES,
        resume: { seeded: options.seeded !== false, penalties: true },
      },
    },
  } as unknown as WorkerRecord;
  const fleet = {
    engine: () => engine,
    find: () => worker,
    list: () => [worker],
    report: (_id: string, _incarnation: string, what: Evidence) => evidence.push(what),
    listen: () => noted,
  } as unknown as LiveFleet;
  const ledger = {
    policy: (policy: string) => {
      if (policy !== "default") throw new PacelineError("not_found", `no policy ${policy}`);
      return { committedVersion: 8 };
    },
    versions: () => [{ version: 8, source: { path: options.weights ?? STEP_1 } }],
    proved: (_w: string, _i: string, _p: string, version: number) =>
      (options.proved ?? [7, 8]).includes(version) ? { ...HELD, version } : null,
  } as unknown as Ledger;
  const observer = {
    accepted: noted,
    placed: noted,
    tokens: noted,
    attempt: noted,
    traceparent: () => null,
    moved: noted,
    wasted: noted,
    finished: noted,
    failed: noted,
  };
  const jobs = {
    ...{ enter: noted, refused: noted, admits: () => true, left: noted },
    ...options.jobs,
  };
  const log = { warn: noted };
  const caches = createSessionCaches(fleet, clock, log);
  const closed: string[] = [];
  const sessions = createSessions(clock, { ttlMs: 60_000 }, (key) => closed.push(key));
  const tokenizers = createTokenizers();
  const tokenizer = (policy: string) => policyTokenizer(policy, ledger, tokenizers);
  const rollouts = createRollouts(
    { clock, placement, fleet, ledger, jobs, sessions, caches, tokenizer, observer, log },
    { stuckMs: 5000, detachMs: 1000, resultTtlMs: 60_000 },
  );
  return {
    clock,
    sent,
    evidence,
    requests,
    rollouts,
    sessions,
    closed,
    grant,
    receive: (reply: PlacementReply) => receive(reply),
  };
}

const tokens = (start: number, count: number, version = 7, mixed = false): EngineEvent => ({
  type: "tokens",
  chunk: {
    start,
    ids: Uint32Array.from({ length: count }, (_, i) => start + i),
    logprobs: new Float32Array(count).fill(-0.5),
    version,
    mixed,
  },
});
const finished: EngineEvent = {
  type: "finished",
  reason: { type: "length", cause: "max_new", matched: null },
  cachedTokens: 0,
  versions: null,
};

/** Yields events, then throws, hangs until aborted, or ends. */
const play = (events: EngineEvent[], then?: PacelineError | "hang"): Script =>
  async function* (_request, signal) {
    yield* events;
    if (then === "hang") {
      await new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
      );
    } else if (then) throw then;
  };

const unreachable = new PacelineError("engine_unreachable", "socket reset");
const run = async (scripts: Script[], rollout: Partial<Rollout> = {}, options = {}) => {
  const w = world(scripts, options);
  const handle = w.rollouts.submit(sampleRollout(rollout));
  const outcome = await handle.result().catch((error: PacelineError) => error);
  return { ...w, handle, outcome };
};

test("a rollout runs to its end; spans and segments cover it (I2)", async () => {
  const { outcome } = await run([play([tokens(0, 3), tokens(3, 2, 8, true), finished])]);
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual([...outcome.outputTokenIds], [0, 1, 2, 3, 4]);
  assert.deepEqual(
    outcome.spans.map(({ version, start, end, kv }) => [version, start, end, kv]),
    [
      [7, 0, 3, "pure"],
      [8, 3, 5, "mixed"],
    ],
  );
  assert.deepEqual(
    outcome.segments.map(({ start, end, resume }) => [start, end, resume]),
    [
      [0, 3, "none"],
      [3, 5, "none"],
    ],
  );
});

test("a lost worker costs no token: the next attempt goes on from what was streamed (I9)", async () => {
  const { outcome, requests, evidence } = await run([
    play([tokens(0, 3)], unreachable),
    play([tokens(3, 2), finished]),
  ]);
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual([...outcome.outputTokenIds], [0, 1, 2, 3, 4]);
  assert.deepEqual([...(requests[1]?.outputTokenIds ?? [])], [0, 1, 2]);
  assert.deepEqual(
    outcome.segments.map(({ attempt, resume }) => [attempt, resume]),
    [
      [1, "none"],
      [2, "prefill"],
    ],
  );
  assert.equal(outcome.usage.wastedTokens, 0);
  assert.deepEqual(evidence, ["socket_lost", "ok"]);
});

test("where continuing cannot be right it starts over and counts the waste, or refuses (I5)", async () => {
  const scripts = () => [play([tokens(0, 3)], unreachable), play([tokens(0, 2), finished])];
  const restarted = await run(scripts(), { resume: "best" }, { seeded: false });
  assert.ok(!(restarted.outcome instanceof Error));
  assert.equal(restarted.outcome.usage.wastedTokens, 3);
  assert.equal(restarted.outcome.outputTokenIds.length, 2);
  const refused = await run(scripts(), { resume: "required" }, { seeded: false });
  assert.ok(refused.outcome instanceof PacelineError);
  assert.equal(refused.outcome.code, "not_resumable");
  assert.deepEqual(refused.outcome.kept, { output_tokens: 3 });
});

const broken: [string, Script, Evidence][] = [
  [
    "fewer logprobs than ids (I1)",
    play([
      {
        type: "tokens",
        chunk: {
          start: 0,
          ids: new Uint32Array(2),
          logprobs: new Float32Array(1),
          version: 7,
          mixed: false,
        },
      },
    ]),
    "misaligned",
  ],
  [
    "NaN logprob (I1)",
    play([
      {
        type: "tokens",
        chunk: {
          start: 0,
          ids: new Uint32Array(1),
          logprobs: Float32Array.of(Number.NaN),
          version: 7,
          mixed: false,
        },
      },
    ]),
    "misaligned",
  ],
  [
    "a floored logprob (I1)",
    play([
      {
        type: "tokens",
        chunk: {
          start: 0,
          ids: new Uint32Array(1),
          logprobs: Float32Array.of(-9999),
          version: 7,
          mixed: false,
        },
      },
    ]),
    "misaligned",
  ],
  ["a version never proven (I3)", play([tokens(0, 1, 99)]), "misversioned"],
  ["a hole in the output", play([tokens(4, 1)]), "engine_error"],
  ["no finish", play([tokens(0, 1)]), "engine_error"],
];
for (const [name, script, expected] of broken) {
  test(`an engine that answers with ${name} fails the attempt and nothing of it is kept wrongly`, async () => {
    const good =
      name === "no finish" ? play([tokens(1, 1), finished]) : play([tokens(0, 2), finished]);
    const { outcome, evidence, sent } = await run([script, good]);
    assert.ok(!(outcome instanceof Error));
    assert.deepEqual([...outcome.outputTokenIds], [0, 1]);
    assert.equal(evidence[0], expected);
    const offers = sent.filter((request) => request.type === "offer");
    assert.deepEqual(offers[1]?.card.avoid, ["i1"]);
  });
}

const scored = (): Partial<Rollout> => {
  const { want } = sampleRollout({});
  return { want: { ...want, promptLogprobs: { start: 0 } } };
};
const prompt: Extract<EngineEvent, { type: "prompt" }> = {
  type: "prompt",
  prompt: { start: 0, logprobs: Float32Array.of(Number.NaN, -1, -2), version: 7 },
};

test("a prompt is scored once: its logprobs are kept over a lost worker", async () => {
  const { outcome, requests } = await run(
    [play([prompt, tokens(0, 3)], unreachable), play([tokens(3, 2), finished])],
    scored(),
  );
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual(
    requests.map(({ side }) => side?.promptLogprobs),
    [{ start: 0 }, null],
  );
  assert.deepEqual(outcome.side?.prompt, prompt.prompt);
});

test("scores of a prompt beyond a lag limit are withheld (I8)", async () => {
  const { outcome } = await run([play([prompt, finished])], {
    ...scored(),
    sampling: { ...sampleRollout({}).sampling, maxNewTokens: 0 },
    version: { max_lag: 0 },
  });
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual([outcome.finishReason.cause, outcome.side], ["stale", null]);
});

for (const [name, events] of [
  ["forgets them", [tokens(0, 2), finished]],
  [
    "gives too few",
    [{ ...prompt, prompt: { ...prompt.prompt, logprobs: Float32Array.of(Number.NaN, -1) } }],
  ],
  ["names a version never proven", [{ ...prompt, prompt: { ...prompt.prompt, version: 99 } }]],
] as const) {
  test(`an engine asked for a prompt's logprobs that ${name} fails the attempt`, async () => {
    const { outcome, evidence } = await run(
      [play([...events]), play([prompt, tokens(events.length === 2 ? 2 : 0, 2), finished])],
      scored(),
    );
    assert.ok(!(outcome instanceof Error));
    assert.equal(evidence[0], name.includes("version") ? "misversioned" : "misaligned");
    assert.equal(outcome.side?.prompt?.logprobs.length, 3);
  });
}

const rowed = (): Partial<Rollout> => {
  const { want } = sampleRollout({});
  return { want: { ...want, topLogprobs: 2, samplingMask: true } };
};
/** Two alternatives and a mask of three a token. */
function withRows(start: number, count: number, over: Partial<SideChunk> = {}): EngineEvent {
  const offsets = (width: number): Uint32Array =>
    Uint32Array.from({ length: count + 1 }, (_, row) => row * width);
  const at = (width: number, i: number): number => start + Math.floor(i / width) + (i % width);
  const rows = (width: number) => ({
    offsets: offsets(width),
    ids: Uint32Array.from({ length: width * count }, (_, i) => at(width, i)),
  });
  const logprobs = Float32Array.from({ length: 2 * count }, (_, i) => -1 - (i % 2));
  const side = { top: { ...rows(2), logprobs }, mask: rows(3), ...over };
  const event = tokens(start, count);
  assert.equal(event.type, "tokens");
  return { ...event, side } as EngineEvent;
}

test("rows of side data are kept over a lost worker, and not asked for again", async () => {
  const { outcome } = await run(
    [play([withRows(0, 3)], unreachable), play([withRows(3, 2), finished])],
    rowed(),
  );
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual([...(outcome.side?.top?.offsets ?? [])], [0, 2, 4, 6, 8, 10]);
  assert.deepEqual([...(outcome.side?.top?.ids ?? [])], [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]);
  assert.deepEqual([...(outcome.side?.mask?.offsets ?? [])], [0, 3, 6, 9, 12, 15]);
});

const three = Uint32Array.of(0, 1, 2);
for (const [name, event] of [
  ["no rows", tokens(0, 2)],
  ["no mask", withRows(0, 2, { mask: null })],
  ["no alternatives", withRows(0, 2, { top: null })],
  ["a row too few", withRows(0, 2, { mask: { offsets: Uint32Array.of(0, 3), ids: three } })],
  ["an empty row", withRows(0, 2, { mask: { offsets: Uint32Array.of(0, 3, 3), ids: three } })],
  [
    "a mask without its token",
    withRows(0, 2, { mask: { offsets: Uint32Array.of(0, 2, 3), ids: Uint32Array.of(0, 1, 7) } }),
  ],
  [
    "more alternatives than asked for",
    withRows(0, 1, {
      top: {
        offsets: Uint32Array.of(0, 3),
        ids: three,
        logprobs: Float32Array.of(-1, -2, -3),
      },
    }),
  ],
  [
    "alternatives out of order",
    withRows(0, 1, {
      top: {
        offsets: Uint32Array.of(0, 2),
        ids: Uint32Array.of(0, 1),
        logprobs: Float32Array.of(-2, -1),
      },
    }),
  ],
] as const) {
  test(`tokens with ${name} are misaligned, and nothing of them is kept`, async () => {
    const { outcome, evidence } = await run(
      [play([event]), play([withRows(0, 2), finished])],
      rowed(),
    );
    assert.ok(!(outcome instanceof Error));
    assert.equal(evidence[0], "misaligned");
    assert.deepEqual([...outcome.outputTokenIds], [0, 1]);
    assert.equal(outcome.side?.mask?.ids.length, 6);
  });
}

test("a sampling mask beyond its limit ends the rollout, and is not cut", async () => {
  const width = 1 << 20;
  const ids = Uint32Array.from({ length: 3 * width }, (_, i) => i % width);
  const mask = { offsets: Uint32Array.of(0, width, 2 * width, 3 * width), ids };
  const events = [withRows(0, 3, { mask }), withRows(3, 3, { mask })];
  const { outcome } = await run([play([...events, finished])], rowed());
  assert.ok(outcome instanceof PacelineError);
  assert.equal(outcome.code, "side_data_too_large");
});

test("side data that cannot keep to its limits is refused before any work", () => {
  const { rollouts } = world([]);
  const sampling = { ...sampleRollout({}).sampling, maxNewTokens: 100_000 };
  const { want } = sampleRollout({});
  for (const [path, over] of [
    ["want.top_logprobs", { topLogprobs: 64 }],
    ["want.sampling_mask", { samplingMask: true }],
  ] as const) {
    assert.throws(
      () => rollouts.submit(sampleRollout({ sampling, want: { ...want, ...over } })),
      (error) =>
        error instanceof PacelineError &&
        error.code === "side_data_too_large" &&
        error.details["path"] === path,
    );
  }
});

/** Bytes are ids, so that what is made reads as text. */
function spoken(start: number, text: string): EngineEvent {
  const ids = Uint32Array.from(Buffer.from(text));
  const logprobs = new Float32Array(ids.length).fill(-0.5);
  return { type: "tokens", chunk: { start, ids, logprobs, version: 7, mixed: false } };
}
const sampling = (over: Partial<Rollout["sampling"]>): Partial<Rollout> => ({
  sampling: { ...sampleRollout({}).sampling, maxNewTokens: 40, ...over },
});
const textOf = (ids: Uint32Array): string => Buffer.from(ids).toString();

test("a stop string ends the rollout at its last token, and the attempt inside the engine", async () => {
  let left = false;
  const script: Script = async function* () {
    try {
      yield spoken(0, "12, 1");
      yield spoken(5, "3;45;6");
      assert.fail("read on");
    } finally {
      left = true;
    }
  };
  const { outcome, sent } = await run([script], sampling({ stop: ["nowhere", "3;4"] }));
  assert.ok(!(outcome instanceof Error));
  assert.equal(textOf(outcome.outputTokenIds), "12, 13;4");
  assert.equal(outcome.logprobs.length, 8);
  assert.deepEqual(outcome.finishReason, { type: "stop", cause: "stop_string", matched: "3;4" });
  assert.equal(outcome.usage.wastedTokens, 3);
  assert.ok(left, "the engine was left");
  const done = sent.find((request) => request.type === "done");
  assert.deepEqual([done?.outcome, done?.outputTokens], ["finished", 8]);
});

test("a stop string is found across attempts, and over the border of continued tokens", async () => {
  const lost = await run(
    [play([spoken(0, "abc→d".slice(0, 3))], unreachable), play([spoken(3, "→de"), finished])],
    sampling({ stop: ["c→"] }),
  );
  assert.ok(!(lost.outcome instanceof Error));
  assert.equal(textOf(lost.outcome.outputTokenIds), "abc→");
  const { continueFrom } = continued("ab");
  const rest = await run([play([spoken(2, "cd"), finished])], {
    ...sampling({ stop: ["bc", "a"] }),
    continueFrom,
  });
  assert.ok(!(rest.outcome instanceof Error));
  assert.deepEqual(
    [textOf(rest.outcome.outputTokenIds), rest.outcome.finishReason.matched],
    ["abc", "bc"],
  );
});

test("rows of side data end with the token that completes a stop string", async () => {
  const bytes = Uint32Array.from(Buffer.from("abcd"));
  const offsets = Uint32Array.of(0, 1, 2, 3, 4);
  const side = { top: null, mask: { offsets, ids: bytes } };
  const { want } = sampleRollout({});
  const { outcome } = await run([play([{ ...spoken(0, "abcd"), side } as EngineEvent])], {
    ...sampling({ stop: ["b"] }),
    want: { ...want, samplingMask: true },
  });
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual([...(outcome.side?.mask?.offsets ?? [])], [0, 1, 2]);
  assert.equal(textOf(outcome.side?.mask?.ids ?? new Uint32Array(0)), "ab");
});

test("bad words reach the engine as tokens, with and without a space before them", async () => {
  const badWords = ["no", " yes"];
  const { requests } = await run([play([spoken(0, "a"), finished])], sampling({ badWords }));
  const words = requests[0]?.badWords.map((ids) => textOf(Uint32Array.from(ids)));
  assert.deepEqual(words, ["no", " no", " yes"]);
});

for (const field of ["stop", "badWords"] as const) {
  test(`${field} without a tokenizer are unsupported, and no engine is touched`, () => {
    const { rollouts, sent } = world([], { weights: tmpdir() });
    assert.throws(
      () => rollouts.submit(sampleRollout(sampling({ [field]: ["x"] }))),
      (error) =>
        error instanceof PacelineError &&
        error.code === "unsupported" &&
        error.details["path"] === (field === "stop" ? "sampling.stop" : "sampling.bad_words"),
    );
    assert.deepEqual(sent, []);
  });
}

/** Tokens of an earlier rollout, made under version 7. */
function continued(text: string): Pick<Rollout, "continueFrom"> {
  const ids = Uint32Array.from(Buffer.from(text));
  const logprobs = new Float32Array(ids.length).fill(-0.25);
  const span = {
    version: 7,
    label: null,
    baseVersion: null,
    kv: "pure",
    attested: "engine",
  } as const;
  return {
    continueFrom: {
      outputTokenIds: ids,
      logprobs,
      spans: [{ ...span, start: 0, end: ids.length }],
    },
  };
}

test("a rollout that must start over keeps the tokens that it was given to go on from", async () => {
  const { outcome, requests, handle } = await run(
    [play([spoken(2, "xyz")], unreachable), play([spoken(2, "cd"), finished])],
    { ...sampling({}), ...continued("ab") },
    { seeded: false },
  );
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual(
    requests.map(({ outputTokenIds }) => textOf(outputTokenIds)),
    ["ab", "ab"],
  );
  assert.equal(textOf(outcome.outputTokenIds), "abcd");
  assert.equal(outcome.usage.wastedTokens, 3);
  assert.deepEqual(
    outcome.segments.map(({ worker, start, end }) => [worker, start, end]),
    [
      [null, 0, 2],
      ["w-1", 2, 4],
    ],
  );
  for await (const batch of handle.events(0, new AbortController().signal)) {
    const first = batch.find(({ event }) => event.type === "tokens")?.event;
    assert.ok(first?.type === "tokens" && first.chunk.start === 0, "readers are told of them");
    break;
  }
});

test("the same id and body joins; another body conflicts; an expired result is never made again (I4)", async () => {
  const { rollouts, handle, clock } = await run([play([tokens(0, 1), finished])]);
  assert.equal(rollouts.submit(sampleRollout({})), handle);
  assert.throws(() => rollouts.submit(sampleRollout({ bodyHash: "other" })), { code: "conflict" });
  await clock.advance(60_001);
  assert.throws(() => rollouts.get("default", "r-1"), { code: "not_found" });
  assert.throws(() => rollouts.submit(sampleRollout({})), { code: "not_found" });
});

test("a unary reader that leaves ends its rollout inside the engine", async () => {
  let aborted = false;
  const w = world([
    async function* (_request, signal) {
      yield tokens(0, 2);
      await new Promise<void>((resolve) =>
        signal.addEventListener("abort", () => resolve(), { once: true }),
      );
      aborted = true;
      throw signal.reason;
    },
  ]);
  const handle = w.rollouts.submit(sampleRollout({}));
  const leave = handle.attach("unary");
  await settle();
  leave();
  const result = await handle.result();
  await settle();
  assert.deepEqual(
    [result.finishReason.type, result.finishReason.cause, result.outputTokenIds.length],
    ["abort", "client", 2],
  );
  assert.ok(aborted);
});

test("a stream may come back within detach_ms; the last reader gone ends it", async () => {
  const w = world([play([tokens(0, 2)], "hang")]);
  const handle = w.rollouts.submit(sampleRollout({}));
  handle.attach("stream")();
  await w.clock.advance(900);
  const leave = handle.attach("stream");
  await w.clock.advance(2000);
  assert.equal(handle.progress().state, "running");
  leave();
  await w.clock.advance(1001);
  assert.equal((await handle.result()).finishReason.cause, "client");
});

test("timeout keeps the tokens of a placed rollout; one never placed ends in what held it", async () => {
  const placed = world([play([tokens(0, 2)], "hang")]);
  const first = placed.rollouts.submit(sampleRollout({ timeoutMs: 100 }));
  await settle();
  await placed.clock.advance(101);
  const result = await first.result();
  assert.deepEqual([result.finishReason.cause, result.outputTokenIds.length], ["timeout", 2]);
  const held = world([], { grant: false });
  const second = held.rollouts.submit(sampleRollout({ timeoutMs: 100 }));
  held.receive({ type: "held", key: "default/r-1", reason: "version_unavailable" });
  assert.equal(second.progress().state, "held");
  const failure = assert.rejects(second.result(), { code: "version_unavailable" });
  await held.clock.advance(101);
  await failure;
});

test("a wall clock that jumps by hours neither hastens a timeout nor puts it off", async () => {
  for (const hours of [5, -5]) {
    const w = world([play([tokens(0, 2)], "hang")]);
    const handle = w.rollouts.submit(sampleRollout({ timeoutMs: 100 }));
    w.clock.jumpWall(hours * 3_600_000);
    await w.clock.advance(99);
    assert.equal(handle.progress().state, "running");
    w.clock.jumpWall(-2 * hours * 3_600_000);
    await w.clock.advance(1);
    assert.equal((await handle.result()).finishReason.cause, "timeout");
  }
});

test("a revoke ends the attempt, keeps its tokens and asks again; late grants change nothing", async () => {
  const w = world([play([tokens(0, 2)], "hang"), play([tokens(2, 1), finished])]);
  const handle = w.rollouts.submit(sampleRollout({}));
  await settle();
  w.grant("default/r-1", 1);
  w.receive({ type: "revoke", key: "default/r-1", attempt: 9, reason: "drain" });
  await settle();
  assert.equal(w.requests.length, 1);
  w.receive({ type: "revoke", key: "default/r-1", attempt: 1, reason: "update" });
  const result = await handle.result();
  assert.deepEqual([...result.outputTokenIds], [0, 1, 2]);
  assert.deepEqual(
    w.sent.map(({ type }) => type),
    ["offer", "done", "offer", "done"],
  );
});

test("a stuck stream is reported each window and given up after three", async () => {
  const w = world([play([tokens(0, 1)], "hang"), play([tokens(1, 1), finished])]);
  const handle = w.rollouts.submit(sampleRollout({}));
  await settle();
  await w.clock.advance(4 * 5000);
  const result = await handle.result();
  assert.equal(result.outputTokenIds.length, 2);
  assert.deepEqual(w.evidence.filter((what) => what === "stuck").length, 3);
});

test("a lag limit broken at reply withholds the tokens (I8)", async () => {
  const { outcome } = await run([play([tokens(0, 2), finished])], { version: { max_lag: 0 } });
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual(
    [outcome.finishReason.cause, outcome.outputTokenIds.length, outcome.usage.wastedTokens],
    ["stale", 0, 2],
  );
});

const refused: [string, Partial<Rollout>, string][] = [
  ["an unknown policy", { policy: "nobody" }, "not_found"],
  ["a prompt id out of vocabulary", { promptTokenIds: Uint32Array.of(1, 300) }, "invalid_argument"],
  ["feed delivery", { deliver: "feed" }, "unsupported"],
];
for (const [name, rollout, code] of refused) {
  test(`${name} is refused before any engine is touched`, () => {
    const w = world([]);
    assert.throws(() => w.rollouts.submit(sampleRollout(rollout)), { code });
    assert.equal(w.sent.length, 0);
  });
}

suite("a rollout that its job holds", () => {
  const held = () => {
    const opened: (() => void)[] = [];
    const left: string[] = [];
    const w = world([play([tokens(0, 2), finished])], {
      jobs: {
        admits: (_rollout, open) => {
          opened.push(open);
          return false;
        },
        left: ({ id }, ending) => left.push(`${id} ${Object.keys(ending)}`),
      },
    });
    return { ...w, opened, left, handle: w.rollouts.submit(sampleRollout({ timeoutMs: 1000 })) };
  };

  test("asks for no place, and goes on when it is let in", async () => {
    const { opened, left, handle, sent } = held();
    assert.deepEqual([handle.progress().state, sent.length], ["held", 0]);
    opened[0]?.();
    assert.equal((await handle.result()).finishReason.type, "length");
    assert.deepEqual(left, ["r-1 result"]);
  });

  test("ends in quota_exceeded when its time is over", async () => {
    const { clock, left, handle } = held();
    const ending = assert.rejects(handle.result(), { code: "quota_exceeded" });
    await clock.advance(1000);
    await ending;
    assert.deepEqual(left, ["r-1 error"]);
  });
});

test("one that its job refuses does not exist", () => {
  const refuse = (): never => {
    throw new PacelineError("quota_exceeded", "full");
  };
  const { rollouts, sent } = world([], { jobs: { enter: refuse, left: () => assert.fail() } });
  assert.throws(() => rollouts.submit(sampleRollout({})), { code: "quota_exceeded" });
  assert.throws(() => rollouts.get("default", "r-1"), { code: "not_found" });
  assert.equal(sent.length, 0);
});

test("an abort of a job ends its rollouts, keeps their tokens and leaves the others alone", async () => {
  const scripts = Array.from({ length: 3 }, () => play([tokens(0, 2)], "hang"));
  const { rollouts } = world(scripts);
  const ids = ["a/1", "a/2", "b/1"].map((key) => key.split("/") as [string, string]);
  const handles = ids.map(([job, id]) => rollouts.submit(sampleRollout({ job, id })));
  await settle();
  assert.equal(await rollouts.abortJob("a", "client"), 2);
  for (const handle of handles.slice(0, 2)) {
    const { finishReason, usage } = await handle.result();
    assert.deepEqual([finishReason.cause, usage.outputTokens], ["client", 2]);
  }
  assert.equal(handles[2]?.progress().state, "running");
  assert.equal(await rollouts.abortJob("a", "client"), 0);
});

test("drain takes nothing new, waits, then ends what is left as partial", async () => {
  const w = world([play([tokens(0, 2)], "hang")]);
  const handle = w.rollouts.submit(sampleRollout({}));
  await settle();
  const drained = w.rollouts.drain(1000);
  assert.throws(() => w.rollouts.submit(sampleRollout({ id: "r-2" })), { code: "shutting_down" });
  await w.clock.advance(1001);
  await drained;
  const result = await handle.result();
  assert.deepEqual([result.finishReason.cause, result.outputTokenIds.length], ["drain", 2]);
});

test("readers with a cursor see every event once, chunks of one version joined", async () => {
  const { handle } = await run([
    play([tokens(0, 1), tokens(1, 1), tokens(2, 1, 8, true), finished]),
  ]);
  const all = ["0 accepted", "1 placed", "3 tokens 0+2", "4 tokens 2+1", "5 finished"];
  assert.deepEqual(await seenFrom(handle, 0), all);
  // A reader that comes back in the middle of what was joined gets the rest of it.
  assert.deepEqual(await seenFrom(handle, 3), ["3 tokens 1+1", "4 tokens 2+1", "5 finished"]);
  assert.deepEqual(await seenFrom(handle, 5), ["5 finished"]);
});

async function seenFrom(handle: RolloutHandle, from: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const batch of handle.events(from, new AbortController().signal)) {
    for (const { seq, event } of batch) {
      seen.push(
        `${seq} ${event.type}${event.type === "tokens" ? ` ${event.chunk.start}+${event.chunk.ids.length}` : ""}`,
      );
    }
  }
  return seen;
}

test("workers that all failed it are asked once more; then it ends in what the last one said", async () => {
  const broken = (): Script => play([tokens(0, 1, 99)]);
  const w = world([broken(), broken()], { grant: false });
  const key = "default/r-1";
  const handle = w.rollouts.submit(sampleRollout({}));
  const failure = assert.rejects(handle.result(), { code: "engine_error" });
  for (const attempt of [1, 3]) {
    w.grant(key, attempt);
    await settle();
    w.receive({ type: "held", key, reason: "no_eligible_worker" });
  }
  await failure;
  const offers = w.sent.filter((request) => request.type === "offer");
  assert.deepEqual(
    offers.map(({ card }) => card.avoid),
    [[], ["i1"], [], ["i1"]],
  );
  assert.deepEqual(w.sent.at(-1), { type: "withdraw", key });
});

test("a timeout after nothing but failed attempts is their error, not an empty Result", async () => {
  const w = world([play([tokens(0, 1, 99)])], { grant: false });
  const handle = w.rollouts.submit(sampleRollout({ timeoutMs: 100 }));
  const failure = assert.rejects(handle.result(), { code: "engine_error" });
  w.grant("default/r-1", 1);
  await settle();
  await w.clock.advance(101);
  await failure;
});

test("a session's turns keep their order; what was aborted or failed is open again", async () => {
  const whole = play([tokens(0, 3), finished]);
  const refused = new PacelineError("internal", "odd");
  const w = world([whole, play([], refused), play([tokens(0, 2)], "hang"), whole]);
  const turn = (id: string, number: number, final = false) =>
    w.rollouts.submit(sampleRollout({ id, session: { id: "s", turn: number, branch: 0, final } }));
  await turn("a", 0).result();
  // Repeated, it is the same turn.
  await turn("a", 0).result();
  assert.throws(() => turn("b", 0), { code: "conflict" });
  assert.throws(() => turn("b", 2), { code: "conflict" });
  await assert.rejects(turn("b", 1).result(), { code: "internal" });
  const slow = turn("b2", 1);
  assert.throws(() => turn("c", 2), { code: "conflict" });
  await w.rollouts.abort("default", "b2", "client");
  await slow.result();
  assert.deepEqual(w.closed, []);
  await turn("b3", 1, true).result();
  assert.deepEqual(w.closed, ["default/s"]);
  assert.throws(() => turn("c", 2), { code: "conflict", message: /finished/ });
  assert.deepEqual(w.sessions.finish("default", "s"), {
    id: "s",
    job: "default",
    turns: 2,
    branches: 1,
  });
});
