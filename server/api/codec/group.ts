/** A group from one body: a rollout's fields once, made into siblings that share its prompt and its seed. */
import type { Rollout } from "../../contract/rollout.ts";
import type { Encoding } from "../../contract/schema.ts";
import { createGroupSchema } from "../../contract/schema-many.ts";
import { LIMITS } from "../../limits.ts";
import type { Member } from "../../rollouts/group.ts";
import { rolloutBodyHash } from "./body-hash.ts";
import { check, invalid } from "./invalid.ts";
import { encodeRolloutError } from "./many.ts";
import { encodeResult } from "./result.ts";
import { decodeRollout, type Mint } from "./rollout.ts";

const SCHEMAS = {
  json: createGroupSchema("json", LIMITS),
  b64: createGroupSchema("b64", LIMITS),
} as const;

export interface DecodedGroup {
  readonly id: string;
  readonly size: number;
  readonly need: number;
  /** In order of their index; one prompt array between them. */
  readonly siblings: readonly Rollout[];
  readonly encoding: Encoding;
}

/** Throws as `decodeRollout` does. Sibling i of group g is the rollout `g.i`. */
export function decodeGroup(body: unknown, mint: Mint, traceparent: string | null): DecodedGroup {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw invalid("", "the body must be a JSON object");
  }
  const as = "encoding" in body && body.encoding === "b64" ? "b64" : "json";
  const wire = check(SCHEMAS[as], body);
  const id = wire.id ?? mint.id();
  const { size } = wire;
  const longest = LIMITS.idChars - `.${size - 1}`.length;
  if (id.length > longest) {
    throw invalid("id", `must leave room for its siblings' numbers: at most ${longest} characters`);
  }
  // As it was sent: the check above has made typed arrays of its own.
  const { size: _size, need: _need, ...fields } = body as Record<string, unknown>;
  const decoded = decodeRollout({ ...fields, id: `${id}.0` }, mint, { traceparent });
  const { rollout: first, asked, encoding } = decoded;
  const seedGiven = (wire.sampling.seed ?? null) !== null;
  const siblings = Array.from({ length: size }, (_, index): Rollout => {
    const own = { id: `${id}.${index}`, group: { id, size, index } };
    return { ...first, ...own, bodyHash: rolloutBodyHash({ ...asked, ...own }, seedGiven) };
  });
  return { id, size, need: wire.need ?? size, siblings, encoding };
}

/** What is told of the group itself: JSON text of `{id, size, need, finished}`. */
export function encodeGroupHead(
  { id, size, need }: DecodedGroup,
  members: readonly Member[],
): string {
  const finished = members.filter(
    (member) => "result" in member && member.result.finishReason.type !== "abort",
  ).length;
  return JSON.stringify({ id, size, need, finished });
}

/** `{group, rollouts}`: a Result for each sibling, or what it ended in. */
export function encodeGroup(group: DecodedGroup, members: readonly Member[]): string {
  const { encoding } = group;
  const lines = members.map((member) =>
    "result" in member
      ? encodeResult(member.result, encoding)
      : encodeRolloutError(member.id, member.job, member.error),
  );
  return `{"group":${encodeGroupHead(group, members)},"rollouts":[${lines.join(",")}]}`;
}
