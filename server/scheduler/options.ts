/**
 * Every constant of the scheduler, each with unit, default and reason; nothing else in this folder
 * holds a number that one could tune. Bounds (I7) are among them because purity forbids `limits.ts`.
 */
export interface SchedulerOptions {
  /** Cards that may wait, all jobs; beyond it a new rollout is refused. Attempts after the first are let in: they were accepted, and are bounded by what ran. */
  readonly waitingLimit: number;
  /** Share of a slot's KV that forecasts may not fill: room for lengths that were guessed too short. */
  readonly kvHeadroom: number;
  /** Tokens forecast for a rollout whose job has finished too few to learn from. */
  readonly defaultNewTokens: number;
  /** Finished rollouts of a job before its mean length is trusted. */
  readonly estimateAfter: number;
  /** Weight of the newest length in a job's mean, once it has seen 1 / this many. */
  readonly estimateRate: number;
  /**
   * A rollout past its forecast is given this share of its own length as growth. Lengths are about
   * lognormal (σ ≈ 1), whose mean residual life past the mean is about its age; half of it, since the cap ends many.
   */
  readonly tailGrowth: number;
  /** Tokens per attempt that an engine may be ahead of our last `progress`, before its KV counts as someone else's. */
  readonly progressSlackTokens: number;
  /** Decode step time `a + s·batch` of a slot not measured yet, seconds. Small dense model on one GPU; only ratios matter while all are unknown. */
  readonly step: { readonly a: number; readonly s: number };
  /** Prefill rate of a slot not measured yet, tokens/s; same reasoning. */
  readonly prefillTokensPerSecond: number;
  /** κ of the KV barrier κ·k/(1−k), seconds: filling a slot to 90 % costs about a second, the price of one preemption. */
  readonly kvBarrierSeconds: number;
  /** Least gain for which a session leaves its home, seconds: below it, telemetry noise moves sessions back and forth. */
  readonly affinityMarginSeconds: number;
  /** Gain over the price of moving that a move must bring besides, as a share of that price: 1.5 × the move in all, since wrong moves cost more than missed ones. */
  readonly affinityMoveShare: number;
  /** Sessions whose home is remembered; a forgotten one only loses its affinity. */
  readonly sessionLimit: number;
  /** Prefix marks remembered, all slots; a forgotten one only costs a prefill estimate. */
  readonly prefixLimit: number;
  /** Slots remembered per prefix mark: siblings spread over more pay their prefill once each. */
  readonly prefixSlots: number;
  /** Prefix blocks that one slot's engine is believed to have, whatever KV it claims: 16 M tokens. */
  readonly cachedBlocks: number;
  /** Slots found from a block that engines tell of: more candidates than these differ little in what they have. */
  readonly blockHolders: number;
  /** How long after a prompt's prefill its engine should have told of it, seconds: a step, and the way here. */
  readonly cacheEventSeconds: number;
  /** The placement index may miss the cheapest slot by this share of its cost; bounds regret, prunes most of the search. */
  readonly searchTolerance: number;
  /** Nodes that one search may open beyond the way down to a first slot. A balanced fleet's slots cost much the same: more nodes find little more. */
  readonly searchNodes: number;
  /**
   * Who is first and does not fit is passed over only where this share of a slot is idle. Less than that
   * is left to gather: to fill every remnant with small cards would keep the long ones, which decide the
   * makespan, for last.
   */
  readonly backfillShare: number;
  /** Queues that may be looked at to fill a slot past those that do not fit: backfill, bounded. About 10 ns each. */
  readonly backfillDepth: number;
  /** Of these, such as would fit but have failed where there is room, until the slot is left. */
  readonly backfillMisses: number;
  /** Grants that may pass the first blocked card before a slot is kept free for it: no starvation of large prompts. */
  readonly claimAfterPasses: number;
  /** How long a worker that lost an attempt gets no new one unless it is heard of, ms: `worker_lost` or a probe follows within it; without it a dead worker swallows the queue. */
  readonly suspectMs: number;
  /** How long, ms, and how many finished attempts are remembered to ignore late duplicates of their offer. */
  readonly fenceMs: number;
  readonly fenceLimit: number;
  /** `held` commands for cards already waiting, per event: a reason that changes for 100k cards is told in portions. */
  readonly heldBatch: number;
  /** Idle classes and jobs that are kept for when they come back; beyond it idle ones are forgotten. */
  readonly idleClassLimit: number;
  readonly idleJobLimit: number;
}

export const DEFAULT_OPTIONS: SchedulerOptions = {
  waitingLimit: 200_000,
  kvHeadroom: 0.1,
  defaultNewTokens: 1_024,
  estimateAfter: 8,
  estimateRate: 1 / 64,
  tailGrowth: 0.5,
  progressSlackTokens: 256,
  step: { a: 0.01, s: 0.0001 },
  prefillTokensPerSecond: 10_000,
  kvBarrierSeconds: 0.1,
  affinityMarginSeconds: 0.1,
  affinityMoveShare: 0.5,
  sessionLimit: 100_000,
  prefixLimit: 32_768,
  prefixSlots: 4,
  cachedBlocks: 65_536,
  blockHolders: 8,
  cacheEventSeconds: 1,
  searchTolerance: 0.005,
  searchNodes: 16,
  backfillShare: 1 / 16,
  backfillDepth: 256,
  backfillMisses: 16,
  claimAfterPasses: 8,
  suspectMs: 1_000,
  fenceMs: 60_000,
  fenceLimit: 16_384,
  heldBatch: 256,
  idleClassLimit: 1_024,
  idleJobLimit: 1_024,
};
