/** Time, randomness and ids come in from outside everywhere, so that a run can be replayed. */
export interface Clock {
  /** Milliseconds on a monotonic scale, fractional. For durations and deadlines. */
  now(): number;
  /** Milliseconds since the Unix epoch. For what a person reads; never subtracted. */
  wall(): number;
  /** Calls `fire` once, `ms` milliseconds from now. A live clock's timers do not keep a process alive. */
  timer(ms: number, fire: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform unsigned 32-bit integer. */
  u32(): number;
}
