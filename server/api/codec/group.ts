/** A group from one body: a rollout's fields once, made into siblings that share its prompt and its seed. */
import type { z } from "zod";
import { PacelineError } from "../../contract/errors.ts";
import { DEFAULT_JOB } from "../../contract/job.ts";
import type { Rollout } from "../../contract/rollout.ts";
import type { Encoding } from "../../contract/schema.ts";
import { createGroupSchema, type WireGroupSummary } from "../../contract/schema-many.ts";
import { LIMITS } from "../../limits.ts";
import type { EndedGroup, GroupOrder } from "../../rollouts/group.ts";
import type { GroupSummary } from "../../rollouts/group-summary.ts";
import { rolloutBodyHash } from "./body-hash.ts";
import { check, invalid } from "./invalid.ts";
import { encodeRolloutError } from "./many.ts";
import { encodeResult } from "./result.ts";
import { type DecodedRollout, decodeRollout, type Mint } from "./rollout.ts";

const SCHEMAS = {
  json: createGroupSchema("json", LIMITS),
  b64: createGroupSchema("b64", LIMITS),
} as const;

export interface DecodedGroup extends GroupOrder {
  readonly encoding: Encoding;
}

type Wire = z.infer<(typeof SCHEMAS)["json"]>;

/** Throws as `decodeRollout` does. Sibling i of group g is the rollout `g.i`. */
export function decodeGroup(body: unknown, mint: Mint, traceparent: string | null): DecodedGroup {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw invalid("", "the body must be a JSON object");
  }
  const as = "encoding" in body && body.encoding === "b64" ? "b64" : "json";
  const wire = check(SCHEMAS[as], body);
  const id = wire.id ?? mint.id();
  const { size } = wire;
  const counts = countsOf(wire, mint);
  const most = counts.issued + counts.backfill;
  const longest = LIMITS.idChars - `.${most - 1}`.length;
  if (id.length > longest) {
    throw invalid("id", `must leave room for its siblings' numbers: at most ${longest} characters`);
  }
  // As it was sent: the check above has made typed arrays of its own.
  const { fields, given } = parted(body as Record<string, unknown>);
  const decode = (more: object): DecodedRollout =>
    decodeRollout({ ...fields, id: `${id}.0`, ...more }, mint, { traceparent });
  const fresh = decode({});
  const begun = given.map((from, index) => at(index, () => decode({ continue: from })));
  if (begun.length > counts.issued) {
    throw invalid("continue", `${begun.length} to go on from, and ${counts.issued} members`);
  }
  const seedGiven = (wire.sampling.seed ?? null) !== null;
  const { seed, promptTokenIds } = fresh.rollout;
  return {
    ...{ id, size, ...counts, encoding: fresh.encoding },
    sibling(index): Rollout {
      const { rollout, asked } = begun[index] ?? fresh;
      const own = { id: `${id}.${index}`, group: { id, size: most, index } };
      // As it was asked for, whatever the job adds.
      const body = { ...asked, id: own.id, group: { id, size, index } };
      const bodyHash = rolloutBodyHash(body, seedGiven);
      return { ...rollout, ...own, seed, promptTokenIds, bodyHash };
    },
  };
}

/** What is the group's, and what is its rollouts'. */
function parted(body: Record<string, unknown>) {
  const { size, need, over_issue, backfill, continue: given, ...fields } = body;
  return { fields, given: Array.isArray(given) ? (given as unknown[]) : [] };
}

/** A group that says how many it needs says how many are made. */
function countsOf(
  { size, need, over_issue: share, backfill, job }: Wire,
  mint: Mint,
): Pick<GroupOrder, "need" | "issued" | "backfill"> {
  const settings = mint.job?.(job ?? "default") ?? DEFAULT_JOB;
  const over = share ?? (need == null ? settings.overIssue : 0);
  const issued = size + Math.ceil(over * size - 1e-9);
  const counts = { need: need ?? size, issued, backfill: backfill ?? settings.backfill };
  if (issued + counts.backfill > LIMITS.groupSize) {
    const path = share == null ? "size" : "over_issue";
    throw invalid(path, `${issued + counts.backfill} members, of ${LIMITS.groupSize} at most`);
  }
  return counts;
}

/** Says which of `continue` is wrong. */
function at<T>(index: number, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    const error = PacelineError.from(thrown);
    const path = String(error.details["path"]).replace(/^continue/, `continue[${index}]`);
    const details = { ...error.details, path };
    throw new PacelineError(error.code, error.message, { details, cause: error });
  }
}

export const groupToWire = (summary: GroupSummary): WireGroupSummary => ({
  id: summary.id,
  size: summary.size,
  need: summary.need,
  finished: summary.finished,
  members: summary.members,
  ended: summary.ended,
  replaced: [...summary.replaced],
  cut: summary.cut,
  lengths: summary.lengths,
  off_policy_share: summary.offPolicyShare,
});

/** `{group, rollouts}`: a Result for each sibling, or what it ended in. */
export function encodeGroup({ members, summary }: EndedGroup, encoding: Encoding): string {
  const lines = members.map((member) =>
    "result" in member
      ? encodeResult(member.result, encoding)
      : encodeRolloutError(member.id, member.job, member.error),
  );
  const group = JSON.stringify(groupToWire(summary));
  return `{"group":${group},"rollouts":[${lines.join(",")}]}`;
}
