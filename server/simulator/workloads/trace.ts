/** Reads and writes traces (`trace-format.ts`). What cannot be is refused with its line and field. */
import type { z } from "zod";
import { PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";
import { PREFIX_BLOCK_TOKENS } from "../../scheduler/card.ts";
import type {
  FleetSpec,
  SimulatedRollout,
  TrainerSpec,
  WorkerSpec,
  Workload,
} from "../workload.ts";
import { type TraceFault, type TraceLine, traceFault } from "./trace-checks.ts";
import {
  headerSchema,
  rolloutSchema,
  type TraceHeader,
  type TraceRollout,
} from "./trace-format.ts";

export interface TraceDefaults {
  /** Of a trace without a header. */
  readonly name: string;
  /** Takes the place of the header's. */
  readonly fleet: FleetSpec | null;
}

const MOONCAKE: Omit<TraceHeader, "workload"> = {
  block_tokens: 512,
  policies: [{ name: "policy", base: null }],
  fleet: null,
};

/** `lines` without their ends; empty ones are skipped. */
export function readTrace(lines: Iterable<string>, given: TraceDefaults): Workload {
  let header: TraceHeader | null = null;
  const rollouts: TraceLine[] = [];
  let line = 0;
  for (const text of lines) {
    line++;
    if (text.trim() === "") continue;
    const value = parseLine(text, line);
    if (header === null && isHeader(value)) {
      header = check(headerSchema, value, line);
      continue;
    }
    header ??= { workload: given.name, ...MOONCAKE };
    if (rollouts.length === LIMITS.traceRollouts) {
      throw invalid({ line, path: "", message: `more than ${LIMITS.traceRollouts} rollouts` });
    }
    const read = check(rolloutSchema, value, line);
    rollouts.push({ line, id: read.id ?? `line-${line}`, read });
  }
  if (header === null || rollouts.length === 0) {
    throw invalid({ line, path: "", message: "the trace has no rollout" });
  }
  const fleet = given.fleet ?? fleetOf(header);
  if (fleet === null) {
    throw invalid({ line: 1, path: "fleet", message: "the trace names none, nor does the call" });
  }
  const fault = traceFault(header, fleet, rollouts);
  if (fault !== null) throw invalid(fault);
  return toWorkload(header, fleet, rollouts);
}

/** Lines without their ends, as `readTrace` takes them. */
export function* writeTrace(workload: Workload): Generator<string> {
  yield JSON.stringify(headerFor(workload));
  for (const rollout of workload.rollouts) yield JSON.stringify(lineFor(rollout));
}

function toWorkload(
  header: TraceHeader,
  fleet: FleetSpec,
  rollouts: readonly TraceLine[],
): Workload {
  const { trainer, block_tokens: block } = header;
  const longest = rollouts.reduce((most, { read }) => Math.max(most, read.output_length), 0);
  const policy = header.policies[0]?.name ?? "policy";
  const made = rollouts.map(({ id, read }): SimulatedRollout => {
    const { group, session } = read;
    return {
      id,
      group: group ?? null,
      promptTokens: read.input_length,
      prefix: blocksOf(read, block),
      outputTokens: read.output_length,
      maxNewTokens: read.max_output_length ?? longest,
      arrivalSeconds: read.timestamp / 1_000,
      session: session
        ? { id: session.id, turn: session.turn, gapSeconds: session.gap_ms / 1_000 }
        : null,
      policy: read.policy ?? policy,
      prompt: read.prompt ?? group?.id ?? session?.id ?? id,
    };
  });
  // A sort keeps the order of what arrives together, and so that of turns.
  made.sort((a, b) => a.arrivalSeconds - b.arrivalSeconds);
  return {
    name: header.workload,
    policies: header.policies,
    rollouts: made,
    fleet,
    ...(trainer === undefined
      ? {}
      : {
          trainer: {
            batchGroups: trainer.batch_groups,
            stepSeconds: trainer.step_seconds,
            pauseSeconds: trainer.pause_seconds,
            ...roundsOf(trainer),
          },
        }),
  };
}

function roundsOf({ rounds }: NonNullable<TraceHeader["trainer"]>): Pick<TrainerSpec, "rounds"> {
  if (rounds === undefined) return {};
  const { issue, need, leftover } = rounds;
  return { rounds: { issue, leftover, ...(need === undefined ? {} : { need }) } };
}

/** Hashes of full blocks of ours: a larger block of the trace becomes several, equal where it was equal. */
function blocksOf({ hash_ids: ids, input_length: length }: TraceRollout, block: number): number[] {
  const each = block / PREFIX_BLOCK_TOKENS;
  const full = Math.min(ids.length * each, Math.floor(length / PREFIX_BLOCK_TOKENS));
  return Array.from({ length: full }, (_, i) => {
    const id = ids[Math.floor(i / each)] ?? 0;
    return each === 1 ? id % 2 ** 32 : (id * each + (i % each)) % 2 ** 32;
  });
}

function fleetOf({ fleet }: TraceHeader): FleetSpec | null {
  if (fleet === null) return null;
  return {
    workers: fleet.workers.map((worker): WorkerSpec => {
      const { id, pool, step, tiers, adapters } = worker;
      return {
        id,
        pool,
        kvTokens: worker.kv_tokens,
        maxRunning: worker.max_running,
        step,
        prefillTokensPerSecond: worker.prefill_tokens_per_second,
        prefillChunk: worker.prefill_chunk,
        tiers: tiers && {
          hostTokens: tiers.host_tokens,
          hostTokensPerSecond: tiers.host_tokens_per_second,
          poolTokensPerSecond: tiers.pool_tokens_per_second,
        },
        adapters: adapters && { slots: adapters.slots, loadSeconds: adapters.load_seconds },
      };
    }),
  };
}

function headerFor({
  name,
  policies,
  fleet,
  trainer,
  blockTokens,
}: Workload): z.input<typeof headerSchema> {
  return {
    workload: name,
    block_tokens: blockTokens ?? PREFIX_BLOCK_TOKENS,
    policies: policies.map((policy) => ({ ...policy })),
    fleet: {
      workers: fleet.workers.map(({ id, pool, step, tiers, adapters, ...worker }) => ({
        id,
        pool,
        kv_tokens: worker.kvTokens,
        max_running: worker.maxRunning,
        step,
        prefill_tokens_per_second: worker.prefillTokensPerSecond,
        prefill_chunk: worker.prefillChunk,
        tiers: tiers && {
          host_tokens: tiers.hostTokens,
          host_tokens_per_second: tiers.hostTokensPerSecond,
          pool_tokens_per_second: tiers.poolTokensPerSecond,
        },
        adapters: adapters && { slots: adapters.slots, load_seconds: adapters.loadSeconds },
      })),
    },
    ...(trainer && {
      trainer: {
        batch_groups: trainer.batchGroups,
        step_seconds: trainer.stepSeconds,
        pause_seconds: trainer.pauseSeconds,
        ...(trainer.rounds && { rounds: trainer.rounds }),
      },
    }),
  };
}

function lineFor(rollout: SimulatedRollout): z.input<typeof rolloutSchema> {
  const { id, group, session, policy, prompt } = rollout;
  return {
    id,
    timestamp: rollout.arrivalSeconds * 1_000,
    input_length: rollout.promptTokens,
    output_length: rollout.outputTokens,
    max_output_length: rollout.maxNewTokens,
    hash_ids: [...rollout.prefix],
    ...(group && { group: { ...group } }),
    ...(session && {
      session: { id: session.id, turn: session.turn, gap_ms: session.gapSeconds * 1_000 },
    }),
    policy,
    prompt,
  };
}

const isHeader = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "workload" in value;

function parseLine(text: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    throw invalid({ line, path: "", message });
  }
}

function check<T>(schema: z.ZodType<T>, value: unknown, line: number): T {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  const message = issue?.message ?? "invalid";
  throw invalid({ line, path: issue?.path.join(".") ?? "", message });
}

function invalid({ line, path, message }: TraceFault): PacelineError {
  const where = path === "" ? `line ${line}` : `line ${line}: ${path}`;
  return new PacelineError("invalid_argument", `${where}: ${message}`, { details: { line, path } });
}
