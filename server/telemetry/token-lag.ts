/**
 * `paceline_token_version_lag`: a histogram over output tokens. prom-client has no weighted observe, so
 * buckets are plain counters here, written out when scraped.
 */

/** Versions behind the committed one. */
const BOUNDS = [0, 1, 2, 3, 4, 8, 16, 32] as const;
const NAME = "paceline_token_version_lag";

interface Buckets {
  /** Not cumulative; the last is beyond all bounds. */
  readonly counts: number[];
  sum: number;
}

export class TokenLag {
  readonly #policies = new Map<string, Buckets>();

  observe(policy: string, lag: number, tokens: number): void {
    let buckets = this.#policies.get(policy);
    if (!buckets) {
      buckets = { counts: new Array<number>(BOUNDS.length + 1).fill(0), sum: 0 };
      this.#policies.set(policy, buckets);
    }
    const at = BOUNDS.findIndex((bound) => lag <= bound);
    const index = at === -1 ? BOUNDS.length : at;
    buckets.counts[index] = (buckets.counts[index] as number) + tokens;
    buckets.sum += lag * tokens;
  }

  /** Prometheus text. */
  text(): string {
    const lines = [
      `# HELP ${NAME} Committed version minus the version that made a token, over output tokens`,
      `# TYPE ${NAME} histogram`,
    ];
    for (const [policy, { counts, sum }] of this.#policies) {
      const label = `policy=${JSON.stringify(policy)}`;
      let total = 0;
      counts.forEach((count, i) => {
        total += count;
        lines.push(`${NAME}_bucket{${label},le="${BOUNDS[i] ?? "+Inf"}"} ${total}`);
      });
      lines.push(`${NAME}_sum{${label}} ${sum}`, `${NAME}_count{${label}} ${total}`);
    }
    return `${lines.join("\n")}\n`;
  }
}
