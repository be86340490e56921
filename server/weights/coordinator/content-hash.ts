/** The content digest of what is published, within its time and while anybody still wants it. */
import type { Clock } from "../../contract/clock.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { PolicyRecord } from "../../policy/ledger.ts";
import { withDeadline } from "./deadline.ts";
import type { ObserveUpdates } from "./observation.ts";
import { timed } from "./update-context.ts";

/** Content digest of a checkpoint, or of an adapter. Throws `weights_rejected`. */
export type Digest = (
  path: string,
  kind: PolicyRecord["kind"],
) => Promise<{ readonly digest: string; readonly bytes: number }>;

export interface ContentHashParts {
  readonly digest: Digest;
  readonly clock: Clock;
  readonly observe: ObserveUpdates;
  readonly digestMs: number;
  /** Aborts when the server takes no more publications. */
  readonly closing: AbortSignal;
}

/** Throws `weights_rejected`, `deadline_exceeded`, `shutting_down`. */
export type ContentHash = (
  policy: Pick<PolicyRecord, "policy" | "kind">,
  path: string,
) => Promise<string>;

export function createContentHash(parts: ContentHashParts): ContentHash {
  const { digest, clock, digestMs, closing } = parts;
  return async ({ policy, kind }, path) => {
    try {
      const about = { policy, worker: null, phase: "digest" as const };
      const hashed = await timed(parts, about, () =>
        withDeadline(clock, digestMs, `digest of ${path}`, closing, () => digest(path, kind)),
      );
      return hashed.digest;
    } catch (thrown) {
      assertOpen(closing);
      if (thrown instanceof PacelineError) throw thrown;
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw new PacelineError("weights_rejected", `${path}: ${why}`, { cause: thrown });
    }
  };
}

/** Throws `shutting_down`. */
export function assertOpen(closing: AbortSignal): void {
  if (!closing.aborted) return;
  throw new PacelineError("shutting_down", "the server takes no more publications");
}
