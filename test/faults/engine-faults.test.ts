/**
 * What an engine can do wrong while it generates, over a whole server: 20 seeded rollouts are in flight on
 * two engines, one of them misbehaves, and every rollout still answers exactly the undisturbed tokens.
 */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { FaultKind } from "../../adapters/embedded/wire.ts";
import { ERRORS } from "../../server/contract/errors.ts";
import { seededRandom, testSeed } from "../support/seeded-random.ts";
import { expect, type Failure, type SimulatedFleet, withFleet } from "./simulated-fleet.ts";

const ROLLOUTS = 20;
const seed = testSeed("engine faults");

interface Body {
  readonly id: string;
  readonly prompt_token_ids: readonly number[];
  readonly sampling: Readonly<Record<string, unknown>>;
  readonly group: { readonly id: string; readonly size: number; readonly index: number };
}

interface Reply {
  readonly id: string;
  readonly output_token_ids: readonly number[];
  readonly logprobs: readonly number[];
  readonly finish_reason: { readonly type: string; readonly cause: string };
  readonly spans: readonly {
    readonly version: number;
    readonly start: number;
    readonly end: number;
    readonly attested: string;
  }[];
  readonly segments: readonly {
    readonly start: number;
    readonly end: number;
    readonly worker: string;
  }[];
  readonly routing: { readonly attempts: number; readonly moves: number };
  readonly usage: { readonly output_tokens: number; readonly wasted_tokens: number };
}

function bodies(): Body[] {
  const random = seededRandom(seed);
  const below = (limit: number): number => random.u32() % limit;
  return Array.from({ length: ROLLOUTS }, (_, i) => ({
    id: `r-${i}`,
    prompt_token_ids: Array.from({ length: 4 + below(60) }, () => below(32_000)),
    sampling: {
      max_new_tokens: 60 + below(60),
      ignore_eos: true,
      seed: below(2 ** 31),
      temperature: below(4) === 0 ? 0 : 1,
    },
    group: { id: `g-${i >> 2}`, size: 4, index: i & 3 },
  }));
}

const sendAll = (fleet: SimulatedFleet, more: Record<string, unknown> = {}) =>
  Promise.all(
    bodies().map((body) =>
      fleet.server.call<Reply & Failure>("POST", "/v1/rollouts", { ...body, ...more }),
    ),
  );

let calm: readonly Reply[] = [];
before(() =>
  withFleet({}, async (fleet) => {
    calm = (await sendAll(fleet)).map((reply) => {
      expect(200, reply);
      return reply.body;
    });
    for (const { routing } of calm) assert.equal(routing.attempts, 1, "calm means undisturbed");
  }),
);

/** Tokens, alignment and cover of all; answers how many attempts there were beyond the first. */
function assertUndisturbed(replies: readonly { status: number; body: Reply & Failure }[]): number {
  let further = 0;
  replies.forEach((reply, i) => {
    expect(200, reply);
    const { body } = reply;
    const want = calm[i];
    assert.ok(want);
    assert.equal(body.error, undefined, "no error inside a 200");
    assert.deepEqual(body.output_token_ids, want.output_token_ids, `tokens of ${body.id}`);
    assert.deepEqual(body.logprobs, want.logprobs, `logprobs of ${body.id}`);
    assert.deepEqual(body.finish_reason, want.finish_reason);
    assert.equal(body.usage.output_tokens, body.output_token_ids.length);
    for (const ranges of [body.spans, body.segments]) {
      let at = 0;
      for (const { start, end } of ranges) {
        assert.ok(start === at && end > start, JSON.stringify(ranges));
        at = end;
      }
      assert.equal(at, body.output_token_ids.length);
    }
    for (const span of body.spans) {
      assert.equal(span.version, 1);
      assert.equal(span.attested, "engine");
    }
    further += body.routing.attempts - 1;
  });
  return further;
}

/** Each token was counted once or is told as wasted, and the same call again answers the same Result. */
async function assertOnce(
  fleet: SimulatedFleet,
  replies: readonly { body: Reply }[],
): Promise<void> {
  const delivered = replies.reduce(
    (sum, { body }) => sum + body.usage.output_tokens + body.usage.wasted_tokens,
    0,
  );
  assert.equal(await fleet.metric("paceline_output_tokens_total"), delivered);
  const again = await sendAll(fleet);
  assert.deepEqual(
    again.map(({ body }) => body),
    replies.map(({ body }) => body),
  );
  assert.equal(
    await fleet.metric("paceline_output_tokens_total"),
    delivered,
    "nothing was made anew",
  );
  assert.equal(await fleet.metric("paceline_stale_tokens_total"), 0);
}

interface Case {
  readonly kind: FaultKind | "kill";
  readonly count?: number;
  readonly factor?: number;
  /** Its process dies or freezes. */
  readonly process?: true;
  readonly stuckMs?: number;
  /** What `/v1/events` tells of `w-1`. */
  readonly evidence?: string;
  readonly becomes?: "poisoned" | "lost" | "suspect";
  /** False where nothing has to move. */
  readonly moves?: false;
}

const CASES: readonly Case[] = [
  { kind: "hang", stuckMs: 300, evidence: "stuck" },
  { kind: "garbage", evidence: "engine_error" },
  { kind: "oversize", evidence: "engine_error" },
  { kind: "misaligned", evidence: "misaligned" },
  { kind: "misaligned", count: 5, evidence: "misaligned", becomes: "suspect" },
  { kind: "nan", evidence: "misaligned" },
  { kind: "wrong_version", evidence: "misversioned", becomes: "poisoned" },
  { kind: "out_of_order", evidence: "engine_error" },
  { kind: "cut", evidence: "socket_lost" },
  { kind: "truncate", evidence: "engine_error" },
  { kind: "refuse", evidence: "engine_error" },
  { kind: "exit", process: true, becomes: "lost" },
  { kind: "kill", process: true, becomes: "lost" },
  { kind: "freeze", process: true, stuckMs: 300, evidence: "stuck", becomes: "lost" },
  { kind: "slow", factor: 5, stuckMs: 5_000, moves: false },
];

describe("one of two engines misbehaves, every rollout answers the undisturbed tokens", () => {
  for (const { kind, count = 2, ...expected } of CASES) {
    test(`${kind} × ${count}`, { timeout: 60_000 }, () =>
      withFleet(
        {
          processes: expected.process ? ["w-1"] : [],
          settings: { stuck_ms: expected.stuckMs ?? 5_000 },
        },
        async (fleet) => {
          const { factor } = expected;
          const engine = fleet.engine("w-1");
          if (kind !== "kill") {
            const after = kind === "slow" ? {} : { after_tokens: 16, count };
            await engine.fault({ kind, ...after, ...(factor ? { factor } : {}) });
          }
          const sent = sendAll(fleet);
          if (kind === "kill") {
            await fleet.settled(
              async () => (await fleet.metric("paceline_output_tokens_total")) > 200,
            );
            engine.signal("SIGKILL");
          }
          const replies = await sent;
          const further = assertUndisturbed(replies);
          if (expected.moves !== false) assert.ok(further > 0, "something moved");
          await assertWatched(fleet, expected);
          await assertOnce(fleet, replies);
        },
      ),
    );
  }
});

async function assertWatched(
  fleet: SimulatedFleet,
  { evidence, becomes, process }: Omit<Case, "kind">,
): Promise<void> {
  const { until } = fleet.server;
  if (evidence !== undefined) {
    await until((event) => event["worker"] === "w-1" && event["evidence"] === evidence);
  }
  // A frozen engine is found out after its rollouts have left it.
  if (becomes !== undefined) {
    await until((event) => event["worker"] === "w-1" && event["to"] === becomes);
  }
  const events = await fleet.events();
  const of = (worker: string) => events.filter((event) => event["worker"] === worker);
  if (becomes === undefined) {
    const states = of("w-1").flatMap(({ to }) => (to === undefined ? [] : [to]));
    assert.deepEqual(
      states.filter((state) => state !== "ready" && state !== "updating"),
      [],
    );
  }
  assert.deepEqual(
    of("w-2").filter((event) => event["type"] === "evidence"),
    [],
    "nothing is held against the other",
  );
  if (becomes === undefined || process) return;
  // Closed for a while, then proven anew or answered well again.
  await fleet.settled(async () => {
    const { state, versions } = await fleet.worker("w-1");
    return state === "ready" && versions.some(({ version }) => version === 1);
  });
}

describe("all engines misbehave: a typed error in time, never a hang, never an error inside a 200", () => {
  const all: readonly (readonly [FaultKind, Record<string, unknown>])[] = [
    ["refuse", { timeout_ms: 4_000 }],
    ["refuse", {}],
    ["nan", { timeout_ms: 4_000 }],
    ["misaligned", {}],
    ["garbage", {}],
    ["cut", {}],
  ];
  for (const [kind, more] of all) {
    test(`${kind}, ${JSON.stringify(more)}`, { timeout: 60_000 }, () =>
      withFleet({}, async (fleet) => {
        for (const id of ["w-1", "w-2"]) {
          await fleet.engine(id).fault({ kind, count: 1_000_000 });
        }
        for (const reply of await sendAll(fleet, more)) {
          assert.ok(reply.status >= 400, JSON.stringify(reply.body));
          const { code, boundary, retryable } = reply.body.error;
          const { http, ...known } = ERRORS[code];
          assert.equal(reply.status, http);
          assert.deepEqual([boundary, retryable], [known.boundary, true]);
        }
        assert.equal(await fleet.metric("paceline_stale_tokens_total"), 0);
        assert.equal(await fleet.metric("paceline_inflight"), 0);
        assert.ok((await fleet.metric("paceline_errors_total")) >= ROLLOUTS);
      }),
    );
  }
});
