/** The small parts that Rollout, Result and events share, both ways. */
import type { Label, VersionConstraint } from "../../contract/policy.ts";
import type { GroupRef, SessionRef, Span } from "../../contract/rollout.ts";
import type { WireSpan } from "../../contract/schema-result.ts";
import type { WireRollout } from "../../contract/schema-rollout.ts";

type Given<K extends keyof WireRollout> = WireRollout[K];

export const groupFromWire = (group: Given<"group">): GroupRef | null => group ?? null;

export const sessionFromWire = (session: Given<"session">): SessionRef | null =>
  session == null
    ? null
    : {
        id: session.id,
        turn: session.turn ?? 0,
        branch: session.branch ?? 0,
        final: session.final ?? false,
      };

export function constraintFromWire(version: Given<"version">): VersionConstraint | null {
  if (version == null) return null;
  if (version.exact != null) return { exact: version.exact };
  if (version.min != null) return { min: version.min };
  if (version.max_lag != null) return { max_lag: version.max_lag };
  if (version.min_step != null) return { min_step: version.min_step };
  return null;
}

export const labelFromWire = (label: Label | null | undefined): Label | null => label ?? null;

export const spanFromWire = (span: WireSpan): Span => ({
  version: span.version,
  label: labelFromWire(span.label),
  baseVersion: span.base_version ?? null,
  start: span.start,
  end: span.end,
  kv: span.kv,
  attested: span.attested,
});

export const spanToWire = (span: Span) => ({
  version: span.version,
  label: span.label,
  base_version: span.baseVersion,
  start: span.start,
  end: span.end,
  kv: span.kv,
  attested: span.attested,
});
