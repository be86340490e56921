/**
 * Runs one target over many inputs: in batches, each over a fresh instance that must still serve at its end, and each
 * in lanes, so that calls overlap. fast-check makes the inputs and shrinks what fails.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { collectedHeap } from "../support/collected-heap.ts";

export interface Target<Input> {
  readonly name: string;
  readonly inputs: fc.Arbitrary<Input>;
  shown(input: Input): string;
  open(): Promise<Session<Input>>;
}

export interface Session<Input> {
  /** A caller of its own; what it returns throws where a property does not hold. */
  lane(): (input: Input) => Promise<void>;
  /** Still serves, and holds nothing of what went before. */
  healthy(): Promise<void>;
  close(): Promise<void>;
}

export interface Plan {
  readonly seed: number;
  readonly count: number;
  /** fast-check's path of one input; then only that one, and those that it shrinks to, is run. */
  readonly path?: string;
  readonly batch?: number;
  readonly lanes?: number;
}

export interface Tally {
  readonly inputs: number;
  readonly batches: number;
  /** Bytes in use after the last batch beyond those after the first. */
  readonly heapGrowth: number;
}

/** Of garbage collected memory, over all batches after the first: beyond it something is kept. */
const HEAP_GROWTH_BYTES = 24 * 1024 * 1024;

/** Throws for the first input that breaks a property, minimised, with the command that runs it again. */
export async function campaign<Input>(target: Target<Input>, plan: Plan): Promise<Tally> {
  const { batch = 5_000, count } = plan;
  const crashes: unknown[] = [];
  const crashed = (thrown: unknown): void => void crashes.push(thrown);
  process.on("uncaughtException", crashed);
  process.on("unhandledRejection", crashed);
  let first: Held | null = null;
  let last: Held = { heap: 0, handles: 0 };
  let inputs = 0;
  const batches = Math.max(1, Math.ceil(count / batch));
  try {
    for (let nth = 0; nth < batches; nth++) {
      const runs = Math.min(batch, count - nth * batch);
      const seed = plan.path === undefined ? seedOf(plan.seed, nth, 0) : plan.seed;
      const ran = await runBatch(target, { ...plan, count: runs, seed });
      assert.deepEqual(crashes, [], `${target.name}: crashed in the batch of seed ${seed}`);
      inputs += ran;
      last = await held();
      first ??= last;
    }
  } finally {
    process.off("uncaughtException", crashed);
    process.off("unhandledRejection", crashed);
  }
  const heapGrowth = last.heap - (first?.heap ?? 0);
  assert.ok(heapGrowth < HEAP_GROWTH_BYTES, `${target.name}: heap grew by ${heapGrowth} bytes`);
  const handles = last.handles - (first?.handles ?? 0);
  assert.ok(handles <= 4, `${target.name}: ${handles} more handles are open`);
  return { inputs, batches, heapGrowth };
}

async function runBatch<Input>(target: Target<Input>, plan: Plan): Promise<number> {
  const session = await target.open();
  const lanes = plan.path === undefined ? Math.min(plan.lanes ?? 8, plan.count) : 1;
  try {
    const runs = await Promise.all(
      Array.from({ length: lanes }, (_, lane) =>
        runLane(target, session.lane(), plan, lane, lanes),
      ),
    );
    await session.healthy();
    return runs.reduce((sum, ran) => sum + ran, 0);
  } finally {
    await session.close();
  }
}

async function runLane<Input>(
  target: Target<Input>,
  attempt: (input: Input) => Promise<void>,
  { seed: batchSeed, count, path }: Plan,
  lane: number,
  lanes: number,
): Promise<number> {
  const seed = path === undefined ? seedOf(batchSeed, 0, lane) : batchSeed;
  const numRuns = path === undefined ? Math.ceil((count - lane) / lanes) : 1;
  const details = await fc.check(fc.asyncProperty(target.inputs, attempt), {
    seed,
    numRuns,
    ...(path === undefined ? {} : { path }),
  });
  if (!details.failed) return details.numRuns;
  const [input] = details.counterexample ?? [];
  const { counterexamplePath, errorInstance } = details;
  const again = `npm run fuzz -- --target ${target.name} --seed=${seed} --path ${counterexamplePath}`;
  throw new Error(
    `${target.name}: ${errorInstance instanceof Error ? errorInstance.message : String(errorInstance)}\n` +
      `minimised after ${details.numShrinks} steps:\n${input === undefined ? "" : target.shown(input)}\nagain: ${again}`,
    { cause: errorInstance },
  );
}

/** A seed of its own for each batch and lane; fast-check's are 32 bits, signed. */
const seedOf = (seed: number, batch: number, lane: number): number =>
  (Math.imul(seed ^ (batch * 0x9e37_79b1), 0x85eb_ca6b) + Math.imul(lane, 0xc2b2_ae35)) | 0;

interface Held {
  readonly heap: number;
  readonly handles: number;
}

/** What is in use once all that has been closed is gone. */
async function held(): Promise<Held> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  return {
    heap: collectedHeap(),
    handles: process.getActiveResourcesInfo().length,
  };
}
