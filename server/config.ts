/**
 * Every setting of `paceline serve`, in one table: flag, environment name (`PACELINE_` + key), config
 * key, default, unit, reason. Precedence: flag > environment > file > default.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse as parseToml } from "smol-toml";
import { z } from "zod";
import { engineFacts, NOTHING_TOLD, type ToldFacts } from "./contract/engine-facts.ts";
import { PacelineError } from "./contract/errors.ts";
import { LIMITS } from "./limits.ts";
import { DISCIPLINE_NAMES } from "./scheduler/disciplines/names.ts";

interface Setting<T> {
  readonly schema: z.ZodType<T>;
  readonly default: T;
  readonly unit: string | null;
  readonly reason: string;
  /** Where the flag, which may be given again and again, has another name than the key. */
  readonly repeated?: string;
}

const setting = <T>(
  schema: z.ZodType<T>,
  fallback: T,
  unit: string | null,
  reason: string,
  more: Pick<Setting<T>, "repeated"> = {},
): Setting<T> => ({
  schema,
  default: fallback,
  unit,
  reason,
  ...more,
});

const port = z.coerce.number().int().min(0).max(65_535);
const count = z.coerce.number().int().min(0);
const ms = z.coerce
  .number()
  .int()
  .min(1)
  .max(2 ** 31 - 1);
const text = z.string().min(1);
const optionalFile = z.string();
const flag = z.union([
  z.boolean(),
  z.enum(["true", "false"]).transform((value) => value === "true"),
]);

/** One dialect and where it is mounted; `null`: under `/jobs/{job}` of the main port, and for the job of `job`. */
export interface DialectSetting {
  readonly name: "sglang" | "vllm" | "openai";
  readonly port: number | null;
  readonly job: string | null;
  /** Of vLLM's: how its answers have routed experts; absent: they have none. */
  readonly routed_experts?: "npy" | "object" | undefined;
}

const jobName = z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/, "must be a job's name");

/** A table, or `name[:port][@job]` as flags and environment have it. */
const dialect = z.preprocess(
  (given) => {
    if (typeof given !== "string") return given;
    const parts = /^([^:@]*)(?::([^@]*))?(?:@(.*))?$/.exec(given);
    return { name: parts?.[1], port: parts?.[2] ?? null, job: parts?.[3] ?? null };
  },
  z.strictObject({
    name: z.enum(["sglang", "vllm", "openai"]),
    port: port.nullable().default(null),
    job: jobName.nullable().default(null),
    routed_experts: z.enum(["npy", "object"]).optional(),
  }),
);

const dialectList = z.preprocess(
  (given) => (typeof given === "string" ? given.split(",").filter(Boolean) : given),
  z.array(dialect),
);

const DEMO_POLICY = fileURLToPath(new URL("./engine/demo-policy/step-1", import.meta.url));

export const SETTINGS = {
  host: setting(
    text,
    "127.0.0.1",
    null,
    "Loopback; any other address needs --tokens-file, and --tls-cert or --allow-plaintext.",
  ),
  port: setting(port, 8700, null, "HTTP. 0 takes a free one."),
  grpc_port: setting(port, 8701, null, "gRPC. 0 takes a free one."),
  tokens_file: setting(
    optionalFile,
    "",
    "file",
    "TOML of bearer tokens (`paceline token` adds one), read again when it changes; none: all calls are allowed.",
  ),
  tls_cert: setting(
    optionalFile,
    "",
    "file",
    "Certificate of HTTP and gRPC, PEM, with its chain; read again when it changes. None: no TLS.",
  ),
  tls_key: setting(optionalFile, "", "file", "Its private key, PEM, without a passphrase."),
  tls_client_ca: setting(
    optionalFile,
    "",
    "file",
    "CA of clients' certificates, PEM: whoever has none of it cannot connect. None: clients need none.",
  ),
  allow_plaintext: setting(
    flag,
    false,
    null,
    "Listen beyond loopback without TLS, where something else encrypts: tokens travel as they are.",
  ),
  anonymous_rate: setting(
    z.coerce.number().min(0),
    0,
    "calls/s",
    "Without tokens: calls a second of all callers together; 0: any number.",
  ),
  anonymous_concurrency: setting(
    count,
    0,
    "calls",
    "Without tokens: calls open at once of all callers together; 0: any number.",
  ),
  engine: setting(
    z.enum(["embedded", "none"]),
    "embedded",
    null,
    "What `serve` starts itself; `none` waits for workers to register.",
  ),
  workers: setting(count.max(64), 2, "processes", "Embedded engine processes, one replica each."),
  policy: setting(text, "default", null, "Id of the policy that the embedded workers serve."),
  model: setting(
    text,
    DEMO_POLICY,
    null,
    "Hugging Face style directory: architecture of the embedded workers, and version 1 of the policy.",
  ),
  store: setting(
    text,
    ".paceline/state.sqlite",
    null,
    "File of the ledger and commits; `memory` keeps nothing.",
  ),
  spool: setting(
    z.string(),
    "",
    "folder",
    "Where bulk that Results refer to lies; empty: beside the store's file, as .paceline/state.spool, and with `memory` nowhere; `none`: nowhere.",
  ),
  spool_bytes: setting(
    z.coerce
      .number()
      .int()
      .min(8 * 1024 ** 2),
    16 * 1024 ** 3,
    "bytes",
    "Most that the spool holds; beyond it nothing is taken (`spool_full`), and nothing goes before its Result does.",
  ),
  side_inline_bytes: setting(
    count.max(LIMITS.sideInlineBytes),
    1024 ** 2,
    "bytes",
    "A part of side data (experts, masks, top or prompt logprobs) of so many bytes lies in its Result; a larger one goes to the spool, by reference.",
  ),
  static_workers: setting(
    z.union([z.array(text), z.string().transform((list) => list.split(",").filter(Boolean))]),
    [] as string[],
    null,
    "Workers to register at start, as kind=url, for instance embedded=http://127.0.0.1:9000.",
  ),
  engine_facts: setting<ToldFacts>(
    engineFacts,
    NOTHING_TOLD,
    "JSON",
    "What engines do not tell of themselves, by kind: {trtllm: {max_model_len, vocab_size, kv_tokens, max_running, dtype, eos_token_ids, logprob_mode, weights: policy@version, control_key_file}, dynamo: {…, rl_url}, sglang: {api_key_file, admin_api_key_file}}. In the file: tables.",
  ),
  dialects: setting<readonly DialectSetting[]>(
    dialectList,
    [],
    "name[:port][@job]",
    "Serve another system's HTTP surface (sglang, vllm, openai) for a job, on a port of its own or under /jobs/{job}; again for more. In the file: dialects = [{name, port, job, routed_experts}].",
    { repeated: "dialect" },
  ),
  job: setting(jobName, "default", null, "Job of the dialects that name none."),
  lease_ms: setting(
    ms,
    10_000,
    "ms",
    "A worker that neither renews nor answers a probe for so long is lost.",
  ),
  probe_ms: setting(ms, 1_000, "ms", "Between two probes and telemetry polls of a worker."),
  unread_ms: setting(
    count.max(1_000),
    100,
    "ms",
    "How long tokens that nobody streams may lie in an engine's socket, at most and for a 16th of the rollout's age; one read then takes many. 0 reads at once.",
  ),
  stuck_ms: setting(ms, 5_000, "ms", "A stream without a token for so long starts a probe."),
  detach_ms: setting(
    ms,
    30_000,
    "ms",
    "How long a stream may stay without a reader before its rollout ends.",
  ),
  result_ttl_ms: setting(ms, 600_000, "ms", "How long a Result can be asked for again."),
  session_ttl_ms: setting(
    ms,
    1_800_000,
    "ms",
    "After its last turn a session's order, home and KV are kept for so long: longer than a tool call takes.",
  ),
  drain_ms: setting(
    ms,
    30_000,
    "ms",
    "How long SIGTERM waits for running rollouts before it ends them as partial.",
  ),
  stream_interval: setting(
    count.min(1).max(4_096),
    16,
    "tokens",
    "Tokens per chunk that an embedded engine streams: fewer events, or a finer journal.",
  ),
  kv_tokens: setting(count.min(256), 65_536, "tokens", "KV capacity of one embedded worker."),
  max_running: setting(
    count.min(1).max(1_024),
    32,
    "rollouts",
    "Batch limit of one embedded worker.",
  ),
  scheduler: setting(
    z.enum(DISCIPLINE_NAMES),
    "paceline",
    null,
    "Rule that places rollouts: ours, or one of another system's to compare with (docs/operations.md).",
  ),
  record: setting(
    z.string(),
    "",
    "file",
    "Write the scheduler's inputs there at the end (a bounded ring), to be replayed; empty: off.",
  ),
  traces_url: setting(
    z.union([z.literal(""), z.url({ protocol: /^https?$/ })]),
    "",
    "url",
    "OTLP/HTTP traces of a collector, as http://127.0.0.1:4318/v1/traces: a span a rollout and attempt; empty: off.",
  ),
  log_level: setting(
    z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]),
    "info",
    null,
    "JSON lines on standard error.",
  ),
} as const;

type Settings = typeof SETTINGS;
export type Config = {
  readonly [K in keyof Settings]: Settings[K]["default"] extends never
    ? never
    : z.infer<Settings[K]["schema"]>;
};

/** Throws `invalid_argument` naming the setting and where its value came from. */
export function resolveConfig(
  flags: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
  file: string | null,
): Config {
  const fromFile = file === null ? {} : readConfigFile(file);
  const config: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(SETTINGS)) {
    const { schema, default: fallback } = setting;
    const envName = `PACELINE_${key.toUpperCase()}`;
    const candidates: readonly (readonly [string, unknown])[] = [
      [`--${flagOf(key, setting)}`, flags[key]],
      [envName, env[envName]],
      [`${key} in ${file}`, fromFile[key]],
    ];
    const given = candidates.find(([, value]) => value !== undefined);
    if (given === undefined) {
      config[key] = fallback;
      continue;
    }
    const parsed = schema.safeParse(given[1]);
    if (!parsed.success) {
      const why = parsed.error.issues[0]?.message ?? "not allowed";
      throw new PacelineError("invalid_argument", `${given[0]}: ${why}`, {
        details: { path: key },
      });
    }
    config[key] = parsed.data;
  }
  const resolved = config as Config;
  assertGuarded(resolved);
  assertApart(resolved);
  return resolved;
}

/** Whether only this host can reach `host`. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);

/** Beyond loopback anybody may call, so callers need tokens, and tokens need encryption. */
function assertGuarded(config: Config): void {
  const { host, tokens_file, tls_cert, tls_key, tls_client_ca, allow_plaintext } = config;
  if ((tls_cert === "") !== (tls_key === "")) {
    throw unfit(tls_cert === "" ? "tls_cert" : "tls_key", "tls_cert and tls_key go together");
  }
  if (tls_client_ca !== "" && tls_cert === "") {
    throw unfit("tls_client_ca", "tls_client_ca needs tls_cert and tls_key");
  }
  if (isLoopback(host)) return;
  const refusal = `--host ${host}: refusing to listen beyond loopback`;
  if (tokens_file === "") {
    throw unfit(
      "host",
      `${refusal} without tokens. Make one with \`paceline token --file tokens.toml NAME\`, then give --tokens-file tokens.toml`,
    );
  }
  if (tls_cert === "" && !allow_plaintext) {
    throw unfit(
      "host",
      `${refusal} without TLS, as tokens would travel in the clear. Give --tls-cert and --tls-key, or --allow-plaintext true if something else encrypts`,
    );
  }
}

/** Two dialects on one port, or under one job's path, would answer for each other. */
function assertApart({ dialects, job, port: main, grpc_port }: Config): void {
  const taken = new Map<string, string>([
    [`port ${main}`, "HTTP"],
    [`port ${grpc_port}`, "gRPC"],
  ]);
  for (const { name, port: own, job: given } of dialects) {
    if (own === 0) continue;
    const place = own === null ? `/jobs/${given ?? job}` : `port ${own}`;
    const other = taken.get(place);
    if (other !== undefined) throw unfit("dialects", `${name}: ${place} is for ${other} already`);
    taken.set(place, name);
  }
}

/** The flag's name without dashes. */
export const flagOf = (key: string, { repeated }: Pick<Setting<unknown>, "repeated">): string =>
  repeated ?? key.replaceAll("_", "-");

const unfit = (path: string, message: string): PacelineError =>
  new PacelineError("invalid_argument", message, { details: { path } });

function readConfigFile(file: string): Record<string, unknown> {
  let parsed: Record<string, unknown>;
  try {
    parsed = parseToml(readFileSync(file, "utf8"));
  } catch (thrown) {
    throw new PacelineError(
      "invalid_argument",
      `--config ${file}: ${PacelineError.from(thrown).message}`,
    );
  }
  const unknown = Object.keys(parsed).find((key) => !(key in SETTINGS));
  if (unknown !== undefined) {
    throw new PacelineError("invalid_argument", `${file}: no setting is called ${unknown}`, {
      details: { path: unknown },
    });
  }
  return parsed;
}
