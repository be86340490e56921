/**
 * Every constant of the scheduler, each with unit, default and reason; nothing else in this folder
 * holds a number that one could tune. Bounds (I7) are among them because purity forbids `limits.ts`.
 */
export interface SchedulerOptions {
  /** Cards that may wait, all jobs; beyond it a new rollout is refused. Attempts after the first are let in: they were accepted, and are bounded by what ran. */
  readonly waitingLimit: number;
  /** Share of a slot's KV that is never reserved: `progress` lags by 256 tokens a rollout, and engines round up to blocks. */
  readonly kvHeadroom: number;
  /** What forecasts of an end count beyond themselves: siblings share a slot and err together. Segments end for sure and count once. */
  readonly forecastMargin: number;
  /**
   * Forecast of a rollout whose job has finished too few to learn from: tokens, or this share of its limit where that is
   * more. Limits lie 3 to 15 times above the mean (§2.3); guessed too short, all that asks at once begins at once.
   */
  readonly defaultNewTokens: number;
  readonly defaultShare: number;
  /** Finished rollouts of a job before its mean length is trusted. */
  readonly estimateAfter: number;
  /** Weight of the newest length in a job's mean, once it has seen 1 / this many: more than run at once, or those would outweigh them. */
  readonly estimateRate: number;
  /**
   * A rollout past its forecast is given this share of its own length as growth. Lengths are about
   * lognormal (σ ≈ 1), whose mean residual life past the mean is about its age; half of it, since the cap ends many.
   */
  readonly tailGrowth: number;
  /** Variance of log length before ends tell (all published ones have σ of about 1), and how much that weighs, as a share of what runs. */
  readonly priorVariance: number;
  readonly priorShare: number;
  /** Running attempts that a job's lengths are learned from at a look, each some 50 ns. */
  readonly weighedRunning: number;
  /** Prompts whose lengths are remembered, about 100 B each; a forgotten one is as good as new. */
  readonly historyLimit: number;
  /** Histories told at a look, at most: what a write to a store takes at once. */
  readonly learnedBatch: number;
  /** Weight that a prompt's history loses with each new length: about three epochs count. */
  readonly historyRate: number;
  /** Groups whose members tell of one another, and rollouts whose prediction is remembered to be compared. */
  readonly groupLimit: number;
  /** Predictions that error and coverage are taken over: enough for a quantile of 0.9, few enough to follow a policy that learns. */
  readonly calibrationWindow: number;
  /** Share of lengths that the conformal bound is to cover. */
  readonly coverage: number;
  /** Root mean square error of log length up to which predictions order work: above it they gain nothing over arrival (§2.4). */
  readonly trustedSigma: number;
  /** Predicted lengths whose logarithms differ by less rank alike, so that ranks stay while predictions tremble. A fifth of an octave. */
  readonly rankLog: number;
  /** Rollouts of equal progress to so many tokens rank alike. */
  readonly rankTokens: number;
  /** Tokens of a deliberate segment: shorter is nearer to equal progress, and costs more. */
  readonly segmentTokens: number;
  /** Share of a tier that what was cut may fill before the next goes on where it is; beyond all of it the oldest is dropped. */
  readonly tierShare: number;
  /** Share of its limit that a rollout makes at a stretch while its tier is full: of 3/8 to 3/4, the best on Moonlight. */
  readonly fullTurnShare: number;
  /** The same where nothing keeps what is cut: of 1/4 to 3/4, the best on Moonlight. Two cuts leave a quarter for the end. */
  readonly computedTurnShare: number;
  /** Resuming is cheap where it takes at most this share of the segment's own time. */
  readonly cheapResumeShare: number;
  /** Between two looks at the regime, and at least between two changes of it, seconds: work in minutes does not turn in less. */
  readonly regimeSeconds: number;
  readonly regimeDwellSeconds: number;
  /** Share of the workers that must have come or changed for a look before its time: with 1/16 all n that start together cost 16·n, and one by one n². */
  readonly regimeFleetShare: number;
  /** ρ from which the tail is isolated, and how far it must fall back: near 1 the longest decides as much as the work. */
  readonly isolateRho: number;
  readonly isolateMargin: number;
  /** Tokens per attempt that an engine may be ahead of our last `progress`, before its KV counts as someone else's. */
  readonly progressSlackTokens: number;
  /** Decode step time `a + s·batch` of a slot not measured yet, seconds. Small dense model on one GPU; only ratios matter while all are unknown. */
  readonly step: { readonly a: number; readonly s: number };
  /** Prefill rate of a slot not measured yet, tokens/s; same reasoning. */
  readonly prefillTokensPerSecond: number;
  /** κ of the KV barrier κ·k/(1−k), seconds: filling a slot to 90 % costs about a second, the price of one preemption. */
  readonly kvBarrierSeconds: number;
  /** What loading a LoRA adapter takes, seconds: one of rank 32 of a 30B model is about 1 GB, read from a local disk. */
  readonly adapterLoadSeconds: number;
  /** Slots that hold an adapter, and such as have room for one, that are looked at beside the cheapest: more differ little in what runs there. */
  readonly adapterHolders: number;
  /** Least gain for which a session leaves its home, seconds: below it, telemetry noise moves sessions back and forth. */
  readonly affinityMarginSeconds: number;
  /** Gain over the price of moving that a move must bring besides, as a share of that price: 1.5 × the move in all, since wrong moves cost more than missed ones. */
  readonly affinityMoveShare: number;
  /** Gaps between turns until a job's own are known: median 1 s with a tail to 700 s (§2.3). */
  readonly gapPrior: { readonly medianSeconds: number; readonly sigma: number };
  /** Weight of the newest gap in its job's mean: tools change slowly, and a few dozen tell their spread. */
  readonly gapRate: number;
  /**
   * Turns for which newcomers leave those who rest room to grow. Less, and each newcomer soon puts another out, at two prefills:
   * with none a third fewer turns a minute, with 2 or 8 up to a tenth fewer (B5, 256 sessions over 4 workers, one seed).
   */
  readonly residentTurns: number;
  /** A paused session, or a new one, that waited so long is given a slot though others that rest there lose theirs, seconds: a session's usual life, at a price of two prefills. */
  readonly sessionPatienceSeconds: number;
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
  /** Slots with room that are priced one by one: up to about so many that costs less than to bring up to date the bounds of all that changed since. */
  readonly searchEach: number;
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
  kvHeadroom: 0.02,
  forecastMargin: 1.1,
  defaultNewTokens: 1_024,
  defaultShare: 1 / 8,
  estimateAfter: 8,
  estimateRate: 1 / 1_024,
  tailGrowth: 0.5,
  priorVariance: 1,
  priorShare: 0.25,
  weighedRunning: 4_096,
  historyLimit: 100_000,
  learnedBatch: 1_024,
  historyRate: 0.3,
  groupLimit: 65_536,
  calibrationWindow: 512,
  coverage: 0.9,
  trustedSigma: 0.3,
  rankLog: 0.14,
  rankTokens: 4_096,
  segmentTokens: 4_096,
  tierShare: 0.8,
  fullTurnShare: 5 / 8,
  computedTurnShare: 3 / 8,
  cheapResumeShare: 0.05,
  regimeSeconds: 1,
  regimeDwellSeconds: 10,
  regimeFleetShare: 1 / 16,
  isolateRho: 0.9,
  isolateMargin: 0.1,
  progressSlackTokens: 256,
  step: { a: 0.01, s: 0.0001 },
  prefillTokensPerSecond: 10_000,
  kvBarrierSeconds: 0.1,
  adapterLoadSeconds: 0.5,
  adapterHolders: 8,
  affinityMarginSeconds: 0.1,
  affinityMoveShare: 0.5,
  gapPrior: { medianSeconds: 1, sigma: 1.64 },
  gapRate: 1 / 64,
  residentTurns: 4,
  sessionPatienceSeconds: 300,
  sessionLimit: 100_000,
  prefixLimit: 32_768,
  prefixSlots: 4,
  cachedBlocks: 65_536,
  blockHolders: 8,
  cacheEventSeconds: 1,
  searchTolerance: 0.005,
  searchNodes: 16,
  searchEach: 8,
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
