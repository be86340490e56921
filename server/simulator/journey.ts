/** A simulated rollout's way: which attempt it is at, what it has made, and what is written down of it. */
import { rolloutKey } from "../contract/rollout.ts";
import type { Card } from "../scheduler/card.ts";
import type { Sequence } from "./engine/sequence.ts";
import type { RolloutRun, SegmentRun } from "./run.ts";
import type { SimulatedWorker } from "./worker.ts";
import type { SimulatedRollout } from "./workload.ts";

/** All of a simulated workload is one job: shares between jobs are another question. */
export const JOB = "simulated";

/** Where an attempt runs. */
export interface Stay {
  readonly worker: SimulatedWorker;
  readonly sequence: Sequence;
  readonly version: number;
  /** Output at which the attempt is over: cut, or at `last` finished. */
  readonly end: number;
  /** Its length, or what the worker's KV lets it have of it. */
  readonly last: number;
  readonly startedAt: number;
}

export class Journey {
  readonly rollout: SimulatedRollout;
  readonly index: number;
  readonly key: string;
  /** As the scheduler is told it. */
  readonly #prefix: readonly number[];
  /** The session's next turn. */
  next: Journey | null = null;
  arrivedAt = 0;
  arrived = false;
  /** Withdrawn before it came. */
  heldBack = false;
  attempt = 1;
  /** Made by attempts that are over. */
  outputTokens = 0;
  firstVersion: number | null = null;
  lastVersion: number | null = null;
  stay: Stay | null = null;
  finishedAt: number | null = null;
  readonly segments: SegmentRun[] = [];

  /** `each`: of the prefix's blocks to one of a card. */
  constructor(rollout: SimulatedRollout, index: number, each: number) {
    this.rollout = rollout;
    this.index = index;
    const { prefix } = rollout;
    this.#prefix = each === 1 ? prefix : prefix.filter((_, i) => (i + 1) % each === 0);
    this.key = rolloutKey(JOB, rollout.id);
  }

  /** `staleness`: versions that it may live through. */
  card(staleness: number | null): Card {
    const { rollout, key, attempt, outputTokens, firstVersion, lastVersion } = this;
    const aged = staleness !== null && firstVersion !== null;
    return {
      key,
      job: JOB,
      policy: rollout.policy,
      pool: null,
      pools: [],
      attempt,
      promptTokens: rollout.promptTokens,
      outputTokens,
      maxNewTokens: rollout.maxNewTokens,
      expectedNewTokens: null,
      prefix: this.#prefix,
      priority: 0,
      session: rollout.session === null ? null : `${JOB}/${rollout.session.id}`,
      group: rollout.group,
      constraint: null,
      lastVersion,
      onUpdate: null,
      updateGraceMs: null,
      logprobModes: ["processed"],
      features: [],
      side: null,
      resume: { seeded: false, penalties: false },
      cuttable: true,
      deadlineVersion: aged ? firstVersion + staleness : null,
      prompt: rollout.prompt,
      avoid: [],
      engine: null,
      acceptedAt: this.arrivedAt * 1_000,
    };
  }

  /** The attempt is over at `outputTokens`; answers where it was. */
  leave(outputTokens: number, now: number, ended: SegmentRun["ended"]): void {
    const { stay } = this;
    if (stay === null) return;
    this.segments.push({
      worker: stay.worker.spec.id,
      version: stay.version,
      startSeconds: stay.startedAt,
      endSeconds: now,
      from: this.outputTokens,
      to: outputTokens,
      ended,
    });
    if (outputTokens > this.outputTokens) {
      this.firstVersion ??= stay.version;
      this.lastVersion = stay.worker.versionOf(this.rollout.policy);
    }
    this.outputTokens = outputTokens;
    this.stay = null;
  }

  /** What it made was for nothing. */
  forget(): void {
    this.outputTokens = 0;
    this.firstVersion = null;
    this.lastVersion = null;
    this.finishedAt = null;
    this.segments.length = 0;
  }

  written(): RolloutRun {
    const { rollout, arrivedAt, finishedAt, segments, outputTokens } = this;
    return {
      id: rollout.id,
      arrivalSeconds: arrivedAt,
      startSeconds: segments[0]?.startSeconds ?? null,
      finishSeconds: finishedAt,
      outputTokens,
      segments,
    };
  }
}
