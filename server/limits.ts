/** Every bound on what comes from outside or can pile up, with its reason. Sizes in bytes, times in ms. */
export const LIMITS = {
  /** A 1M-token prompt as JSON is about 7 MB; 64 MiB leaves room for batches and side data. */
  bodyBytes: 64 * 1024 * 1024,
  /** Contract: ids travel in headers, paths and metric-free logs. */
  idChars: 128,
  /** Longest prompt that any public model takes, times two. */
  promptTokens: 2_097_152,
  outputTokens: 2_097_152,
  /** Wider stop lists are a sign of a wrong field. */
  stopTokenIds: 1_024,
  stopStrings: 64,
  stopStringChars: 1_024,
  /** One entry a vocabulary id at most would be a dense bias; 4,096 covers every known use. */
  logitBiasEntries: 4_096,
  groupSize: 4_096,
  /** Rollouts waiting for a place, all jobs; each costs at most 2 KB beside its tokens. */
  waitingRollouts: 200_000,
  /** Finished rollouts kept for `result_ttl_ms`; beyond it the oldest become tombstones early. */
  finishedRollouts: 100_000,
  /** Tombstones (id and body hash) kept after results expire. */
  tombstones: 1_000_000,
  workers: 10_000,
  policies: 10_000,
  /** Versions whose records are kept per policy, besides the committed one. */
  versionsKept: 1_000,
  /** Attempts of one rollout before it fails with what the last one said. */
  attempts: 16,
  /** Life-cycle events kept in memory for `/v1/events`. */
  lifeCycleEvents: 65_536,
  /** Scheduler inputs kept when recording is on. */
  recordedInputs: 1_000_000,
  /** One frame of an engine's reply: 64 Ki tokens of id and logprob, and slack. */
  engineFrameBytes: 1024 * 1024,
  /** An engine's answer to a control call or probe. */
  engineControlBytes: 4 * 1024 * 1024,
} as const;
