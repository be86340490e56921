/**
 * The outside checker: reads what clients logged beside the server's events and metrics, and says what does not fit. It
 * knows nothing of the server's insides and believes no Result because it could be decoded.
 */
import type { ErrorCode } from "../../server/contract/errors.ts";
import type { Result } from "../../server/contract/result.ts";
import type { TokenChunk } from "../../server/contract/tokens.ts";
import {
  type Account,
  type Evidence,
  type Fault,
  type Finding,
  keyOf,
  type LifeEvent,
} from "./evidence.ts";
import { checkVersions } from "./version-check.ts";

/** Errors that no caller of a sound server sees, whatever happens to its fleet. */
const NEVER: ReadonlySet<ErrorCode> = new Set([
  "internal",
  "misaligned",
  "invalid_argument",
  "unsupported",
  "unimplemented",
  "engine_error",
  "store_unavailable",
  "digest_mismatch",
]);

export type Report = (fault: Fault, what: string) => void;

export function check(evidence: Evidence): Finding[] {
  const findings: Finding[] = [];
  const report: Report = (fault, what) => void findings.push({ fault, what });
  checkEventStream(evidence.events, report);
  const lives = livesOf(evidence.events);
  const accounts = Map.groupBy(evidence.accounts, ({ body }) => keyOf(body));
  for (const [key, all] of accounts) {
    const life = lives.get(key) ?? { accepted: 0, finished: [], failed: [] };
    for (const account of all) checkEnding(key, account, life, report);
    checkOnce(key, all, report);
    for (const account of all) checkAlignment(key, account, report);
  }
  for (const [key, life] of lives) {
    if (!accounts.has(key)) report("lost", `${key}: accepted, but nobody sent it`);
    checkLife(key, life, report);
  }
  checkVersions(evidence, report);
  checkMetrics(evidence, report);
  for (const { kind, target, outcome, error } of evidence.disturbances) {
    if (outcome !== "ok" && NEVER.has(outcome as ErrorCode))
      report("other", `${kind} ${target}: ${outcome}: ${error?.message}`);
  }
  return findings;
}

/** What events say of one id. */
interface Life {
  accepted: number;
  readonly finished: { readonly finish: string; readonly cause: string }[];
  readonly failed: string[];
}

function livesOf(events: readonly LifeEvent[]): Map<string, Life> {
  const lives = new Map<string, Life>();
  for (const event of events) {
    if (!event.type.startsWith("rollout_")) continue;
    const key = keyOf({ job: String(event["job"]), id: String(event["rollout"]) });
    const life = lives.get(key) ?? { accepted: 0, finished: [], failed: [] };
    lives.set(key, life);
    if (event.type === "rollout_accepted") life.accepted++;
    if (event.type === "rollout_failed") life.failed.push(String(event["code"]));
    if (event.type === "rollout_finished") {
      const { finish, cause } = event;
      life.finished.push({ finish: String(finish), cause: String(cause) });
    }
  }
  return lives;
}

function checkEventStream(events: readonly LifeEvent[], report: Report): void {
  for (const [index, { offset, type }] of events.entries()) {
    if (type === "gap" || type === "reset" || offset !== index) {
      report("other", `the event stream breaks: ${type} with offset ${offset} as number ${index}`);
      return;
    }
  }
}

function checkLife(key: string, { accepted, finished, failed }: Life, report: Report): void {
  const ended = finished.length + failed.length;
  if (accepted > ended) report("lost", `${key}: accepted ${accepted} times, ended ${ended} times`);
  if (accepted < ended) report("duplicated", `${key}: ended ${ended} times, accepted ${accepted}`);
  if (finished.length > 1) report("duplicated", `${key}: finished ${finished.length} times`);
}

function checkEnding(key: string, { way, ending }: Account, life: Life, report: Report): void {
  const about = `${key} (${way})`;
  if (ending === null) report("lost", `${about}: never answered`);
  else if (ending.type === "broken") report("lost", `${about}: ${ending.why}`);
  else if (ending.type === "error") {
    if (NEVER.has(ending.code)) report("other", `${about}: ${ending.code}: ${ending.message}`);
    const told = life.accepted === 0 || life.failed.includes(ending.code);
    if (!told && !REFUSALS.has(ending.code))
      report("lost", `${about}: ended as ${ending.code}, of which events say nothing`);
  } else if (ending.type === "result") {
    const { type, cause } = ending.result.finishReason;
    if (!life.finished.some(({ finish, cause: why }) => finish === type && why === cause))
      report("lost", `${about}: events know no end as ${type}, ${cause}`);
  }
}

/** Of a call about an id that others use too, or of an abort after its rollout failed. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(["conflict", "not_found"]);

/** Whoever asks for an id gets the same Result. */
function checkOnce(key: string, accounts: readonly Account[], report: Report): void {
  let first: string | null = null;
  for (const { ending, way } of accounts) {
    if (ending?.type !== "result") continue;
    const content = contentOf(ending.result);
    first ??= content;
    if (content !== first) {
      report("duplicated", `${key} (${way}): two contents:\n${first}\n${content}`);
      return;
    }
  }
}

const contentOf = ({ outputTokenIds, logprobs, routing: _, side: __, ...rest }: Result): string =>
  JSON.stringify({ ...rest, outputTokenIds: [...outputTokenIds], logprobs: [...logprobs] });

function checkAlignment(key: string, account: Account, report: Report): void {
  const about = `${key} (${account.way})`;
  const misaligned = (what: string): void => report("misaligned", `${about}: ${what}`);
  const stream = concatenated(account, misaligned);
  if (account.ending?.type !== "result") return;
  const { result } = account.ending;
  const { outputTokenIds: ids, logprobs, spans, segments, usage, finishReason } = result;
  const { body } = account;
  if (result.id !== body.id || result.job !== body.job) misaligned(`is of ${keyOf(result)}`);
  if (ids.length !== logprobs.length) misaligned(`${ids.length} ids, ${logprobs.length} logprobs`);
  if (usage.outputTokens !== ids.length) misaligned(`usage says ${usage.outputTokens} tokens`);
  if (usage.promptTokens !== body.prompt_token_ids.length) misaligned("usage of another prompt");
  const most = body.sampling.max_new_tokens;
  if (ids.length > most || (finishReason.cause === "max_new" && ids.length < most))
    misaligned(`${ids.length} tokens of ${most}, cause ${finishReason.cause}`);
  const wrong = logprobs.findIndex((one) => !(one > -9999 && one < 1e-3));
  if (wrong >= 0) misaligned(`logprob ${logprobs[wrong]} at ${wrong}`);
  for (const [name, ranges] of [
    ["spans", spans],
    ["segments", segments],
  ] as const) {
    let at = 0;
    for (const { start, end } of ranges) {
      if (start !== at || end <= start) misaligned(`${name} break at ${at}`);
      at = end;
    }
    if (at !== ids.length) misaligned(`${name} cover ${at} of ${ids.length} tokens`);
  }
  if (stream !== null) compareStream(stream, result, misaligned);
}

interface Streamed {
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  readonly versions: readonly (number | null)[];
}

/** What a stream's events make together; null for a call without a stream. */
function concatenated({ events }: Account, misaligned: (what: string) => void): Streamed | null {
  if (events.length === 0) return null;
  const ids: number[] = [];
  const logprobs: number[] = [];
  const versions: (number | null)[] = [];
  const cut = (length: number): void => {
    for (const array of [ids, logprobs, versions]) array.length = length;
  };
  const add = (chunk: TokenChunk): void => {
    if (chunk.start !== ids.length)
      misaligned(`tokens from ${chunk.start} came when there were ${ids.length}`);
    cut(Math.min(chunk.start, ids.length));
    for (const [at, id] of chunk.ids.entries()) {
      ids.push(id);
      logprobs.push(chunk.logprobs[at] as number);
      versions.push(chunk.version);
    }
  };
  let last = -1;
  for (const { seq, event } of events) {
    if (seq <= last) misaligned(`event ${seq} came after ${last}`);
    last = seq;
    if (event.type === "tokens") add(event.chunk);
    else if (event.type === "moved") cut(Math.min(event.keptTokens, ids.length));
  }
  return { ids, logprobs, versions };
}

function compareStream(
  { ids, logprobs, versions }: Streamed,
  result: Result,
  misaligned: (what: string) => void,
): void {
  // Tokens beyond a lag limit are withheld in the end, though a reader has seen them come.
  if (result.finishReason.cause === "stale") return;
  if (ids.length !== result.outputTokenIds.length)
    misaligned(`streamed ${ids.length} of ${result.outputTokenIds.length} tokens`);
  const at = ids.findIndex(
    (id, i) => id !== result.outputTokenIds[i] || logprobs[i] !== result.logprobs[i],
  );
  if (at >= 0) misaligned(`token ${at} of the stream is not the Result's`);
  for (const { start, end, version } of result.spans) {
    const other = versions.slice(start, end).find((one) => one !== null && one !== version);
    if (other !== undefined) misaligned(`streamed under ${other} what the span says is ${version}`);
  }
}

function checkMetrics({ metrics, events }: Evidence, report: Report): void {
  const sum = (name: string): number => sumOf(metrics, name);
  for (const name of ZERO_AT_THE_END) {
    if (sum(name) !== 0) report("other", `${name} is ${sum(name)}`);
  }
  const finished = events.filter(({ type }) => type === "rollout_finished").length;
  if (sum("paceline_rollouts_total") !== finished)
    report("lost", `paceline_rollouts_total ${sum("paceline_rollouts_total")}, events ${finished}`);
}

const ZERO_AT_THE_END = [
  "paceline_stale_tokens_total",
  "paceline_unattested_tokens_total",
  "paceline_inflight",
  "paceline_queue_depth",
];

/** Over all labels. */
export function sumOf(metrics: string, name: string): number {
  let sum = 0;
  for (const line of metrics.split("\n")) {
    const [key = "", value] = line.split(" ");
    if (key === name || key.startsWith(`${name}{`)) sum += Number(value);
  }
  return sum;
}
