/**
 * What the HTTP front alone costs: CPU of its process per unary rollout (1,000 prompt tokens, base64
 * arrays), over rollouts that finish at once, beside a bare `node:http` server that reads the same
 * bodies and answers the same bytes. Rounds alternate; the median is told.
 *
 *   node bench/http-front/run.ts [--rollouts 4000] [--concurrency 16] [--rounds 3]
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Pool } from "undici";

const { values } = parseArgs({
  options: {
    rollouts: { type: "string", default: "4000" },
    concurrency: { type: "string", default: "16" },
    rounds: { type: "string", default: "3" },
  },
});
const ROLLOUTS = Number(values.rollouts);
const CONCURRENCY = Number(values.concurrency);
const ROUNDS = Number(values.rounds);
const PROMPT_TOKENS = 1_000;

interface Served {
  readonly child: ChildProcess;
  readonly pool: Pool;
}

const bodies = Array.from({ length: 64 }, (_, i) => {
  const ids = Uint32Array.from({ length: PROMPT_TOKENS }, (_, at) => (at * 7919 + i) % 50_021);
  return (tokens: number): string =>
    JSON.stringify({
      prompt_token_ids: Buffer.from(ids.buffer).toString("base64"),
      sampling: { max_new_tokens: tokens, temperature: 1, seed: i },
      encoding: "b64",
    });
});

async function start(what: "front" | "bare", tokens: number): Promise<Served> {
  const file = fileURLToPath(new URL("./served.ts", import.meta.url));
  const child = fork(file, [what, String(tokens)]);
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: CONCURRENCY });
  return { child, pool };
}

async function cpuMicros({ child }: Served): Promise<number> {
  const answer = once(child, "message") as Promise<[{ cpuMicros: number }]>;
  child.send("cpu");
  return (await answer)[0].cpuMicros;
}

/** Microseconds of the server's CPU per request. */
async function round(served: Served, requests: readonly string[], count: number): Promise<number> {
  let sent = 0;
  const lane = async (): Promise<void> => {
    while (sent < count) {
      const body = requests[sent++ % requests.length] as string;
      const reply = await served.pool.request({
        method: "POST",
        path: "/v1/rollouts",
        headers: { "content-type": "application/json" },
        body,
      });
      const bytes = await reply.body.arrayBuffer();
      if (reply.statusCode !== 200) throw new Error(Buffer.from(bytes).toString());
    }
  };
  const before = await cpuMicros(served);
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
  return ((await cpuMicros(served)) - before) / count;
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

for (const tokens of [256, 2_048]) {
  const requests = bodies.map((body) => body(tokens));
  const front = await start("front", tokens);
  const bare = await start("bare", tokens);
  for (const served of [front, bare]) await round(served, requests, ROLLOUTS / 2);
  const seen = { front: [] as number[], bare: [] as number[] };
  for (let i = 0; i < ROUNDS; i++) {
    seen.front.push(await round(front, requests, ROLLOUTS));
    seen.bare.push(await round(bare, requests, ROLLOUTS));
  }
  const [ours, floor] = [median(seen.front), median(seen.bare)];
  console.log(
    `${tokens} tokens: front ${ours.toFixed(0)} µs, bare node:http ${floor.toFixed(0)} µs of CPU a rollout; ` +
      `ratio ${(ours / floor).toFixed(2)}, the front's own ${(ours - floor).toFixed(0)} µs`,
  );
  for (const { child, pool } of [front, bare]) {
    await pool.close();
    child.disconnect();
  }
}
