/**
 * The fleet under vLLM's metric names, one `engine` a worker, so that a controller which reads vLLM's sees ours. What no
 * engine tells has no series: a zero would be read as a fact. Rollouts that wait here for a place are
 * spread over the engines, since they wait for none in particular.
 */
import type { DialectContext } from "../dialect.ts";
import { workersOf } from "../job-workers.ts";

type Labels = Readonly<Record<string, string | number>>;

class Text {
  text = "";

  family(
    name: string,
    type: "gauge" | "counter",
    help: string,
    rows: readonly (readonly [Labels, number])[],
  ): void {
    if (rows.length === 0) return;
    this.text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    for (const [labels, value] of rows) {
      const pairs = Object.entries(labels).map(([key, of]) => `${key}="${escaped(String(of))}"`);
      this.text += `${name}{${pairs.join(",")}} ${value}\n`;
    }
  }
}

const escaped = (value: string): string =>
  value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

/** vLLM counts KV in blocks; ours is told in tokens, which are blocks of one. */
const BLOCK = 1;

/** `held`: requests that wait at the mount, for a pause to end. */
export function vllmMetrics(context: DialectContext, held: number): string {
  const policy = context.policy();
  const workers = workersOf(context, policy);
  const waiting = waitingOf(context) + held;
  const engines = workers.map((worker, engine) => ({
    labels: { engine, model_name: worker.description.model },
    capacity: worker.description.slots.reduce((sum, { kvTokens }) => sum + kvTokens, 0),
    queued: Math.floor((waiting + engine) / workers.length),
    load: worker.load,
  }));
  const loaded = engines.flatMap(({ load, ...rest }) => (load === null ? [] : [{ ...rest, load }]));
  const out = new Text();
  const gauge = (
    name: string,
    help: string,
    value: (one: (typeof loaded)[number]) => number,
  ): void =>
    out.family(
      name,
      "gauge",
      help,
      loaded.map((one) => [one.labels, value(one)]),
    );
  const counter = (
    name: string,
    help: string,
    value: (one: (typeof loaded)[number]) => number,
  ): void =>
    out.family(
      name,
      "counter",
      help,
      loaded.map((one) => [one.labels, value(one)]),
    );

  gauge(
    "vllm:num_requests_running",
    "Requests in model execution batches.",
    ({ load }) => load.running,
  );
  gauge(
    "vllm:num_requests_waiting",
    "Requests waiting to be processed.",
    ({ load, queued }) => load.waiting + queued,
  );
  out.family(
    "vllm:num_requests_waiting_by_reason",
    "gauge",
    "Requests waiting to be processed, by reason.",
    loaded.map(({ labels, load, queued }) => [
      { ...labels, reason: "capacity" },
      load.waiting + queued,
    ]),
  );
  gauge("vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.", ({ load }) =>
    load.kvTotalTokens === 0 ? 0 : load.kvUsedTokens / load.kvTotalTokens,
  );
  counter(
    "vllm:generation_tokens_total",
    "Number of generation tokens processed.",
    ({ load }) => load.outputTokens,
  );
  counter(
    "vllm:prompt_tokens_total",
    "Number of prefill tokens processed.",
    ({ load }) => load.prefillTokens,
  );
  out.family(
    "vllm:cache_config_info",
    "gauge",
    "Information of the LLMEngine CacheConfig.",
    engines.map(({ labels, capacity }) => [
      { ...labels, block_size: BLOCK, num_gpu_blocks: capacity, kv_cache_size_tokens: capacity },
      1,
    ]),
  );
  return out.text;
}

function waitingOf({ jobs, job }: DialectContext): number {
  const known = jobs.list().find((one) => one.job === job);
  return known?.load.waiting ?? 0;
}
