/**
 * Workloads by name. Lengths of the groups are those of Seer (2511.14617v3) for Moonlight, Qwen2-VL-72B and Kimi K2, of
 * RollPacker (2509.21009) for 16k chains of thought and of TailSieve (2026); prompt lengths are ours, since none of them
 * gives any. Fleets: a replica's KV and step times by public figures of such engines; K2's KV is such that a whole run takes
 * about Seer's time.
 */
import type { Random } from "../../contract/clock.ts";
import { seededRandom } from "../../seeded-random.ts";
import type { Workload } from "../workload.ts";
import { agentic } from "./agentic.ts";
import { asynchronous } from "./asynchronous.ts";
import type { PresetChanges } from "./changes.ts";
import { type FleetShape, uniformFleet } from "./fleets.ts";
import { type GroupShape, groupOf, type Prompt, promptOf } from "./groups.ts";
import { multiTenant } from "./multi-tenant.ts";

interface GroupPreset extends GroupShape {
  readonly groups: number;
  readonly fleet: FleetShape;
}

const WITHIN = 0.65;
const MATHS = { median: 300, sigma: 0.6, cap: 4_096 };
/** An image is about a thousand tokens of its prompt. */
const IMAGES = { median: 1_500, sigma: 0.4, cap: 8_192 };

const FLAT: FleetShape = {
  workers: 8,
  kvTokens: 500_000,
  step: { a: 0.008, s: 0.000_08 },
  prefillTokensPerSecond: 20_000,
};
/** Step time grows steeply with the batch, as of mixture-of-experts models. */
const STEEP: FleetShape = { ...FLAT, step: { a: 0.008, s: 0.000_3 } };

/** A small model, of which the longest rollout takes a step or two of its trainer. */
const QUICK: FleetShape = {
  ...FLAT,
  workers: 6,
  step: { a: 0.004, s: 0.000_04 },
  prefillTokensPerSecond: 40_000,
};

const law = (mu: number, sigma: number, cap: number, runaway = 0): GroupShape["lengths"] => ({
  mu,
  sigma,
  within: WITHIN,
  cap,
  runaway,
});

const SHORT: GroupPreset = {
  groups: 128,
  size: 8,
  lengths: law(6.458, 1.05, 16_384),
  prompts: MATHS,
  fleet: FLAT,
};

const TAILSIEVE: GroupPreset = {
  groups: 64,
  size: 8,
  lengths: law(7.056, 0.988, 11_800),
  prompts: MATHS,
  fleet: STEEP,
};

const GROUP_PRESETS = {
  moonlight: {
    groups: 400,
    size: 8,
    lengths: law(9.714, 0.9, 65_536),
    prompts: MATHS,
    fleet: {
      workers: 32,
      kvTokens: 400_000,
      step: { a: 0.01, s: 0.000_1 },
      prefillTokensPerSecond: 12_000,
    },
  },
  vl72b: {
    groups: 600,
    size: 16,
    lengths: law(8.483, 1, 40_960),
    prompts: IMAGES,
    fleet: {
      workers: 16,
      kvTokens: 900_000,
      step: { a: 0.02, s: 0.000_15 },
      prefillTokensPerSecond: 8_000,
    },
  },
  k2: {
    groups: 800,
    size: 8,
    lengths: law(10.308, 0.9, 98_304),
    prompts: MATHS,
    fleet: {
      workers: 8,
      kvTokens: 5_000_000,
      step: { a: 0.025, s: 0.000_1 },
      prefillTokensPerSecond: 8_000,
    },
  },
  short16k: SHORT,
  tailsieve: TAILSIEVE,
  "tailsieve-flat": { ...TAILSIEVE, fleet: FLAT },
  runaway: { ...SHORT, lengths: law(6.458, 1.05, 16_384, 0.02) },
} satisfies Record<string, GroupPreset>;

type Make = (random: Random, changes: PresetChanges) => Omit<Workload, "name">;

const OTHERS = {
  agentic,
  "multi-tenant": multiTenant,
  async: (random, changes) => asynchronous(random, changes, { ...TAILSIEVE, fleet: QUICK }),
} satisfies Record<string, Make>;

export type PresetName = keyof typeof GROUP_PRESETS | keyof typeof OTHERS;

const isGroupPreset = (name: PresetName): name is keyof typeof GROUP_PRESETS =>
  Object.hasOwn(GROUP_PRESETS, name);

export const PRESET_NAMES: readonly PresetName[] = [
  ...Object.keys(GROUP_PRESETS),
  ...Object.keys(OTHERS),
].filter(isPresetName);

export function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(GROUP_PRESETS, name) || Object.hasOwn(OTHERS, name);
}

/** The same name, seed and changes give the same workload. */
export function presetWorkload(
  name: PresetName,
  seed: number,
  changes: PresetChanges = {},
): Workload {
  const random = seededRandom(seed);
  if (!isGroupPreset(name)) return { name, ...OTHERS[name](random, changes) };
  const preset: GroupPreset = GROUP_PRESETS[name];
  const { groups, fleet, lengths } = preset;
  const { workers = fleet.workers, resume = "recompute", within = lengths.within } = changes;
  const { size = preset.size } = changes;
  const shape: GroupShape = { ...preset, size, lengths: { ...lengths, within } };
  const { epochs = { count: 1, apartSeconds: 0 } } = changes;
  const place = { policy: "policy", arrivalSeconds: 0 };
  const prompts: Prompt[] = [];
  const rollouts = Array.from({ length: changes.groups ?? groups }, (_, g) => {
    const prompt = promptOf(random, shape, `g-${g}`);
    prompts.push(prompt);
    return groupOf(random, shape, { ...place, name: prompt.name }, prompt);
  }).flat();
  for (let epoch = 1; epoch < epochs.count; epoch++) {
    const arrivalSeconds = epoch * epochs.apartSeconds;
    for (const prompt of prompts) {
      const again = { ...place, name: `${prompt.name}-${epoch}`, arrivalSeconds };
      rollouts.push(...groupOf(random, shape, again, prompt));
    }
  }
  return {
    name,
    policies: [{ name: "policy", base: null }],
    rollouts,
    fleet: uniformFleet({ ...fleet, workers }, resume, changes.hostShare),
  };
}
