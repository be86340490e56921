/** What real SGLang's logprobs are, and whether its tokens come from the weights that their spans name. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createSglangEngine } from "../../../adapters/sglang/engine.ts";
import type { Sampling } from "../../../server/contract/rollout.ts";
import { deadline, run } from "../../conformance/engines/attempt.ts";
import {
  type Attested,
  attest,
  finish,
  install,
  keep,
  ROLLOUT,
  reprefill,
} from "../attestation/engine-attestation.ts";
import { distance, replay } from "../attestation/replay.ts";
import { openSglang, SGLANG_VERSION, type SglangProcess } from "../engines/sglang.ts";

const sglang = await openSglang();
const { python, models } = sglang;
const [one, two] = models;

describe(`SGLang ${SGLANG_VERSION}: attestation`, () => {
  let server: SglangProcess;
  let attested: Attested;
  before(async () => {
    server = await sglang.start(["--incremental-streaming-output"]);
    const engine = createSglangEngine(server.url);
    await engine.probe(deadline());
    const { slowly } = server;
    attested = {
      engine,
      slowly,
      python,
      models,
      tell: (line) => process.stdout.write(`# ${line}\n`),
    };
    await install(attested, 1, "drop");
  });
  after(async () => {
    await attested.engine.close();
    await server.kill();
  });

  const modes: Readonly<Record<string, Partial<Sampling>>> = {
    "temperature 0.6": { temperature: 0.6 },
    "temperature 0.6, top-p 0.7": { temperature: 0.6, topP: 0.7 },
    "temperature 1.3, top-k 30, top-p 0.9": { temperature: 1.3, topK: 30, topP: 0.9 },
    penalties: { temperature: 0.8, presencePenalty: 1.5, frequencyPenalty: 0.7, topP: 0.8 },
  };
  for (const [name, sampling] of Object.entries(modes)) {
    test(`logprobs are tempered: ${name}`, async () => {
      const wish = {
        logprobMode: "tempered",
        sampling: { maxNewTokens: 120, ...sampling },
      } as const;
      const made = await run(attested.engine, { ...ROLLOUT, ...wish });
      const [told] = await replay(python, [
        {
          prompt: [...(ROLLOUT.promptTokenIds ?? [])],
          output: made.ids,
          phases: [{ model: one, end: made.ids.length }],
          sampling: {
            temperature: sampling.temperature ?? 1,
            top_p: sampling.topP ?? 1,
            top_k: sampling.topK ?? 0,
            presence_penalty: sampling.presencePenalty ?? 0,
            frequency_penalty: sampling.frequencyPenalty ?? 0,
          },
        },
      ]);
      for (const [mode, values] of Object.entries(told ?? {})) {
        const { largest, sum } = distance(made.logprobs, values);
        attested.tell(
          `${name}: ${mode}: ${sum.toFixed(2)} nats over 120 tokens, ${largest.toFixed(4)} at most`,
        );
        const isEqual = mode === "tempered" || (mode === "processed" && name === "temperature 0.6");
        assert.equal(largest < 0.05, isEqual, mode);
      }
    });
  }

  test("keep: the KV is mixed from the span's boundary on, to the token", async () => {
    const made = await keep(attested);
    const [first, second] = made.spans ?? [];
    assert.deepEqual([first?.version, second?.version, second?.end], [1, 2, 300]);
    const at = first?.end ?? 0;
    await attest(attested, "keep", made, {
      "mixed from the boundary": [
        { model: one, end: at },
        { model: two, end: 300 },
      ],
      "computed anew at the boundary": [
        { model: one, end: at },
        { model: two, end: 300, fresh: true },
      ],
      "all of the old weights": [{ model: one, end: 300 }],
      "all of the new weights": [{ model: two, end: 300 }],
    });
  });

  test("reprefill: pure before and after", async () => {
    const [before, behind] = await reprefill(attested);
    const at = before.ids.length;
    const made = {
      ids: [...before.ids, ...behind.ids],
      logprobs: [...before.logprobs, ...behind.logprobs],
    };
    assert.deepEqual(behind.spans, [{ version: 2, start: at, end: 300 }]);
    await attest(attested, "reprefill", made, {
      "computed anew at the boundary": [
        { model: one, end: at },
        { model: two, end: 300, fresh: true },
      ],
      "mixed from the boundary": [
        { model: one, end: at },
        { model: two, end: 300 },
      ],
      "all of the old weights": [{ model: one, end: 300 }],
    });
  });

  test("finish: all of the weights that it began with", async () => {
    const made = await finish(attested);
    assert.deepEqual(made.spans, [{ version: 1, start: 0, end: 300 }]);
    await attest(attested, "finish", made, {
      "all of the old weights": [{ model: one, end: 300 }],
      "all of the new weights": [{ model: two, end: 300 }],
    });
  });

  test("without a namespace of its own a prompt is answered from KV of the old weights", async () => {
    const promptTokenIds = Uint32Array.from({ length: 200 }, (_, at) => 10 + ((at * 7) % 900));
    const prompt = [...promptTokenIds];
    const wish = { promptTokenIds, sampling: { maxNewTokens: 100 } };
    const phases = {
      pure: [{ model: two, end: 100 }],
      stale: [
        { model: one, end: 1 },
        { model: two, end: 100 },
      ],
    };
    await install(attested, 1, "drop");
    await run(attested.engine, { ...wish, cacheNamespace: "shared" });
    await attested.engine.control.pause("keep", deadline());
    await install(attested, 2, "keep");
    await attested.engine.control.resume(deadline());
    const shared = await run(attested.engine, { ...wish, cacheNamespace: "shared" });
    const own = await run(attested.engine, { ...wish, cacheNamespace: "default@2#n" });
    for (const made of [shared, own]) {
      assert.deepEqual(
        made.spans,
        [{ version: 2, start: 0, end: 100 }],
        "both claim the new weights",
      );
    }
    assert.deepEqual([own.started, (shared.started ?? 0) >= 199], [0, true]);
    await attest(
      attested,
      "namespace of its load",
      own,
      { pure: phases.pure, stale: phases.stale },
      prompt,
    );
    const [told] = await replay(python, [{ prompt, output: shared.ids, phases: phases.pure }]);
    const { sum } = distance(shared.logprobs, told?.raw ?? []);
    attested.tell(`a namespace that all share: ${sum.toFixed(2)} nats from what its spans claim`);
    assert.ok(sum > 10, `${sum}`);
  });
});
