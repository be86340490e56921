/**
 * All fronts of the server, and proxies that do not read what they carry, in front of one engine in one
 * run: requests/s, latency, and CPU of the process in the middle per rollout.
 */
import { type EngineUnderTest, type Fleet, startFleet } from "./fleet.ts";
import { FRONTS, type Front } from "./fronts.ts";
import { inLanes, inTurns, prompts, quantile, WARM_ROLLOUTS } from "./load.ts";
import { cpuMs, type Measured } from "./processes.ts";
import { startHaproxy, startPassThrough } from "./rivals.ts";
import { type Table, table } from "./table.ts";

const TOKENS = [256, 2_048];
/** Callers at once, and rollouts of a row: enough that each row takes about a second. */
const LOADS = [
  { concurrency: 1, rollouts: 100 },
  { concurrency: 32, rollouts: 640 },
  { concurrency: 256, rollouts: 1_024 },
];
const WARM_UP = 200;
const WARM_LANES = 32;
const MAX_RUNNING = 256;

export interface ComparisonOptions {
  /** Tokens of an engine frame. */
  readonly interval: number;
  readonly installHaproxy: boolean;
  readonly node: readonly string[];
}

interface Figures {
  readonly rate: number;
  readonly cpu: number;
}

export async function compareFronts(options: ComparisonOptions): Promise<void> {
  const { interval } = options;
  const engines = [{ pool: "one", interval, maxRunning: MAX_RUNNING }];
  const fleet = await startFleet(engines, [], options.node);
  const engine = fleet.engines[0] as EngineUnderTest;
  const passThrough = await startPassThrough(engine.url);
  const haproxy = await startHaproxy(engine.url, options.installHaproxy);
  const out = table(
    `Fronts: prompt 1,000 ids, engine frames of ${interval} tokens, CPU of the process in the middle`,
    "front,tokens,c,rollouts/s,p50 ms,p99 ms,CPU ms,rollouts/s ÷ pass-through,CPU ÷ pass-through".split(
      ",",
    ),
  );
  const middles: (readonly [Front, Measured])[] = [
    [passThrough.front, passThrough.process],
    ...(haproxy === null ? [] : [[haproxy.front, haproxy.process] as const]),
    ...FRONTS.map((front) => [front, fleet.server] as const),
  ];
  for (const [front] of middles) {
    const caller = front.open(fleet, engine, WARM_LANES);
    await inTurns(WARM_ROLLOUTS / FRONTS.length, async (count) => {
      const bodies = prompts(count).map((prompt, seed) =>
        caller.encode({ prompt, tokens: 256, seed }),
      );
      await inLanes(count, WARM_LANES, (at) => caller.send(bodies[at] as string | Buffer, 256));
    });
    caller.close();
  }
  for (const tokens of TOKENS) {
    for (const load of LOADS) {
      let base: Figures | null = null;
      for (const [front, middle] of middles) {
        const figures = await measure(out, { fleet, engine, front, middle, tokens, ...load }, base);
        base ??= figures;
      }
    }
  }
}

interface Trial {
  readonly fleet: Fleet;
  readonly engine: EngineUnderTest;
  readonly front: Front;
  readonly middle: Measured;
  readonly tokens: number;
  readonly concurrency: number;
  readonly rollouts: number;
}

async function measure(out: Table, trial: Trial, base: Figures | null): Promise<Figures> {
  const { fleet, engine, front, middle, tokens, concurrency, rollouts } = trial;
  const caller = front.open(fleet, engine, concurrency);
  const send = async (count: number, from: number): Promise<readonly number[]> => {
    const bodies = prompts(count).map((prompt, at) =>
      caller.encode({ prompt, tokens, seed: from + at }),
    );
    return inLanes(count, concurrency, (at) => caller.send(bodies[at] as string | Buffer, tokens));
  };
  await send(Math.min(WARM_UP, rollouts), 0);
  const before = cpuMs(middle);
  const began = performance.now();
  const times = await send(rollouts, WARM_UP);
  const seconds = (performance.now() - began) / 1_000;
  const figures = { rate: rollouts / seconds, cpu: (cpuMs(middle) - before) / rollouts };
  caller.close();
  const of = base ?? figures;
  out.row(
    ...[front.name, tokens, concurrency, figures.rate.toFixed(0)],
    ...[quantile(times, 0.5).toFixed(1), quantile(times, 0.99).toFixed(1), figures.cpu.toFixed(3)],
    ...[(figures.rate / of.rate).toFixed(2), (figures.cpu / of.cpu).toFixed(2)],
  );
  return figures;
}
