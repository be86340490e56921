/** How long the coordinator waits for each thing, in milliseconds. Every wait has one (DESIGN §5). */
export interface UpdateTimings {
  /** Hashing a checkpoint: a terabyte at 2 GB/s. */
  readonly digestMs: number;
  /** All workers have read and checked the weights; a publication's own `timeout_ms` replaces it. */
  readonly stageMs: number;
  /** Beyond `update_grace_ms`, for revoked attempts to end inside the engine. */
  readonly gateSlackMs: number;
  readonly pauseMs: number;
  /** Large engines copy host memory to the device here. */
  readonly swapMs: number;
  readonly verifyMs: number;
  /** Scoring the fixed prompts. */
  readonly canaryMs: number;
  /** A foreign mover has put its bytes in place; generation stands still meanwhile. A publication's own `timeout_ms` replaces it. */
  readonly moveMs: number;
  readonly resumeMs: number;
  readonly discardMs: number;
  /** For the fleet to find out whether a worker that does not answer is dead. */
  readonly verdictMs: number;
  /** Between attempts to bring one worker to one version; doubles up to the larger one. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}

export const UPDATE_TIMINGS: UpdateTimings = {
  digestMs: 600_000,
  stageMs: 300_000,
  gateSlackMs: 10_000,
  pauseMs: 30_000,
  swapMs: 120_000,
  verifyMs: 30_000,
  canaryMs: 30_000,
  moveMs: 120_000,
  resumeMs: 30_000,
  discardMs: 10_000,
  verdictMs: 5_000,
  backoffMs: 1_000,
  backoffMaxMs: 60_000,
};
