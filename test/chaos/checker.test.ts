/** The checker finds what is wrong: each lie, told by a seeded liar in otherwise honest evidence, by its name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createResult, type Result } from "../../server/contract/result.ts";
import { createReplayer } from "../../server/engine/replay.ts";
import { samplingOf } from "../support/core-sampling.ts";
import { STEP_1, STEP_2 } from "../support/live-server.ts";
import { seededRandom, testSeed } from "../support/seeded-random.ts";
import { createDraw, type Draw } from "./bodies.ts";
import { check } from "./checker.ts";
import type { Account, Body, Evidence, Fault, Finding, LifeEvent } from "./evidence.ts";
import { regenerate } from "./regeneration.ts";

const ROLLOUTS = 8;
const TOKENS = 24;

const body = (id: string, seed: number): Body => ({
  id,
  job: "j",
  prompt_token_ids: [...Buffer.from("12+34=")],
  sampling: { max_new_tokens: TOKENS, seed, temperature: 1, ignore_eos: true },
});

/** What the demo policy makes under `STEP_1`: each token drawn, put in its place, and drawn on. */
function resultOf(sent: Body): Result {
  const replayer = createReplayer({ directory: STEP_1 });
  const output: number[] = [];
  let logprobs = new Float32Array();
  while (output.length <= TOKENS) {
    const guess = Uint32Array.from([...output, 0]);
    const run = { start: 0, end: guess.length, weights: STEP_1, rebuild: true };
    const replay = replayer.replay({
      promptTokenIds: Uint32Array.from(sent.prompt_token_ids),
      outputTokenIds: guess,
      sampling: samplingOf(sent),
      siblingIndex: 0,
      logprobMode: "processed",
      runs: [run],
    });
    logprobs = replay.logprobs.slice(0, output.length);
    output.push(replay.tokenIds.at(-1) as number);
  }
  const range = { start: 0, end: TOKENS };
  return createResult({
    id: sent.id,
    job: sent.job,
    policy: "default",
    group: null,
    session: null,
    outputTokenIds: Uint32Array.from(output.slice(0, TOKENS)),
    logprobs,
    logprobMode: "processed",
    finishReason: { type: "length", cause: "max_new", matched: null },
    spans: [
      { ...range, version: 1, label: null, baseVersion: null, kv: "pure", attested: "engine" },
    ],
    segments: [
      {
        ...range,
        worker: "w-1",
        slot: 0,
        incarnation: "i-1",
        attempt: 1,
        resume: "none",
        logprobMode: "processed",
        numerics: { dtype: "float32" },
      },
    ],
    routing: {
      worker: "w-1",
      queueMs: 0,
      prefillMs: 0,
      decodeMs: 0,
      cachedTokens: 0,
      attempts: 1,
      moves: 0,
    },
    usage: { promptTokens: sent.prompt_token_ids.length, outputTokens: TOKENS, wastedTokens: 0 },
    stale: null,
    side: null,
  });
}

function honest(draw: Draw): Evidence {
  const accounts = Array.from({ length: ROLLOUTS }, (_, i): Account => {
    const sent = body(`r-${i}`, draw.below(2 ** 31));
    const result = resultOf(sent);
    const { outputTokenIds: ids, logprobs } = result;
    const half = TOKENS / 2;
    const chunk = (start: number, end: number) => ({
      start,
      ids: ids.slice(start, end),
      logprobs: logprobs.slice(start, end),
      version: 1,
      mixed: false,
    });
    const events = [
      { at: 20, seq: 0, event: { type: "accepted", id: sent.id } },
      { at: 21, seq: 1, event: { type: "tokens", chunk: chunk(0, half) } },
      { at: 22, seq: 2, event: { type: "tokens", chunk: chunk(half, TOKENS) } },
    ] as const;
    const ending = { type: "result", result } as const;
    return { way: "sse", body: sent, sentAt: 10, endedAt: 30, events: [...events], ending };
  });
  const version = (number: number, at: number) => ({
    type: "version",
    at,
    policy: "default",
    version: number,
    state: "committed",
  });
  const of = (id: string) => ({ job: "j", rollout: id });
  const told = [
    version(1, 1),
    {
      type: "holds",
      at: 2,
      worker: "w-1",
      incarnation: "i-1",
      holds: [{ policy: "default", version: 1 }],
    },
    ...accounts.map((one) => ({ type: "rollout_accepted", at: 20, ...of(one.body.id) })),
    ...accounts.map((one) => ({
      type: "rollout_finished",
      at: 29,
      ...of(one.body.id),
      finish: "length",
      cause: "max_new",
    })),
    version(2, 100),
  ];
  return {
    accounts,
    events: told.map((event, offset): LifeEvent => ({ offset, ...event })),
    disturbances: [],
    metrics: `paceline_rollouts_total{finish="length"} ${ROLLOUTS}\npaceline_stale_tokens_total 0\n`,
    sources: new Map([
      [1, STEP_1],
      [2, STEP_2],
    ]),
    footprints: [],
  };
}

type Change = (result: Result) => Partial<Result>;

/** The same evidence with one account's Result changed, as a server that lies in it would have it. */
function withResult(evidence: Evidence, at: number, change: Change): Evidence {
  const accounts = evidence.accounts.map((account, i): Account => {
    if (i !== at || account.ending?.type !== "result") return account;
    const { result } = account.ending;
    return {
      ...account,
      events: [],
      ending: { type: "result", result: { ...result, ...change(result) } },
    };
  });
  return { ...evidence, accounts };
}

const LIES: readonly [
  name: string,
  fault: Fault,
  lie: (evidence: Evidence, at: number, draw: Draw) => Evidence,
][] = [
  [
    "a Result that never came",
    "lost",
    (evidence, at) => ({
      ...evidence,
      accounts: evidence.accounts.map((one, i) => (i === at ? { ...one, ending: null } : one)),
    }),
  ],
  [
    "an accepted rollout without an end",
    "lost",
    (evidence, at) => ({
      ...evidence,
      events: evidence.events.map((event) =>
        event.type === "rollout_finished" && event["rollout"] === `r-${at}`
          ? { ...event, type: "worker" }
          : event,
      ),
    }),
  ],
  [
    "another content for a retry",
    "duplicated",
    (evidence, at) => {
      const again = withResult(evidence, at, ({ outputTokenIds }) => ({
        outputTokenIds: outputTokenIds.map((id) => id ^ 1),
      }));
      return { ...evidence, accounts: [...evidence.accounts, again.accounts[at] as Account] };
    },
  ],
  [
    "an id that finished twice",
    "duplicated",
    (evidence, at) => {
      const twice = evidence.events.filter(
        ({ type, rollout }) => type === "rollout_finished" && rollout === `r-${at}`,
      );
      const events = [...evidence.events, ...twice].map((event, offset) => ({ ...event, offset }));
      return { ...evidence, events };
    },
  ],
  [
    "a stream that says another token",
    "misaligned",
    (evidence, at, draw) => {
      const token = draw.below(TOKENS / 2);
      const accounts = evidence.accounts.map((account, i): Account => {
        if (i !== at) return account;
        const events = account.events.map((seen, nth) => {
          if (nth !== 1 || seen.event.type !== "tokens") return seen;
          const { chunk } = seen.event;
          const ids = chunk.ids.map((id, k) => (k === token ? id ^ 1 : id));
          return { ...seen, event: { ...seen.event, chunk: { ...chunk, ids } } };
        });
        return { ...account, events };
      });
      return { ...evidence, accounts };
    },
  ],
  [
    "an event that came twice",
    "misaligned",
    (evidence, at) => ({
      ...evidence,
      accounts: evidence.accounts.map((one, i) =>
        i === at ? { ...one, events: one.events.flatMap((seen) => [seen, seen]) } : one,
      ),
    }),
  ],
  [
    "one logprob too few",
    "misaligned",
    (evidence, at) =>
      withResult(evidence, at, ({ logprobs }) => ({ logprobs: logprobs.subarray(1) })),
  ],
  [
    "a gap between spans",
    "misaligned",
    (evidence, at, draw) =>
      withResult(evidence, at, ({ spans }) => ({
        spans: spans.map((span) => ({ ...span, start: 1 + draw.below(TOKENS - 1) })),
      })),
  ],
  [
    "a shifted logprob",
    "misversioned",
    (evidence, at, draw) => {
      const token = draw.below(TOKENS);
      return withResult(evidence, at, ({ logprobs }) => ({
        logprobs: logprobs.map((one, i) => (i === token ? one - 0.001 : one)),
      }));
    },
  ],
  [
    "a version that was committed later",
    "misversioned",
    (evidence, at) =>
      withResult(evidence, at, ({ spans }) => ({
        spans: spans.map((span) => ({ ...span, version: 2 })),
      })),
  ],
  [
    "a worker that never proved its version",
    "misversioned",
    (evidence, at) =>
      withResult(evidence, at, ({ segments }) => ({
        segments: segments.map((segment) => ({ ...segment, incarnation: "i-0" })),
      })),
  ],
  [
    "weights that are not the version's",
    "misversioned",
    (evidence) => ({ ...evidence, sources: new Map([[1, STEP_2]]) }),
  ],
  [
    "events that are missing",
    "other",
    (evidence, at) => ({ ...evidence, events: evidence.events.toSpliced(at, 1) }),
  ],
];

test("each lie is found, and an honest server accused of nothing", async (t) => {
  const seed = testSeed("checker");
  const draw = createDraw(seededRandom(seed));
  const evidence = honest(draw);
  const judge = (one: Evidence): Finding[] => {
    const findings = check(one);
    regenerate(one, ROLLOUTS, createDraw(seededRandom(seed)), (fault, what) =>
      findings.push({ fault, what }),
    );
    return findings;
  };
  assert.deepEqual(judge(evidence), []);
  for (const [name, fault, lie] of LIES) {
    await t.test(name, () => {
      const findings = judge(lie(evidence, draw.below(ROLLOUTS), draw));
      assert.ok(
        findings.some((finding) => finding.fault === fault),
        JSON.stringify(findings),
      );
    });
  }
});
