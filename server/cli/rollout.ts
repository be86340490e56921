/** `paceline rollout`: send prompts and print or save results. */
import { createWriteStream, readFileSync } from "node:fs";
import { SingleBar } from "cli-progress";
import { Command } from "commander";
import { PacelineError } from "../contract/errors.ts";
import { openTokenizer, type TextCodec } from "../text/tokenizer.ts";
import { type Client, createClient, type ServerOptions } from "./client.ts";
import { addServerOptions } from "./options.ts";

interface RolloutOptions extends ServerOptions {
  policy: string;
  text?: string;
  ids?: string;
  file?: string;
  tokenizer?: string;
  out?: string;
  maxNewTokens: string;
  temperature: string;
  seed?: string;
  session?: string;
  turn: string;
  n: string;
  concurrency: string;
}

type Body = Record<string, unknown> & { prompt_token_ids: number[] };

interface Reply {
  id: string;
  output_token_ids: number[];
  logprobs: number[];
  finish_reason: { type: string; cause: string };
  spans: { version: number }[];
  routing: { worker: string | null };
}

export function rolloutCommand(): Command {
  const command = new Command("rollout")
    .description(
      "send prompts (ids, text where the policy has a tokenizer, or a JSONL file of rollouts) and print results",
    )
    .option("-p, --policy <id>", "the policy", "default")
    .option("-t, --text <text>", "a prompt as text")
    .option("--ids <list>", "a prompt as token ids, comma separated")
    .option("-f, --file <jsonl>", 'one rollout body a line, or {"text": …}')
    .option("--tokenizer <dir>", "directory with tokenizer.json (default: the policy's own source)")
    .option("-o, --out <jsonl>", "write results to a file, one a line, in order of finishing")
    .option("-m, --max-new-tokens <n>", "tokens to sample at most", "32")
    .option("--temperature <t>", "0 is greedy", "1")
    .option("--seed <n>", "seed of the first sample")
    .option("-n, --n <count>", "samples per prompt, as a group", "1")
    .option("--session <id>", "the session that this is a turn of: its KV is found again")
    .option("--turn <n>", "the turn's number, from 0", "0")
    .option("-c, --concurrency <n>", "rollouts in flight", "64")
    .addHelpText(
      "after",
      '\nExamples:\n  paceline rollout --text "17+25="\n  paceline rollout --ids 49,55,43,50,53,61 -n 8 --out results.jsonl',
    )
    .action(rollout);
  return addServerOptions(command);
}

async function rollout(options: RolloutOptions): Promise<void> {
  const client = createClient(options, Number(options.concurrency));
  try {
    const codec = await findTokenizer(client, options);
    const bodies = expand(prompts(options, codec), options);
    const out = options.out === undefined ? null : createWriteStream(options.out);
    const bar =
      bodies.length > 1
        ? new SingleBar({ format: "{bar} {value}/{total} rollouts, {duration_formatted}" })
        : null;
    bar?.start(bodies.length, 0);
    const failures: PacelineError[] = [];
    await inParallel(bodies, Number(options.concurrency), async (body) => {
      try {
        const reply = await client.json<Reply>("POST", "/v1/rollouts", body);
        if (out) out.write(`${JSON.stringify(reply)}\n`);
        else print(reply, codec, bodies.length === 1);
      } catch (thrown) {
        failures.push(PacelineError.from(thrown));
      }
      bar?.increment();
    });
    bar?.stop();
    if (out) await new Promise((resolve) => out.end(resolve));
    const first = failures[0];
    if (first)
      throw new PacelineError(
        first.code,
        `${failures.length} of ${bodies.length} failed, first: ${first.message}`,
      );
  } finally {
    await client.close();
  }
}

function prompts(options: RolloutOptions, codec: TextCodec | null): Body[] {
  const encode = (text: string): number[] => {
    if (codec) return codec.encode(text);
    throw new PacelineError(
      "invalid_argument",
      "the policy has no tokenizer here; give --tokenizer DIR or --ids",
    );
  };
  if (options.text !== undefined) return [{ prompt_token_ids: encode(options.text) }];
  if (options.ids !== undefined) return [{ prompt_token_ids: options.ids.split(",").map(Number) }];
  if (options.file === undefined)
    throw new PacelineError("invalid_argument", "give --text, --ids or --file");
  const lines = readFileSync(options.file, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "");
  return lines.map((line, at) => {
    try {
      const { text, ...body } = JSON.parse(line) as Body & { text?: string };
      return text === undefined ? body : { ...body, prompt_token_ids: encode(text) };
    } catch (thrown) {
      throw new PacelineError(
        "invalid_argument",
        `${options.file}:${at + 1}: ${PacelineError.from(thrown).message}`,
      );
    }
  });
}

function expand(bodies: readonly Body[], options: RolloutOptions): Body[] {
  const size = Number(options.n);
  if (options.session !== undefined && size * bodies.length > 1) {
    throw new PacelineError("invalid_argument", "--session takes one prompt and one sample");
  }
  const stamp = Date.now().toString(36);
  return bodies.flatMap((body, prompt) =>
    Array.from({ length: size }, (_, index) => ({
      policy: options.policy,
      ...body,
      sampling: {
        max_new_tokens: Number(options.maxNewTokens),
        temperature: Number(options.temperature),
        ...(options.seed === undefined ? {} : { seed: Number(options.seed) }),
        ...(body["sampling"] as object | undefined),
      },
      ...(options.session === undefined
        ? {}
        : { session: { id: options.session, turn: Number(options.turn) } }),
      ...(size > 1 ? { group: { id: `cli-${stamp}-${prompt}`, size, index } } : {}),
    })),
  );
}

async function findTokenizer(client: Client, options: RolloutOptions): Promise<TextCodec | null> {
  if (options.tokenizer !== undefined) return openTokenizer(options.tokenizer);
  const policy = await client.json<{ versions: { version: number; source: { path?: string } }[] }>(
    "GET",
    `/v1/policies/${encodeURIComponent(options.policy)}`,
  );
  const path = policy.versions.at(-1)?.source.path;
  return path === undefined ? null : openTokenizer(path);
}

function print(reply: Reply, codec: TextCodec | null, full: boolean): void {
  const text = codec?.decode(reply.output_token_ids) ?? null;
  const versions = [...new Set(reply.spans.map(({ version }) => version))];
  const { output_token_ids, logprobs, finish_reason, routing } = reply;
  const line = {
    id: reply.id,
    text,
    output_token_ids,
    logprobs,
    versions,
    worker: routing.worker,
    finish: finish_reason.cause,
  };
  console.log(
    full
      ? JSON.stringify(line, null, 1)
          .replaceAll(/\n\s{2,}/g, " ")
          .replaceAll(/\n \]/g, "]")
      : JSON.stringify(line),
  );
}

async function inParallel<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const lane = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(limit, items.length)) }, lane));
}
