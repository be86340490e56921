/**
 * Many rollouts over the steps of a trainer that needs some whole groups of those it sends and has the rest kept: what is needed,
 * what is left over, versions and faults at random. Every rollout of a call has one ending, no token is lost or made twice, and
 * what is told of the lengths is so.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { Need } from "../../../server/contract/need.ts";
import type { Result } from "../../../server/contract/result.ts";
import type { Rollout } from "../../../server/contract/rollout.ts";
import { type Ending, type ManySummary, startBulk } from "../../../server/rollouts/bulk.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { finished, play, type Script, tokens, unreachable, world } from "./world.ts";

type World = ReturnType<typeof world>;

const never = new AbortController().signal;
const SIZE = 3;

async function many(w: World, rollouts: readonly Rollout[], need: Need) {
  const bulk = startBulk(
    rollouts,
    {
      ...{ rollouts: w.rollouts, clock: w.clock, inFlight: 16 },
      fleet: { list: () => [], listen: () => () => undefined, vocabularyFor: () => 300 },
      ledger: { policy: () => ({ committedVersion: w.committed() }) },
    },
    need,
  );
  const endings: Ending[] = [];
  for await (const ending of bulk.endings(never)) endings.push(ending);
  return { endings, summary: bulk.summary() };
}

const groupOf = (id: string, upTo: (below: number) => number): Rollout[] =>
  Array.from({ length: SIZE }, (_, index) =>
    sampleRollout({
      id: `${id}.${index}`,
      group: { id, size: SIZE, index },
      sampling: { ...sampleRollout({}).sampling, maxNewTokens: 1 + upTo(40) },
    }),
  );

const lengthOf = ({ usage }: Result): number => usage.outputTokens;
const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

class Trainer {
  readonly #upTo: (below: number) => number;
  readonly #w: World;
  readonly #lengths = new Map<string, number>();
  /** Kept, with as many tokens. */
  #kept = new Map<string, { rollout: Rollout; tokens: number }>();
  readonly #done = new Set<string>();
  /** By the engine, of each rollout. */
  readonly #made = new Map<string, number>();
  #version = 7;
  readonly seen = { met: 0, kept: 0, wentOn: 0, lost: 0, mixed: 0 };

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#upTo = (below) => Math.floor(random.next() * below);
    const script: Script = (request) => this.#engine(request);
    const versions = Array.from({ length: 40 }, (_, at) => at);
    this.#w = world(new Array<Script>(10_000).fill(script), { proved: versions, committed: 7 });
  }

  /** It goes on where the rollout is, in pieces between which others get their turn; now and then its worker is lost. */
  async *#engine({ requestId, outputTokenIds, sampling }: Parameters<Script>[0]) {
    const id = requestId.slice("default/".length, requestId.indexOf("#"));
    let at = outputTokenIds.length;
    while (at < sampling.maxNewTokens) {
      for (let turns = this.#upTo(3); turns >= 0; turns--) await new Promise(setImmediate);
      if (this.#upTo(40) === 0) {
        this.seen.lost++;
        throw unreachable;
      }
      const count = Math.min(1 + this.#upTo(4), sampling.maxNewTokens - at);
      this.#made.set(id, Math.max(this.#made.get(id) ?? 0, at + count));
      yield tokens(at, count, this.#version);
      at += count;
    }
    yield finished;
  }

  async step(at: number): Promise<void> {
    const left = [...this.#kept.values()].map(({ rollout }) => rollout);
    const fresh = Array.from({ length: 2 + this.#upTo(6) }, (_, g) =>
      groupOf(`g${at}-${g}`, this.#upTo),
    ).flat();
    const sent = [...left, ...fresh];
    for (const { id, sampling } of fresh) this.#lengths.set(id, sampling.maxNewTokens);
    const groups = fresh.length / SIZE;
    const members = this.#upTo(2) === 0 ? null : 1 + this.#upTo(SIZE);
    const need = { groups: 1 + this.#upTo(groups), members, partial: "keep" as const };
    const { endings, summary } = await many(this.#w, sent, need);
    assert.deepEqual(
      endings.map(({ id }) => id).sort(),
      sent.map(({ id }) => id).sort(),
      "each has one ending",
    );
    this.#account(endings, sent);
    this.#need(need, endings, summary, sent);
    if (this.#upTo(2) === 0) this.#w.commit(++this.#version);
  }

  #account(endings: readonly Ending[], sent: readonly Rollout[]): void {
    const before = this.#kept;
    this.#kept = new Map();
    for (const ending of endings) {
      assert.ok(!("error" in ending), "a lost worker ends nothing");
      const rollout = sent.find(({ id }) => id === ending.id) as Rollout;
      const had = before.get(ending.id)?.tokens ?? 0;
      assert.ok(!this.#done.has(ending.id), "finished once");
      if ("keptTokens" in ending) {
        assert.ok(ending.keptTokens >= had, "what was kept stays");
        this.#kept.set(ending.id, { rollout, tokens: ending.keptTokens });
        if (ending.keptTokens > 0) this.seen.kept++;
        continue;
      }
      const { result } = ending;
      assert.equal(result.finishReason.cause, "max_new");
      this.#whole(result, this.#lengths.get(ending.id) as number);
      this.#done.add(ending.id);
      if (had > 0) this.seen.wentOn++;
      if (had > 0 && result.spans.length > 1) this.seen.mixed++;
    }
    const { rollouts, outputTokens } = this.#w.rollouts.kept();
    const held = [...this.#kept.values()].map(({ tokens: kept }) => kept);
    assert.deepEqual([rollouts, outputTokens], [held.length, sum(held)]);
  }

  /** As if nobody had disturbed it: the engine's token at a position is the position (I1, I2). */
  #whole(result: Result, length: number): void {
    const { id, outputTokenIds, logprobs, spans, usage } = result;
    assert.deepEqual(
      [...outputTokenIds],
      Array.from({ length }, (_, position) => position),
    );
    assert.equal(logprobs.length, length);
    assert.equal(this.#made.get(id), length);
    assert.equal(usage.wastedTokens, 0);
    let covered = 0;
    let version = 0;
    for (const span of spans) {
      assert.equal(span.start, covered);
      assert.ok(span.version > version);
      [covered, version] = [span.end, span.version];
    }
    assert.equal(covered, length);
  }

  #need(
    { groups, members }: Need,
    endings: readonly Ending[],
    { need, rollouts, finished: results }: ManySummary,
    sent: readonly Rollout[],
  ): void {
    assert.ok(need !== null);
    const done = endings.flatMap((ending) => ("result" in ending ? [ending.result] : []));
    const counts = Map.groupBy(done, ({ group }) => group?.id);
    const wants = members ?? SIZE;
    const whole = [...counts.values()].filter((all) => all.length >= wants).length;
    assert.deepEqual([need.groups, need.members, need.whole], [groups, members, whole]);
    if (whole >= groups) this.seen.met++;
    else {
      const sizes = Map.groupBy(sent, ({ group }) => group?.id);
      const short = [...sizes.values()].filter((all) => all.length >= wants).length;
      assert.ok(short < groups, "else it would have gone on");
    }
    const cut = endings.flatMap((ending) => ("keptTokens" in ending ? [ending.keptTokens] : []));
    assert.deepEqual(need.cut, { members: cut.length, tokens: sum(cut) });
    assert.deepEqual(need.kept, need.cut);
    assert.deepEqual([rollouts, results], [endings.length, done.length]);
    assert.ok(need.lengths.kept !== null && need.lengths.bias !== null);
    assert.ok(Math.abs(need.lengths.kept.mean - sum(done.map(lengthOf)) / done.length) < 1e-9);
    assert.ok(need.lengths.bias < 1e-12, "the longest are cut, never the shortest");
  }
}

test("no token of many is lost or made twice over a trainer's steps that keep what is left", async () => {
  const seed = testSeed("many that are kept");
  const seen = { met: 0, kept: 0, wentOn: 0, lost: 0, mixed: 0 };
  for (let run = 0; run < 16; run++) {
    const trainer = new Trainer(seed + run);
    for (let at = 0; at < 6; at++) await trainer.step(at);
    for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += trainer.seen[key];
  }
  for (const [what, times] of Object.entries(seen)) assert.ok(times > 20, `${what}: ${times}`);
});

suite("what is not needed", () => {
  const hanging = (count: number): Script => play([tokens(0, count)], "hang");
  const three = () => ["a", "b", "c"].map((id) => sampleRollout({ id, bodyHash: id }));
  const ending = (endings: readonly Ending[], id: string): Ending =>
    endings.find((one) => one.id === id) as Ending;
  const scripts = (): Script[] => [hanging(3), hanging(2), play([tokens(0, 8), finished])];

  for (const partial of ["return", "drop"] as const) {
    test(`${partial}: it ends, and the same body has the same Result`, async () => {
      const w = world(scripts());
      const need = { groups: 1, members: null, partial };
      const { endings, summary } = await many(w, three(), need);
      const a = ending(endings, "a");
      assert.ok("result" in a);
      assert.deepEqual(a.result.finishReason, { type: "abort", cause: "need", matched: null });
      const made = partial === "drop" ? 0 : 3;
      assert.deepEqual(
        [a.result.outputTokenIds.length, a.result.usage.wastedTokens],
        [made, 3 - made],
      );
      assert.deepEqual(summary.need?.cut, { members: 2, tokens: 5 });
      assert.deepEqual(summary.need?.kept, { members: 0, tokens: 0 });
      assert.deepEqual(
        w.wasted.toSorted(),
        partial === "drop"
          ? [
              ["need", 2],
              ["need", 3],
            ]
          : [],
      );
      const again = w.rollouts.submit(three()[0] as Rollout);
      assert.deepEqual(await again.result(), a.result);
    });
  }

  test("keep: one that could not rightly go on ends with what it made (I5)", async () => {
    const w = world(scripts());
    const rollouts = three().map((one) => ({ ...one, resume: "never" as const }));
    const { endings } = await many(w, rollouts, { groups: 1, members: null, partial: "keep" });
    const a = ending(endings, "a");
    assert.ok("result" in a && a.result.finishReason.cause === "need");
    assert.equal(a.result.outputTokenIds.length, 3);
    assert.equal(w.rollouts.kept().rollouts, 0);
  });

  test("keep: it is held, takes no worker, survives its readers, and goes on where it was", async () => {
    const w = world([...scripts(), play([tokens(3, 5), finished])]);
    const need = { groups: 1, members: null, partial: "keep" as const };
    await many(w, three(), need);
    const kept = w.rollouts.get("default", "a");
    assert.deepEqual(
      [kept.progress().state, kept.progress().outputTokens, w.rollouts.kept()],
      ["held", 3, { rollouts: 2, outputTokens: 5 }],
    );
    const done = w.sent.filter((one) => one.type === "done" && one.outcome === "aborted");
    assert.equal(done.length, 2);
    kept.attach("unary")();
    assert.equal(kept.progress().state, "held");
    const again = w.rollouts.submit(three()[0] as Rollout);
    const { outputTokenIds, segments, usage } = await again.result();
    assert.deepEqual([...outputTokenIds], [0, 1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(
      segments.map(({ start, end, resume }) => [start, end, resume]),
      [
        [0, 3, "none"],
        [3, 8, "prefill"],
      ],
    );
    assert.equal(usage.wastedTokens, 0);
    assert.deepEqual(w.kept, ["kept", "kept", "resumed"]);
    assert.deepEqual(w.requests.at(-1)?.outputTokenIds.length, 3);
    assert.throws(
      () => w.rollouts.submit(sampleRollout({ id: "b", bodyHash: "other" })),
      (error: PacelineError) => error.code === "conflict",
    );
  });

  test("keep: one that others read goes on for them", async () => {
    const go = Promise.withResolvers<void>();
    const script: Script = async function* () {
      yield tokens(0, 3);
      await go.promise;
      yield tokens(3, 5);
      yield finished;
    };
    const w = world([script, play([tokens(0, 8), finished])]);
    const [a, b] = three() as [Rollout, Rollout];
    const other = w.rollouts.submit(a);
    const leave = other.attach("stream");
    const { endings } = await many(w, [a, b], { groups: 1, members: null, partial: "keep" });
    assert.deepEqual(ending(endings, "a"), { index: 0, id: "a", job: "default", keptTokens: 3 });
    assert.equal(w.rollouts.kept().rollouts, 0);
    go.resolve();
    assert.equal((await other.result()).outputTokenIds.length, 8);
    leave();
  });

  test("keep: too old for its lag limit when it is asked for again, it is dropped", async () => {
    const w = world(scripts(), { committed: 7 });
    const rollouts = three().map((one) => ({ ...one, version: { max_lag: 1 } }));
    const need = { groups: 1, members: null, partial: "keep" as const };
    await many(w, rollouts, need);
    w.commit(9);
    assert.equal(w.rollouts.kept().rollouts, 2);
    const again = await w.rollouts.submit(rollouts[0] as Rollout).result();
    assert.deepEqual([again.finishReason.cause, again.outputTokenIds.length], ["stale", 0]);
    assert.deepEqual(w.wasted, [["stale", 3]]);
  });

  test("keep: age, a drain and an abort end it with what it made", async () => {
    const need = { groups: 1, members: null, partial: "keep" as const };
    for (const [cause, act] of [
      ["need", (w: World) => w.clock.advance(60_000)],
      ["drain", (w: World) => w.rollouts.drain(10)],
      ["client", (w: World) => w.rollouts.abortJob("default", "client")],
    ] as const) {
      const w = world(scripts());
      await many(w, three(), need);
      const held = w.rollouts.get("default", "a");
      await act(w);
      const { finishReason, outputTokenIds } = await held.result();
      assert.deepEqual([finishReason.cause, outputTokenIds.length], [cause, 3]);
      assert.deepEqual(w.rollouts.kept(), { rollouts: 0, outputTokens: 0 });
      assert.equal(w.clock.timers, 0);
    }
  });

  test("jobs count it as in flight only while it is asked for", async () => {
    let inFlight = 0;
    const made: number[] = [];
    const left: (number | null)[] = [];
    const jobs = {
      enter: () => void inFlight++,
      rests: (_: Rollout, { outputTokens }: { outputTokens: number }) => {
        inFlight--;
        made.push(outputTokens);
      },
      left: (_: Rollout, __: object, before: number | null) => {
        if (before !== null) inFlight--;
        left.push(before);
      },
    };
    const w = world([...scripts(), play([tokens(3, 5), finished])], { jobs });
    await many(w, three(), { groups: 1, members: null, partial: "keep" });
    assert.deepEqual([inFlight, made.toSorted(), left], [0, [2, 3], [0]]);
    await w.rollouts.submit(three()[0] as Rollout).result();
    assert.deepEqual([inFlight, left], [0, [0, 3]]);
    await w.rollouts.abortJob("default", "client");
    assert.deepEqual([inFlight, left], [0, [0, 3, null]]);
  });

  test("keep: a quota that is spent refuses to go on, and loses nothing", async () => {
    let refuse = false;
    const full = new PacelineError("quota_exceeded", "full");
    const jobs = {
      enter: () => {
        if (refuse) throw full;
      },
    };
    const w = world([...scripts(), play([tokens(3, 5), finished])], { jobs });
    const need = { groups: 1, members: null, partial: "keep" as const };
    await many(w, three(), need);
    refuse = true;
    assert.throws(() => w.rollouts.submit(three()[0] as Rollout), full);
    assert.equal(w.rollouts.kept().rollouts, 2);
    refuse = false;
    const again = await w.rollouts.submit(three()[0] as Rollout).result();
    assert.equal(again.outputTokenIds.length, 8);
  });
});
