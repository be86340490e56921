/** The ways that a rollout's side data goes from the engine to a client who reads all of it and looks at nothing. */
import { Pool } from "undici";
import { freshId } from "../gateway/load.ts";
import { type BenchRollout, type SideKind, WIDTH } from "./rollout.ts";

export interface Way {
  readonly name: string;
  /** Bytes that came. */
  run(): Promise<number>;
  /** As many as must come. */
  readonly least: number;
}

const poolOf = (url: string): Pool => new Pool(url, { headersTimeout: 0, bodyTimeout: 0 });
const JSON_BODY = { "content-type": "application/json" };

const WANTS = {
  experts: { routed_experts: true },
  top: { top_logprobs: WIDTH },
  scores: { prompt_logprobs: { start: 0 } },
} as const;

/** Of the arrays themselves. */
function leastOf(kind: SideKind, { prompt, tokens }: BenchRollout): number {
  if (kind === "top") return 8 * WIDTH * tokens;
  return kind === "scores" ? 4 * prompt.length : 1024 * 1024;
}

function inferenceBody(kind: SideKind, { prompt, tokens }: BenchRollout, stream: boolean): string {
  return JSON.stringify({
    request_id: freshId(),
    token_ids: prompt,
    sampling_params: {
      ...{ max_tokens: tokens, ignore_eos: true, detokenize: false },
      logprobs: kind === "top" ? WIDTH : 0,
      ...(kind === "scores" ? { prompt_logprobs: 0 } : {}),
    },
    stream,
  });
}

async function drained(body: AsyncIterable<Buffer>): Promise<number> {
  let bytes = 0;
  for await (const part of body) bytes += part.length;
  return bytes;
}

export function pipeWay(kind: SideKind, rollout: BenchRollout, url: string): Way {
  const pool = poolOf(url);
  return {
    name: "pipe: the engine's reply as it is",
    least: leastOf(kind, rollout),
    async run() {
      const body = inferenceBody(kind, rollout, kind !== "scores");
      const path = "/inference/v1/generate";
      return drained((await pool.request({ method: "POST", path, headers: JSON_BODY, body })).body);
    },
  };
}

export function dialectWay(kind: SideKind, rollout: BenchRollout, http: string): Way {
  const pool = poolOf(http);
  const job = kind === "experts" ? "default" : "rows";
  return {
    name: "vLLM's dialect: spooled, answered inline",
    least: leastOf(kind, rollout),
    async run() {
      const path = `/jobs/${job}/inference/v1/generate`;
      const body = inferenceBody(kind, rollout, false);
      const reply = await pool.request({ method: "POST", path, headers: JSON_BODY, body });
      if (reply.statusCode !== 200) throw new Error(await reply.body.text());
      return drained(reply.body);
    },
  };
}

interface Told {
  readonly side?: {
    readonly routed_experts?: { readonly ref: string };
    readonly stored?: Readonly<Record<string, { readonly ref: string }>>;
  };
}

export function referenceWay(kind: SideKind, rollout: BenchRollout, http: string): Way {
  const pool = poolOf(http);
  const { prompt, tokens } = rollout;
  return {
    name: "native: spooled, told by reference, read",
    least: leastOf(kind, rollout),
    async run() {
      const body = JSON.stringify({
        id: freshId(),
        prompt_token_ids: prompt,
        sampling: { max_new_tokens: kind === "scores" ? 0 : tokens, ignore_eos: true },
        want: { ...WANTS[kind], side_by_ref: true },
      });
      const submit = { method: "POST", path: "/v1/rollouts", headers: JSON_BODY, body } as const;
      const told = (await (await pool.request(submit)).body.json()) as Told;
      const [part] = Object.values(told.side?.stored ?? {});
      const ref = part?.ref ?? told.side?.routed_experts?.ref;
      if (ref === undefined) throw new Error(JSON.stringify(told).slice(0, 500));
      const side = await pool.request({ method: "GET", path: `/v1/side/${ref}` });
      return drained(side.body);
    },
  };
}
