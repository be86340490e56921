/** Requests that are given up, and readers that are slow. */
import assert from "node:assert/strict";
import { Attempt, deadline, requestOf, run } from "./attempt.ts";
import { assertComplete, type Case, LONG } from "./case.ts";
import { toldLoad, until, untilHeld } from "./fixture.ts";

export const ABORT_CASES: readonly Case[] = [
  {
    name: "an abort mid-way ends the request inside the engine",
    async run(bench) {
      const { engine, manners } = bench;
      await bench.slowly(async () => {
        const attempt = new Attempt(engine, LONG);
        await attempt.reached(3);
        attempt.abort();
        assert.equal((await attempt.outcome).error?.code, "cancelled");
        await until(engine, 0);
      });
      const { outputTokens } = await engine.telemetry(deadline());
      assertComplete(await run(engine, {}), 32);
      await toldLoad(bench, (load) =>
        assert.equal(load.outputTokens - outputTokens, 32 - manners.uncounted),
      );
    },
  },
  {
    name: "an abort before the first token, while the engine is paused, leaves nothing behind",
    async run(bench) {
      const { engine } = bench;
      await engine.control.pause("keep", deadline());
      const attempt = new Attempt(engine, {});
      await untilHeld(bench, 0, 1);
      attempt.abort();
      const outcome = await attempt.outcome;
      assert.deepEqual([outcome.error?.code, outcome.ids.length], ["cancelled", 0]);
      await untilHeld(bench, 0, 0);
      await engine.control.resume(deadline());
      await until(engine, 0);
    },
  },
  {
    name: "an abort after the end, or before the beginning, does no harm",
    async run({ engine }) {
      const attempt = new Attempt(engine, {});
      assertComplete(await attempt.outcome, 32);
      attempt.abort();
      const dead = AbortSignal.abort();
      await assert.rejects(
        async () => {
          for await (const _ of engine.generate(requestOf({}, engine), dead))
            assert.fail("an event");
        },
        { code: "cancelled" },
      );
      await until(engine, 0);
    },
  },
  {
    name: "one that is aborted takes no other with it",
    async run({ engine, slowly }) {
      const other = await slowly(async () => {
        const one = new Attempt(engine, { ...LONG, requestId: "ab-1" });
        const begun = new Attempt(engine, { ...LONG, requestId: "ac-11" });
        await one.reached(1);
        await begun.reached(1);
        one.abort();
        assert.equal((await one.outcome).error?.code, "cancelled");
        return begun;
      });
      assertComplete(await other.outcome, 400);
    },
  },
  {
    name: "a consumer that stops reading ends the request inside the engine",
    async run({ engine, slowly }) {
      await slowly(async () => {
        for await (const event of engine.generate(requestOf(LONG, engine), deadline())) {
          if (event.type === "tokens") break;
        }
        await until(engine, 0);
      });
    },
  },
  {
    name: "a slow reader gets everything and holds up nobody",
    async run({ engine }) {
      const events = engine.generate(requestOf(LONG, engine), deadline())[Symbol.asyncIterator]();
      let tokens = 0;
      const count = (next: Awaited<ReturnType<typeof events.next>>): void => {
        if (next.done !== true && next.value.type === "tokens") {
          tokens += next.value.chunk.ids.length;
        }
      };
      count(await events.next());
      assertComplete(await run(engine, LONG), 400);
      for (let next = await events.next(); next.done !== true; next = await events.next()) {
        count(next);
      }
      assert.equal(tokens, 400);
    },
  },
];
