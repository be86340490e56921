/** Every constant of a simulated run, with unit, default and reason. */
export interface DriverOptions {
  /** Output tokens between two reports of progress, as live rollouts report. */
  readonly progressTokens: number;
  /** Between two looks at a worker, seconds. */
  readonly telemetrySeconds: number;
  /** Age of a look when the scheduler hears of it, seconds. */
  readonly telemetryDelaySeconds: number;
  /** Whether the scheduler hears rates fitted as the live fleet fits them, from the steps that it has seen; else the true ones at once. */
  readonly fittedRates: boolean;
  /** Whether engines tell what they cache, with telemetry. */
  readonly cacheEvents: boolean;
  /** Until the fleet gives up a worker that does not answer, seconds: three failed probes. */
  readonly detectSeconds: number;
  /** Rollouts that wait in the scheduler; others wait outside, as a client that was refused does. Half of the scheduler's own bound. */
  readonly waitingLimit: number;
  /** A run in which nothing runs, comes or is placed for so long is given up, virtual seconds: beyond every wait of the scheduler. */
  readonly stalledSeconds: number;
}

/**
 * `exact` tells the scheduler what a live fleet tells. `fluid` is for thousands of workers: each is looked at every five
 * seconds, as a fleet of that size would be. The steps are the same, since a run of equal steps costs one event however
 * long it is. Rarer progress would save as much again, and was measured to move makespans of pull disciplines by up to 10 %.
 */
export type Resolution = "exact" | "fluid";

export const RESOLUTIONS: Readonly<Record<Resolution, Partial<DriverOptions>>> = {
  exact: {},
  fluid: { telemetrySeconds: 5 },
};

/** As near to a live server as it goes: what a run is made again with that is compared to one. */
export const AS_LIVE: Partial<DriverOptions> = { telemetrySeconds: 1, fittedRates: true };

export const DRIVER_OPTIONS: DriverOptions = {
  progressTokens: 256,
  telemetrySeconds: 0.5,
  telemetryDelaySeconds: 0.1,
  fittedRates: false,
  cacheEvents: true,
  detectSeconds: 5,
  waitingLimit: 100_000,
  stalledSeconds: 600,
};
