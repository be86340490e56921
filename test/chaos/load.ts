/** The load: lanes of clients that send whatever the seed says, until they are told to stop. */
import { PacelineError } from "../../server/contract/errors.ts";
import { seededRandom } from "../../server/seeded-random.ts";
import type { GrpcClient } from "../support/grpc-client.ts";
import type { HttpClient } from "../support/http-client.ts";
import { createDraw, drawBody, sumPrompt } from "./bodies.ts";
import { generateMany, group, manyArrow, manyLines } from "./bulk-calls.ts";
import type { Account, Body } from "./evidence.ts";
import type { Journal } from "./journal.ts";
import {
  abortLater,
  type Client,
  GENERATE,
  getAgain,
  grpcStream,
  sseStream,
  unary,
} from "./single-calls.ts";

export interface LoadOptions {
  readonly http: HttpClient;
  readonly grpc: GrpcClient;
  readonly journal: Journal;
  readonly seed: number;
  /** Calls in flight. */
  readonly lanes: number;
  /** No new call begins after that. */
  readonly until: AbortSignal;
}

type Mint = () => string;
type Way = (client: Client, mint: Mint) => Promise<void>;

const TRANSPORTS = Object.keys(GENERATE) as (keyof typeof GENERATE)[];

/** As many times in the list as it is likely. */
const WAYS: readonly Way[] = [
  single,
  single,
  single,
  streamed,
  streamed,
  (client, mint) => grpcStream(client, drawBody(mint(), client.draw)).then(() => undefined),
  (client, mint) => manyLines(client, some(client, mint)),
  (client, mint) => manyArrow(client, some(client, mint)),
  (client, mint) => generateMany(client, some(client, mint)),
  (client, mint) => group(client, drawBody(mint(), client.draw), client.draw.once(3)),
  session,
];

export async function runLoad({ http, grpc, journal, seed, lanes, until }: LoadOptions) {
  const lane = async (_: unknown, index: number): Promise<void> => {
    const draw = createDraw(seededRandom(seed + 7919 * (index + 1)));
    const client: Client = { http, grpc, journal, draw };
    let count = 0;
    const mint = (): string => `c${index}-${count++}`;
    while (!until.aborted) await draw.pick(WAYS)(client, mint);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

const some = ({ draw }: Client, mint: Mint): Body[] =>
  Array.from({ length: draw.between(2, 8) }, () => drawBody(mint(), draw));

async function single(client: Client, mint: Mint): Promise<void> {
  const { draw } = client;
  const body = drawBody(mint(), draw);
  const way = draw.pick(TRANSPORTS);
  const aborts = draw.once(12);
  await Promise.all([
    unary(client, way, body),
    ...(aborts ? [abortLater(client, body, draw.pick(["http", "grpc"]))] : []),
    // Joins the one that runs.
    ...(draw.once(10) ? [unary(client, draw.pick(TRANSPORTS), body, null)] : []),
  ]);
  if (draw.once(4)) await unary(client, draw.pick(TRANSPORTS), body, null);
  if (draw.once(4)) await getAgain(client, body, draw.pick(["http", "grpc"]));
  if (draw.once(10)) await otherBody(client, body);
}

/** The same id with another body is refused, or else it is found as a second content of the id. */
async function otherBody(client: Client, { id, job, sampling, ...rest }: Body): Promise<void> {
  const seed = sampling.seed + 1;
  await unary(client, "json", { ...rest, id, job, sampling: { ...sampling, seed } }, null);
}

async function streamed(client: Client, mint: Mint): Promise<void> {
  const { draw } = client;
  const body = drawBody(mint(), draw);
  const { ending } = await sseStream(client, body, draw.once(2));
  // What a stream told piece by piece is what the Result says.
  if (ending?.type === "result") await getAgain(client, body, "http");
}

async function session(client: Client, mint: Mint): Promise<void> {
  const { draw, http } = client;
  const first = drawBody(mint(), draw);
  const { timeout_ms: _, version: __, ...common } = first;
  const id = `s-${first.id}`;
  const turns = draw.between(2, 4);
  const reuse = draw.once(3) ? "session" : "version";
  let prompt = [...first.prompt_token_ids];
  for (let turn = 0; turn < turns; turn++) {
    const body: Body = {
      ...common,
      id: turn === 0 ? first.id : mint(),
      job: first.job,
      sampling: { ...first.sampling, max_new_tokens: draw.between(8, 80) },
      prompt_token_ids: prompt,
      session: { id, turn, final: turn === turns - 1 && draw.once(2) },
      cache: { reuse },
    };
    const account = await unary(client, draw.pick(["json", "b64", "grpc"]), body, null);
    const made = outputOf(account);
    if (made === null) return;
    prompt = [...prompt, ...made, ...sumPrompt(draw)];
  }
  const reply = await http.call("POST", `/v1/sessions/${id}/finish?job=${first.job}`);
  if (reply.status !== 200) throw new PacelineError("internal", `finish of ${id}: ${reply.text}`);
}

/** Null where the turn did not end by itself: then no further one may come. */
function outputOf({ ending }: Account): number[] | null {
  if (ending?.type !== "result" || ending.result.finishReason.type === "abort") return null;
  return [...ending.result.outputTokenIds];
}
