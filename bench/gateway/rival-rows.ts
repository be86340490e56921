/**
 * The whole server beside other people's routers, all before the same engine. Callers send SGLang's `/generate`, the
 * same bytes to everyone; the server takes them through its dialect, and once more through its own call with base64
 * arrays. What differs by design: of a unary rollout the others carry one body that they do not read, while the server
 * has the engine stream to it, reads every token, and so keeps what a dead engine has made.
 */
import { Pool, request } from "undici";
import { inLanes, inTurns, median, prompts, quantile, WARM_ROLLOUTS } from "./load.ts";
import { type Middle, type Middles, type MiddlesOptions, startMiddles } from "./middles.ts";
import { cpuMs } from "./processes.ts";
import { table } from "./table.ts";

export interface RivalOptions extends MiddlesOptions {
  /** Rollouts of a round at c=32; at c=1 a quarter. */
  readonly rollouts: number;
  readonly rounds: number;
  /** Tokens of an engine's event, those that the server's unary rollouts come in included. */
  readonly interval: number;
}

interface Kind {
  readonly tokens: number;
  readonly concurrency: number;
  readonly stream: boolean;
  readonly interval: number;
}

interface Figures {
  readonly rate: number;
  readonly p50: number;
  readonly cpu: number;
}

const SIZES = [256, 2_048].flatMap((tokens) =>
  [1, 32].map((concurrency) => ({ tokens, concurrency })),
);
const INTERVALS = [1, 16, 64, 256, 2_048];
/** Before each row, of everyone. */
const WARM_UP = 400;
const PASS_THROUGH = "Node pass-through";
const SMG = "smg";
const COLUMNS =
  "middle,tokens,c,interval,rollouts/s,p50 ms,CPU ms,CPU ÷ smg,p50 ÷ smg,CPU ÷ pass-through,rollouts/s ÷ pass-through";

export async function compareRivals(options: RivalOptions): Promise<void> {
  const middles = await startMiddles(options);
  await warm(middles);
  for (const { name, reason } of middles.absent) console.log(`\n**${name} is absent:** ${reason}`);
  const unary = SIZES.map((size) => ({ ...size, stream: false, interval: options.interval }));
  await rows("Unary. Goal: CPU at most 1.2 × smg's", middles, unary, options);
  const streamed = unary.map((kind) => ({ ...kind, stream: true }));
  // Dynamo's workers send a token an event, and nothing else compares with it.
  streamed.push({ tokens: 256, concurrency: 32, stream: true, interval: 1 });
  await rows("Streamed. Goal: CPU at most the pass-through's", middles, streamed, options);
  await rows(
    "Unary by the engine's interval: fewer events, and as many tokens at risk of each rollout when the engine dies",
    { ...middles, running: middles.running.filter(isOneOf("Paceline", SMG, PASS_THROUGH)) },
    INTERVALS.map((interval) => ({ tokens: 2_048, concurrency: 32, stream: false, interval })),
    options,
  );
}

/** Of everyone alike, unary and streamed. */
async function warm({ engine, running }: Middles): Promise<void> {
  await streamBy(engine, 16);
  for (const stream of [false, true]) {
    const kind = { tokens: 256, concurrency: 32, stream, interval: 16 };
    for (const middle of running.filter(({ tokenWise }) => !tokenWise)) {
      const pool = poolOf(middle, kind);
      await inTurns(WARM_ROLLOUTS / 2, (count) => measure(middle, pool, kind, count));
      await pool.close();
    }
  }
}

const isOneOf =
  (...names: readonly string[]) =>
  ({ name }: Middle): boolean =>
    names.some((one) => name.startsWith(one));

async function rows(
  title: string,
  { engine, running }: Middles,
  kinds: readonly Kind[],
  options: RivalOptions,
): Promise<void> {
  const out = table(
    `${title}: prompt 1,000 ids, ${options.rounds} rounds of ${options.rollouts} rollouts`,
    COLUMNS.split(","),
  );
  for (const kind of kinds) {
    await streamBy(engine, kind.interval);
    const serve = running.filter(({ tokenWise }) => !tokenWise || isTokenWise(kind));
    const seen = await roundsOf(serve, kind, options);
    const of = (name: string): Figures | undefined =>
      seen.find(({ middle }) => middle.name.startsWith(name))?.figures;
    const [smg, pass] = [of(SMG), of(PASS_THROUGH)];
    for (const { middle, figures } of seen) {
      out.row(
        ...[middle.name, kind.tokens, kind.concurrency, kind.interval, figures.rate.toFixed(0)],
        ...[figures.p50.toFixed(2), figures.cpu.toFixed(3)],
        ...[ratio(figures.cpu, smg?.cpu), ratio(figures.p50, smg?.p50)],
        ...[ratio(figures.cpu, pass?.cpu), ratio(figures.rate, pass?.rate)],
      );
    }
  }
}

const isTokenWise = ({ stream, interval }: Kind): boolean => stream && interval === 1;

const ratio = (value: number, base: number | undefined): string =>
  base === undefined ? "—" : (value / base).toFixed(2);

/** Medians of rounds in which all take their turns, in both orders. */
async function roundsOf(
  running: readonly Middle[],
  kind: Kind,
  options: RivalOptions,
): Promise<readonly { readonly middle: Middle; readonly figures: Figures }[]> {
  const rollouts = kind.concurrency === 1 ? Math.ceil(options.rollouts / 4) : options.rollouts;
  const callers: { middle: Middle; rounds: Figures[]; pool: Pool }[] = [];
  for (const middle of running) {
    const pool = poolOf(middle, kind);
    try {
      await measure(middle, pool, kind, WARM_UP);
      callers.push({ middle, rounds: [], pool });
    } catch (thrown) {
      console.log(
        `| ${middle.name} is left out: ${thrown instanceof Error ? thrown.message : ""} |`,
      );
    }
  }
  for (let round = 0; round < options.rounds; round++) {
    const order = round % 2 === 0 ? callers : callers.toReversed();
    for (const { middle, pool, rounds } of order)
      rounds.push(await measure(middle, pool, kind, rollouts));
  }
  return callers.map(({ middle, rounds, pool }) => {
    void pool.close();
    const of = (part: keyof Figures): number => median(rounds.map((figures) => figures[part]));
    return { middle, figures: { rate: of("rate"), p50: of("p50"), cpu: of("cpu") } };
  });
}

const poolOf = ({ url }: Middle, { concurrency }: Kind): Pool =>
  new Pool(new URL(url).origin, { connections: concurrency, headersTimeout: 0, bodyTimeout: 0 });

async function measure(middle: Middle, pool: Pool, kind: Kind, count: number): Promise<Figures> {
  const { tokens, stream, concurrency } = kind;
  const bodies = prompts(count).map((prompt) => middle.body({ prompt, tokens, stream }));
  const path = new URL(middle.url).pathname;
  const accept = stream ? "text/event-stream" : "application/json";
  const before = cpuMs(middle.process);
  const began = performance.now();
  const times = await inLanes(count, concurrency, async (at) => {
    const reply = await pool.request({
      method: "POST",
      path,
      headers: { "content-type": "application/json", accept },
      body: bodies[at] as string,
    });
    const bytes = Buffer.from(await reply.body.arrayBuffer());
    // Whatever the form: both arrays, and the word that a complete rollout ends with.
    if (reply.statusCode !== 200 || bytes.length < 8 * tokens || !bytes.includes('"length"'))
      throw new Error(`${middle.name}: ${bytes.subarray(-300).toString()}`);
  });
  const seconds = (performance.now() - began) / 1_000;
  const cpu = (cpuMs(middle.process) - before) / count;
  return { rate: count / seconds, p50: quantile(times, 0.5), cpu };
}

/** Of the streams that begin from here on. */
async function streamBy(engine: string, tokens: number): Promise<void> {
  const reply = await request(`${engine}/bench/interval`, {
    method: "POST",
    body: JSON.stringify({ tokens }),
  });
  if (reply.statusCode !== 200) throw new Error(`the engine answered ${reply.statusCode}`);
}
