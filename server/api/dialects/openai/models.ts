/** Which names mean a policy of the mount's job, and how long a context its workers take. */
import { PacelineError } from "../../../contract/errors.ts";
import { sendJson } from "../../http/request.ts";
import { isLoaded } from "../adapters.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";
import { workersOf } from "../job-workers.ts";

type Served = Pick<DialectContext, "fleet" | "ledger" | "jobs" | "job" | "policy">;

/** Tokens of prompt and output together; null while no worker is known. */
export function contextLength(context: Served, policy: string): number | null {
  const lengths = workersOf(context, policy).map(({ description }) => description.maxModelLen);
  return lengths.length === 0 ? null : Math.max(...lengths);
}

/**
 * A policy's id, or the name under which the job's engines were started, which means the job's policy; absent likewise.
 * Throws `not_found` for any other, as vLLM does.
 */
export function policyNamed(context: Served, model: unknown): string {
  const own = context.policy();
  if (model === undefined || model === null || model === "" || model === own) return own;
  if (typeof model !== "string") {
    throw new PacelineError("invalid_argument", "model: must be a string", {
      details: { path: "model" },
    });
  }
  if (engineNames(context, own).includes(model)) return own;
  if (context.ledger.policies().some((one) => one.policy === model && isLoaded(one))) return model;
  throw new PacelineError("not_found", `The model \`${model}\` does not exist.`, {
    details: { path: "model" },
  });
}

const engineNames = (context: Served, policy: string): readonly string[] => [
  ...new Set(workersOf(context, policy).map(({ description }) => description.model)),
];

export function modelRoutes(context: DialectContext): DialectRoute[] {
  // Of the mount: nobody knows when a policy's first weights were made.
  const created = Math.floor(context.clock.wall() / 1000);
  return [
    {
      method: "GET",
      path: "/v1/models",
      scope: "read",
      touches: "job",
      handler: (_request, reply) => sendJson(reply, modelList(context, created)),
    },
  ];
}

/** The body of `GET /v1/models`: the job's policy, its engines' own names for it, and the other policies. */
function modelList(context: Served, created: number): string {
  const own = context.policy();
  const known = context.ledger.policies().filter(isLoaded);
  const base = known.find(({ policy }) => policy === own);
  const card = (id: string, policy: string, parent: string | null) => ({
    id,
    object: "model",
    created,
    owned_by: "paceline",
    root: policy,
    parent,
    max_model_len: contextLength(context, policy),
  });
  const cards = [
    ...(base === undefined ? [] : [card(own, own, base.base)]),
    ...engineNames(context, own)
      .filter((name) => name !== own)
      .map((name) => card(name, own, null)),
    ...known
      .filter(({ policy }) => policy !== own)
      .map(({ policy, base: parent }) => card(policy, policy, parent)),
  ];
  return JSON.stringify({ object: "list", data: cards });
}

/** Longer than any worker's context: 400 with the words by which clients know it. */
export function assertFits(promptTokens: number, most: number | null, path: string): void {
  if (most === null || promptTokens < most) return;
  throw new PacelineError(
    "prompt_too_long",
    `This model's maximum context length is ${most} tokens. However, your request has ${promptTokens} input tokens. Please reduce the length of the input.`,
    { details: { path, max_model_len: most, prompt_tokens: promptTokens } },
  );
}
