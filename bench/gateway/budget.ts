/**
 * The server's CPU per unary rollout (base64 arrays), beside bare clients of the same engine in the same
 * run. One budget: 0.25 ms + 8 µs per engine event at 2,048 tokens. Rounds alternate; medians are told.
 */
import { Pool } from "undici";
import { type Bare, barePaced, bareUndici } from "./bare.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import {
  freshId,
  inLanes,
  inTurns,
  median,
  PROMPT_TOKENS,
  prompts,
  quantile,
  WARM_ROLLOUTS,
} from "./load.ts";
import { cpuMs } from "./processes.ts";
import { sampleRequest } from "./sample-request.ts";
import { table } from "./table.ts";

const INTERVALS = [1, 16, 64];
const TOKENS = [256, 2_048];
const LATENCY_ROLLOUTS = 200;
/** Before each row. */
const WARM_UP = 400;

export interface BudgetOptions {
  readonly rollouts: number;
  readonly concurrency: number;
  readonly rounds: number;
  /** Of the server and of the bare client that reads alike, ms. */
  readonly unreadMs: number;
  readonly node: readonly string[];
}

interface Load {
  readonly engine: string;
  readonly pool: string;
  readonly tokens: number;
}

export async function measureBudget(options: BudgetOptions): Promise<void> {
  const { rollouts, concurrency, unreadMs } = options;
  const fleet = await startFleet(
    INTERVALS.map((interval) => ({ pool: `i${interval}`, interval, maxRunning: 64 })),
    ["--unread-ms", String(unreadMs)],
    options.node,
  );
  const server = createCaller(fleet, concurrency);
  const { row } = table(
    `CPU per unary rollout, ms: ${rollouts} × ${options.rounds} rollouts at c=${concurrency}, prompt ${PROMPT_TOKENS} ids, \`--unread-ms ${unreadMs}\``,
    "tokens,interval,events,server,bare undici,bare paced,÷ undici,÷ paced,budget,within,added p50 at c=1".split(
      ",",
    ),
  );
  await inTurns(WARM_ROLLOUTS, (count) =>
    server.run({ engine: "", pool: "i16", tokens: 256 }, count, concurrency),
  );
  for (const tokens of TOKENS) {
    for (const [i, interval] of INTERVALS.entries()) {
      const engine = fleet.engines[i]?.url ?? "";
      const load = { engine, pool: `i${interval}`, tokens };
      const bare = { undici: bareUndici(engine, concurrency), paced: barePaced(engine, unreadMs) };
      const cost = await roundsOf(fleet, server, bare, load, options);
      const added = await addedLatency(server, bare.undici, load);
      const events = 2 + Math.ceil((tokens - 1) / interval) + 1;
      const budget = 0.25 + 0.008 * events;
      row(
        ...[tokens, interval, events],
        ...[cost.server, cost.undici, cost.paced].map((ms) => ms.toFixed(3)),
        ...[cost.overUndici, cost.overPaced].map((ratio) => ratio.toFixed(2)),
        ...[budget.toFixed(2), cost.server <= budget ? "yes" : "NO", added.toFixed(2)],
      );
      bare.undici.close();
      bare.paced.close();
    }
  }
  server.close();
}

type Caller = ReturnType<typeof createCaller>;

function createCaller(fleet: Fleet, connections: number) {
  const pool = new Pool(fleet.http, { connections, headersTimeout: 0, bodyTimeout: 0 });
  return {
    async run(load: Load, count: number, lanes: number): Promise<readonly number[]> {
      const bodies = prompts(count).map((prompt, seed) =>
        JSON.stringify({
          id: freshId(),
          pool: load.pool,
          prompt_token_ids: prompt,
          sampling: { max_new_tokens: load.tokens, ignore_eos: true, seed },
          encoding: "b64",
        }),
      );
      return inLanes(count, lanes, async (at) => {
        const reply = await pool.request({
          method: "POST",
          path: "/v1/rollouts",
          headers: { "content-type": "application/json" },
          body: bodies[at] as string,
        });
        const text = await reply.body.text();
        const ids = (JSON.parse(text) as { output_token_ids?: string }).output_token_ids;
        if (ids === undefined || Buffer.from(ids, "base64").length !== load.tokens * 4)
          throw new Error(text.slice(0, 300));
      });
    },
    close: () => void pool.close(),
  };
}

async function runBare(
  bare: Bare,
  { tokens }: Load,
  count: number,
  lanes: number,
): Promise<{ readonly times: readonly number[]; readonly cpu: number }> {
  const bodies = prompts(count).map((prompt, seed) =>
    JSON.stringify(sampleRequest(freshId(), prompt, tokens, seed)),
  );
  const before = process.cpuUsage();
  const times = await inLanes(count, lanes, async (at) => {
    const bytes = await bare.generate(bodies[at] as string);
    if (bytes < tokens * 8) throw new Error(`${bytes} bytes for ${tokens} tokens`);
  });
  const { user, system } = process.cpuUsage(before);
  return { times, cpu: (user + system) / 1_000 / count };
}

async function roundsOf(
  fleet: Fleet,
  server: Caller,
  bare: { readonly undici: Bare; readonly paced: Bare },
  load: Load,
  { rollouts, concurrency, rounds }: BudgetOptions,
) {
  await server.run(load, WARM_UP, concurrency);
  for (const one of [bare.undici, bare.paced]) await runBare(one, load, 50, concurrency);
  const seen: { server: number; undici: number; paced: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = cpuMs(fleet.server);
    await server.run(load, rollouts, concurrency);
    const ours = (cpuMs(fleet.server) - before) / rollouts;
    const undici = await runBare(bare.undici, load, rollouts, concurrency);
    const paced = await runBare(bare.paced, load, rollouts, concurrency);
    seen.push({ server: ours, undici: undici.cpu, paced: paced.cpu });
  }
  return {
    server: median(seen.map((one) => one.server)),
    undici: median(seen.map((one) => one.undici)),
    paced: median(seen.map((one) => one.paced)),
    overUndici: median(seen.map((one) => one.server / one.undici)),
    overPaced: median(seen.map((one) => one.server / one.paced)),
  };
}

async function addedLatency(server: Caller, bare: Bare, load: Load): Promise<number> {
  const through = await server.run(load, LATENCY_ROLLOUTS, 1);
  const direct = await runBare(bare, load, LATENCY_ROLLOUTS, 1);
  return quantile(through, 0.5) - quantile(direct.times, 0.5);
}
