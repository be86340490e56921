/** Groups whose members end at random: each group ends once, its need met or its shortness explained. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PacelineError } from "../../../server/contract/errors.ts";
import { startGroup } from "../../../server/rollouts/group.ts";
import { endOf, hasFinished } from "../../../server/rollouts/group-summary.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { createScriptedRollouts, playToEnd, type Script } from "../../support/scripted-rollouts.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";

test("random faults: one outcome each, no member twice, no more replaced than allowed", async () => {
  const seed = testSeed("groups");
  const ends = new Map<string, number>();
  for (let run = 0; run < 300; run++) {
    const random = seededRandom(seed + run);
    const upTo = (below: number): number => Math.floor(random.next() * below);
    const faults = random.next();
    const script: Script = (rollout) => {
      if (random.next() > faults) return playToEnd(rollout);
      const code = random.next() < 0.8 ? "engine_error" : "prompt_too_long";
      const error = new PacelineError(code, rollout.id);
      return [
        { do: "tokens", count: upTo(5), version: 7 },
        { do: "fail", error },
      ];
    };
    const size = 1 + upTo(6);
    const order = {
      ...{ id: "g", size, need: 1 + upTo(size), issued: size + upTo(3), backfill: upTo(4) },
      sibling: (index: number) =>
        sampleRollout({ id: `g.${index}`, group: { id: "g", size: 16, index } }),
    };
    let told = 0;
    const service = createScriptedRollouts(script);
    const ledger = { policy: () => ({ committedVersion: 7 }) };
    const parts = {
      ...{ rollouts: service, ledger, fleet: { vocabularyFor: () => null } },
      failed: (error: PacelineError) => assert.fail(error),
      grouped: () => told++,
    };
    const { members, summary } = await startGroup(order, parts, "unary").ended();
    const { finished, ended, replaced, need } = summary;
    ends.set(ended, 1 + (ends.get(ended) ?? 0));
    assert.equal(told, 1);
    assert.equal(members.filter(hasFinished).length, finished);
    assert.equal(new Set(service.submitted.map(({ id }) => id)).size, members.length);
    assert.equal(members.length, order.issued + replaced.length);
    assert.ok(replaced.length <= order.backfill);
    assert.equal(new Set(replaced.map(({ index }) => index)).size, replaced.length);
    for (const { index } of replaced)
      assert.ok(!hasFinished(members[index] as (typeof members)[0]));
    if (ended === "need") assert.ok(finished >= need);
    else assert.ok(finished < need && members.some((member) => endOf(member) === ended));
    for (const member of members) {
      if ("result" in member) assert.equal(service.life("default", member.result.id).readers, 0);
    }
  }
  assert.ok((ends.get("need") ?? 0) > 50 && (ends.get("failed") ?? 0) > 50, String([...ends]));
});
