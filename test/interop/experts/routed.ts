/** Which experts an engine says that it sent each position to, against those that torch finds for the same tokens. */
import assert from "node:assert/strict";
import type { Engine } from "../../../adapters/engine.ts";
import type { ExpertsHead } from "../../../server/contract/routed-experts.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { MIXTURE } from "../engines/models.ts";
import { askTorch } from "../torch-script.ts";
import { generated, install } from "../vllm/attempts.ts";

export interface Mixture {
  readonly engine: Engine;
  /** Directory of the checkpoint that it serves. */
  readonly model: string;
  /** One that has torch and transformers. */
  readonly python: string;
  /** How it tells a row. */
  readonly head: ExpertsHead;
  /** Prints figures for whoever reads the run. */
  tell(line: string): void;
}

/** By position and layer. */
interface Routed {
  readonly experts: readonly (readonly (readonly number[])[])[];
  readonly margins: readonly (readonly number[])[];
}

const ROLLOUTS = 4;
const TOKENS = 24;
/** A margin of the gate's, in logits, that rounding to bfloat16 does not turn. */
const SURE = 0.25;

const WIDTHS = { uint8: 1, uint16: 2, int32: 4 } as const;

/** Rows of the bytes, by position and layer, each in ascending order: engines do not say which of the chosen came first. */
function rowsOf({ dtype }: ExpertsHead, bytes: Buffer): number[][][] {
  const { layers, chosen } = MIXTURE;
  const width = WIDTHS[dtype];
  const ids = Array.from({ length: bytes.length / width }, (_, at) =>
    bytes.readUIntLE(at * width, width),
  );
  return Array.from({ length: ids.length / (layers * chosen) }, (_, position) =>
    Array.from({ length: layers }, (_, layer) => {
      const from = (position * layers + layer) * chosen;
      return ids.slice(from, from + chosen).sort((a, b) => a - b);
    }),
  );
}

const sorted = (ids: readonly number[]): number[] => [...ids].sort((a, b) => a - b);

export async function assertRouted({ engine, model, python, head, tell }: Mixture): Promise<void> {
  await install(engine, 1, model);
  const random = seededRandom(testSeed("routed experts"));
  const told: number[][][][] = [];
  const rollouts: number[][] = [];
  for (let index = 0; index < ROLLOUTS; index++) {
    const length = 70 + (random.u32() % 40);
    const promptTokenIds = Uint32Array.from({ length }, () => 3 + (random.u32() % 2_000));
    const cacheNamespace = `experts-${index}`;
    const wish = { promptTokenIds, cacheNamespace, sampling: { maxNewTokens: TOKENS } };
    const ask = (start: number) =>
      generated(engine, {
        ...wish,
        side: {
          ...{ promptLogprobs: null, topLogprobs: 0, samplingMask: false },
          routedExperts: { start },
        },
      });
    const made = await ask(0);
    assert.deepEqual(made.experts?.head, head);
    const bytes = made.experts?.bytes ?? Buffer.of();
    const rows = rowsOf(head, bytes);
    assert.equal(rows.length, length + TOKENS - 1);
    told.push(rows);
    rollouts.push([...promptTokenIds, ...made.ids]);
    // Most of the prompt is cached by now, and nobody runs it forward again.
    const again = await ask(length - 5);
    assert.ok(again.cached >= 32, `${again.cached} tokens cached`);
    if (made.ids.every((id, at) => again.ids[at] === id)) {
      const from = ((length - 5) * bytes.length) / rows.length;
      assert.deepEqual(again.experts?.bytes, bytes.subarray(from));
    }
  }
  const script = new URL("./routed.py", import.meta.url);
  const found = (await askTorch(python, script, { model, rollouts })) as readonly Routed[];
  const count = { sure: 0, doubtful: 0, turned: 0, shifted: 0 };
  for (const [index, { experts, margins }] of found.entries()) {
    const rows = told[index] ?? [];
    assert.equal(experts.length, rows.length);
    for (const [position, layers] of experts.entries()) {
      for (const [layer, ids] of layers.entries()) {
        const where = `rollout ${index}, position ${position}, layer ${layer}`;
        const row = rows[position]?.[layer];
        const isSame = String(row) === String(sorted(ids));
        if ((margins[position]?.[layer] ?? 0) > SURE) {
          assert.ok(isSame, `${where}: ${row}, of torch ${sorted(ids)}`);
          count.sure += 1;
        } else {
          count.doubtful += 1;
          if (!isSame) count.turned += 1;
        }
        if (String(rows[position + 1]?.[layer]) === String(sorted(ids))) count.shifted += 1;
      }
    }
  }
  tell(
    `${count.sure} choices as torch's; of ${count.doubtful} within rounding ${count.turned} otherwise; ` +
      `${count.shifted} would be with each row at the position before it`,
  );
  assert.ok(count.sure > 4 * count.doubtful, "most are sure");
  assert.ok(count.shifted < count.sure / 2, "rows differ by position");
}
