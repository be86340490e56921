/** A version of known content gets its number and its place in the line, and is brought into the fleet by it. */
import type { VersionRecord } from "../../policy/ledger.ts";
import { claimedEpoch } from "../../policy/runs.ts";
import type { PublicationOptions, PublicationProgress } from "../publisher.ts";
import type { Assignments } from "./assignments.ts";
import type { CatchUp } from "./catch-up.ts";
import { assertOpen } from "./content-hash.ts";
import type { CommitRule } from "./core/commit-rule.ts";
import { musterMembers, settleLeaver } from "./muster.ts";
import type { ProgressBoard } from "./progress-board.ts";
import { assertPublishable, commitPlanOf } from "./publication-check.ts";
import type { PublicationLines } from "./publication-lines.ts";
import { type PublicationRun, runPublication } from "./publication-run.ts";
import { findWorker, type UpdateContext } from "./update-context.ts";

export interface SubmissionParts {
  readonly context: UpdateContext;
  readonly board: ProgressBoard;
  readonly assignments: Assignments;
  readonly catchUp: CatchUp;
  readonly lines: PublicationLines;
  readonly closing: AbortSignal;
}

/** What is known of a version before it has a number. */
export type Content = Pick<VersionRecord, "label" | "source" | "digest" | "contentOf">;

export interface Submission {
  readonly policy: string;
  readonly options: PublicationOptions;
  /** Called once the policy, its run and the options are found good and there is room in the line. */
  readonly content: () => Promise<Content>;
  /** Whether a version of this run that is under way or serves is what a retried call wants. */
  readonly same: (record: VersionRecord, content: Content) => boolean;
}

/** Throws `not_found`, `run_fenced`, `unsupported`, `invalid_argument`, `overloaded`, `shutting_down`, and what `content` does. */
export type Submit = (submission: Submission) => Promise<PublicationProgress>;

export function createSubmissions(parts: SubmissionParts): Submit {
  const { context, board, assignments, catchUp, lines, closing } = parts;
  const { ledger, fleet, timings } = context;

  /** Several adapters' publications may run at once, and one worker takes one at a time. */
  function busyFor({ policy }: VersionRecord): (worker: string) => boolean {
    const { kind } = ledger.policy(policy);
    return (worker) => catchUp.concerns(worker) || (kind === "lora" && lines.taken(worker));
  }

  const begin = (record: VersionRecord, rule: CommitRule, stageMs: number): PublicationRun =>
    runPublication({
      rule,
      context,
      board,
      record,
      stageMs,
      muster: () => musterMembers(context, board, assignments, record, busyFor(record)),
      left(ref, phase) {
        settleLeaver(context, assignments, record, ref, phase);
        const worker = findWorker(fleet, ref.worker);
        if (worker) catchUp.consider(worker);
      },
    });

  return async ({ policy: name, options, content, same }) => {
    assertOpen(closing);
    const policy = ledger.policy(name);
    const { rule, replaceable } = commitPlanOf(policy, options);
    const runEpoch = claimedEpoch(policy, options);
    const place = lines.of(name).reserve();
    let opened: Awaited<ReturnType<typeof ledger.openOnce>>;
    try {
      const known = await content();
      const onUpdate = options.onUpdate ?? policy.onUpdate;
      assertPublishable(policy, { source: known.source, onUpdate });
      opened = await ledger.openOnce(
        {
          policy: name,
          runEpoch,
          ...known,
          onUpdate,
          updateGraceMs: options.updateGraceMs ?? policy.updateGraceMs,
        },
        (record) => record.runEpoch === runEpoch && same(record, known),
      );
    } catch (thrown) {
      place.leave();
      throw thrown;
    }
    const { record, minted } = opened;
    if (!minted) {
      place.leave();
      return board.progress(name, record.version);
    }
    if (closing.aborted) {
      place.leave();
      await ledger.transition(name, record.version, "aborted");
      assertOpen(closing);
    }
    const stageMs = options.commit?.timeoutMs ?? timings.stageMs;
    place.fill({ record, replaceable, start: () => begin(record, rule, stageMs) });
    if (replaceable) lines.replace(record);
    return board.progress(name, record.version);
  };
}
