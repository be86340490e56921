/**
 * Groups of one prompt over the steps of a trainer that gives the cut members of a step back to the next one: need, over-issue,
 * backfill, early stop and what goes on, at random. No token is lost or told twice, and what is told of the lengths is so.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeGroup } from "../../../server/api/codec/group.ts";
import { encodeResult } from "../../../server/api/codec/result.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import { type Result, tokensBefore } from "../../../server/contract/result.ts";
import type { Rollout } from "../../../server/contract/rollout.ts";
import { type EndedGroup, type GroupOrder, startGroup } from "../../../server/rollouts/group.ts";
import { hasFinished } from "../../../server/rollouts/group-summary.ts";
import { createScriptedRollouts, type Step } from "../../support/scripted-rollouts.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";

const MOST_TOKENS = 64;

interface Played extends EndedGroup {
  readonly order: GroupOrder;
  readonly submitted: readonly Rollout[];
  /** Output tokens of each member, those that it went on from included, whatever it ended in. */
  readonly lengths: readonly number[];
}

const lengthOf = ({ usage }: Result): number => usage.outputTokens;
const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

class Trainer {
  readonly #upTo: (below: number) => number;
  readonly #faults: number;
  /** Of the step before, to be gone on from. */
  #partial: readonly Result[] = [];
  #version = 1;
  /** Tokens made, and those of them that ended in a finished Result or with a failed member. */
  #made = 0;
  #finished = 0;
  #failed = 0;
  readonly seen = { need: 0, short: 0, cut: 0, wentOn: 0, replaced: 0, overIssued: 0 };

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#upTo = (below) => Math.floor(random.next() * below);
    this.#faults = this.#upTo(3) / 4;
  }

  async step(at: number): Promise<void> {
    const given = this.#partial;
    const played = await this.#play(at, given);
    this.#account(played, given);
    this.#lengths(played);
    this.#version += this.#upTo(2);
  }

  async #play(at: number, given: readonly Result[]): Promise<Played> {
    const size = Math.max(given.length, 1) + this.#upTo(5);
    const body = {
      ...{ id: `g${at}`, size, prompt_token_ids: [1, 2, 3] },
      sampling: { max_new_tokens: MOST_TOKENS },
      need: 1 + this.#upTo(size),
      over_issue: this.#upTo(3) / 4,
      backfill: this.#upTo(4),
      continue: given.map((result) => {
        const { output_token_ids, logprobs, spans } = JSON.parse(encodeResult(result, "json"));
        return { output_token_ids, logprobs, spans };
      }),
    };
    let ids = 0;
    const order = decodeGroup(body, { id: () => `m${ids++}`, seed: () => 1 }, null);
    const service = createScriptedRollouts((rollout) => this.#script(rollout));
    let told = 0;
    const group = startGroup(
      order,
      {
        ...{ rollouts: service, fleet: { vocabularyFor: () => null } },
        ledger: { policy: () => ({ committedVersion: this.#version }) },
        failed: (error) => assert.fail(error),
        grouped: () => told++,
      },
      "unary",
    );
    const ended = await group.ended();
    assert.equal(told, 1);
    const lives = service.submitted.map(({ job, id }) => service.life(job, id));
    const lengths = lives.map((life) => life.progress().outputTokens);
    return { ...ended, order, submitted: service.submitted, lengths };
  }

  /** It will be as long as chance has it, longer than it is; now and then it fails on its way. */
  #script({ id, continueFrom }: Rollout): Step[] {
    const steps: Step[] = [];
    let left = 1 + this.#upTo(MOST_TOKENS - (continueFrom?.outputTokenIds.length ?? 0) - 1);
    while (left > 0) {
      if (this.#upTo(100) < 20 * this.#faults) {
        return [...steps, { do: "fail", error: new PacelineError("engine_error", id) }];
      }
      const count = Math.min(left, 1 + this.#upTo(12));
      steps.push({ do: "tokens", count, version: this.#version });
      left -= count;
    }
    return steps;
  }

  #account(
    { members, summary, submitted, lengths, order }: Played,
    given: readonly Result[],
  ): void {
    const { replaced, finished, ended, need, cut } = summary;
    assert.equal(new Set(submitted.map(({ id }) => id)).size, submitted.length, "each once");
    assert.equal(members.length, order.issued + replaced.length);
    assert.equal(submitted.length, members.length, "none without an ending");
    assert.ok(replaced.length <= order.backfill);
    assert.equal(ended === "need", finished >= need);
    const partial: Result[] = [];
    let cutTokens = 0;
    for (const [at, member] of members.entries()) {
      const length = lengths[at] as number;
      const before = given[at];
      this.#made += length - (before === undefined ? 0 : lengthOf(before));
      if ("error" in member) {
        this.#failed += length;
        continue;
      }
      const { result } = member;
      assert.equal(lengthOf(result), length, "all that was made, and nothing else");
      if (before !== undefined) this.#wentOn(result, before);
      if (hasFinished(member)) {
        this.#finished += length;
        continue;
      }
      assert.equal(result.finishReason.cause, "need");
      cutTokens += length;
      partial.push(result);
    }
    assert.deepEqual(cut, { members: partial.length, tokens: cutTokens });
    // One without a token has nothing to go on from, and one that is as long as it may be no way on.
    this.#partial = partial.filter((one) => lengthOf(one) > 0 && lengthOf(one) < MOST_TOKENS - 1);
    const kept = sum(this.#partial.map(lengthOf));
    this.#finished += cutTokens - kept;
    assert.equal(this.#made, this.#finished + this.#failed + kept, "no token lost, none twice");
    this.seen[ended === "need" ? "need" : "short"]++;
    this.seen.cut += partial.length;
    this.seen.replaced += replaced.length;
    this.seen.overIssued += order.issued - order.size;
  }

  #wentOn({ spans, outputTokenIds, logprobs }: Result, before: Result): void {
    const length = lengthOf(before);
    assert.deepEqual(outputTokenIds.subarray(0, length), before.outputTokenIds);
    assert.deepEqual(logprobs.subarray(0, length), before.logprobs);
    const versionAt = (all: Result["spans"], at: number): number | undefined =>
      all.find(({ start, end }) => start <= at && at < end)?.version;
    for (let at = 0; at < length; at++) {
      assert.equal(versionAt(spans, at), versionAt(before.spans, at), "as its version made it");
    }
    this.seen.wentOn++;
  }

  /** By the definition of the product limit, a token at a time. */
  #lengths({ members, summary }: Played): void {
    const results = members.flatMap((member) => ("result" in member ? [member.result] : []));
    const ended = results.filter((result) => result.finishReason.type !== "abort");
    const cut = results.filter((result) => result.finishReason.type === "abort").map(lengthOf);
    const { kept, all, bias } = summary.lengths;
    if (ended.length === 0) {
      assert.deepEqual([kept, all, bias], [null, null, null]);
      return;
    }
    const lengths = ended.map(lengthOf);
    const longest = Math.max(...lengths, ...cut);
    let [mean, there] = [0, 1];
    for (let at = 1; at <= longest; at++) {
      mean += there;
      const atLeast = [...lengths, ...cut].filter((length) => length >= at).length;
      there *= 1 - lengths.filter((length) => length === at).length / atLeast;
    }
    const near = (a: number | undefined, b: number): void =>
      assert.ok(a !== undefined && Math.abs(a - b) < 1e-9 * (1 + b), `${a} is not ${b}`);
    near(kept?.mean, sum(lengths) / lengths.length);
    near(all?.mean, mean);
    assert.ok(bias !== null && bias < 1e-12, "the longest are cut, never the shortest");
    const older = sum(ended.map((result) => tokensBefore(result, this.#version)));
    near(summary.offPolicyShare, older / sum(lengths));
  }
}

test("no token of a group is lost or told twice over a trainer's steps, and its bias is what was cut", async () => {
  const seed = testSeed("group steps");
  const seen = { need: 0, short: 0, cut: 0, wentOn: 0, replaced: 0, overIssued: 0 };
  for (let run = 0; run < 120; run++) {
    const trainer = new Trainer(seed + run);
    for (let at = 0; at < 5; at++) await trainer.step(at);
    for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += trainer.seen[key];
  }
  for (const [what, times] of Object.entries(seen)) assert.ok(times > 20, `${what}: ${times}`);
});
