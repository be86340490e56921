/** Where randomness comes from, and what goes on after a cut. */
import assert from "node:assert/strict";
import { run, type Wish } from "./attempt.ts";
import { assertComplete, type Case } from "./case.ts";
import type { Bench } from "./fixture.ts";

const seeded = ({ can }: Bench): boolean => can("seed");
const exact = ({ manners }: Bench): boolean => manners.tolerance === 0;

export const SEED_CASES: readonly Case[] = [
  {
    name: "equal seeds sample equal tokens; another seed or sibling others",
    needs: seeded,
    async run(bench) {
      const { engine } = bench;
      const one = await run(engine, {});
      bench.same(await run(engine, {}), one);
      assert.notDeepEqual((await run(engine, { sampling: { seed: 12 } })).ids, one.ids);
      assert.notDeepEqual((await run(engine, { siblingIndex: 1 })).ids, one.ids);
    },
    async without({ engine }) {
      // No seed counts: siblings differ of themselves.
      assert.notDeepEqual((await run(engine, {})).ids, (await run(engine, {})).ids);
    },
  },
  {
    name: "the whole range of seeds counts",
    needs: seeded,
    async run({ engine }) {
      const low = await run(engine, { sampling: { seed: 1 } });
      const high = await run(engine, { sampling: { seed: 1 + 2 ** 40 } });
      assert.notDeepEqual(low.ids, high.ids);
      assertComplete(await run(engine, { sampling: { seed: Number.MAX_SAFE_INTEGER } }), 32);
    },
  },
  {
    name: "greedy does not depend on seed or sibling",
    async run(bench) {
      const { engine } = bench;
      const one = await run(engine, { sampling: { temperature: 0 } });
      const sampling = { temperature: 0, seed: 99 };
      bench.same(await run(engine, { siblingIndex: 3, sampling }), one);
    },
  },
  {
    name: "a rollout continued from any of its tokens makes the tokens of the undisturbed run",
    async run(bench) {
      const { engine, description } = bench;
      const { penalties } = description.capabilities.resume;
      const sampling = penalties ? { presencePenalty: 0.5, repetitionPenalty: 1.2 } : {};
      // Where draws do not go by position, only what is not drawn comes out the same.
      const wish = bench.continuable({ sampling });
      const whole = await run(engine, wish);
      for (const kept of [1, 7, 31]) {
        const outputTokenIds = Uint32Array.from(whole.ids.slice(0, kept));
        const rest = await run(engine, { ...wish, outputTokenIds });
        assertComplete(rest, 32 - kept);
        assert.equal(rest.chunks[0]?.start, kept);
        const wanted = { ids: whole.ids.slice(kept), logprobs: whole.logprobs.slice(kept) };
        bench.same(rest, wanted);
      }
    },
  },
  {
    name: "what goes on behind a cut is no copy of what came before it",
    async run({ engine }) {
      const whole = await run(engine, { sampling: { maxNewTokens: 64 } });
      const outputTokenIds = Uint32Array.from(whole.ids.slice(0, 32));
      const rest = await run(engine, { outputTokenIds, sampling: { maxNewTokens: 64 } });
      assertComplete(rest, 32);
      assert.notDeepEqual(rest.ids, whole.ids.slice(0, 32));
    },
  },
  {
    name: "concurrent rollouts make what each makes alone",
    needs: (bench) => exact(bench),
    async run({ engine, repeatable }) {
      const wishes = Array.from({ length: 24 }, (_, i) =>
        repeatable({
          promptTokenIds: Uint32Array.from({ length: 3 + i }, (_, at) => 48 + ((i + at) % 10)),
          sampling: { seed: i, maxNewTokens: 20 + i },
        }),
      );
      const together = await Promise.all(wishes.map((wish) => run(engine, wish)));
      for (const i of [0, 11, 23]) {
        const alone = await run(engine, wishes[i] as Wish);
        assert.deepEqual(together[i]?.ids, alone.ids);
        assert.deepEqual(together[i]?.logprobs, alone.logprobs);
      }
    },
  },
];
