/** Every constant of the fleet's liveness, with unit, default and reason. */
export interface FleetOptions {
  /** A worker that neither renews nor answers a probe for so long is lost, ms. Seconds, since a garbage collection is not a death. */
  readonly leaseMs: number;
  /** Between two probes of a worker that answers, ms. */
  readonly probeMs: number;
  /** All probes together, per second: on a large fleet each worker is probed less often, but never less than thrice a lease. */
  readonly probesPerSecond: number;
  /** How long one probe may take, ms: a busy host answers late, a dead one never. */
  readonly probeDeadlineMs: number;
  /** How long the first probe of a newcomer may take, ms: some engines need seconds to say what they are. */
  readonly registerMs: number;
  /** Between a failed probe and the next, ms. */
  readonly retryMs: number;
  /** Failed probes in a row until a worker is lost; the first makes it `suspect`. */
  readonly strikes: number;
  /**
   * How long a silent probe is forgiven while weights are swapped or moved or a control call runs, ms: engines block in
   * all of these, and the coordinator waits up to two minutes for the longest of them.
   */
  readonly graceMs: number;
  /** Broken answers more than good ones until a worker is `suspect`: one bad request must not close a worker. */
  readonly doubts: number;
  /** First time that a doubted worker stays closed, ms; doubles each time up to `reprobeMaxMs`. */
  readonly suspectMs: number;
  /** First and longest time between two probes of a lost worker, ms; doubles in between. */
  readonly reprobeMs: number;
  readonly reprobeMaxMs: number;
  /** How long pause, resume and flush may take, ms. */
  readonly controlMs: number;
  /** Between two telemetry polls of a worker in use, ms. */
  readonly telemetryMs: number;
  /** A worker unused for so long is polled no more, ms. */
  readonly idleMs: number;
  /** Workers in all, lost ones included (I7). */
  readonly workers: number;
}

export const DEFAULT_FLEET_OPTIONS: Omit<FleetOptions, "workers"> = {
  leaseMs: 10_000,
  probeMs: 1_000,
  probesPerSecond: 500,
  probeDeadlineMs: 2_000,
  registerMs: 30_000,
  retryMs: 250,
  strikes: 3,
  graceMs: 150_000,
  doubts: 3,
  suspectMs: 1_000,
  reprobeMs: 1_000,
  reprobeMaxMs: 30_000,
  controlMs: 30_000,
  telemetryMs: 500,
  idleMs: 2_000,
};
