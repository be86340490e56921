/** What no schema of one line can see of a trace: values that contradict each other, other lines or the fleet. */
import type { FleetSpec } from "../workload.ts";
import type { TraceHeader, TraceRollout } from "./trace-format.ts";

export interface TraceLine {
  readonly line: number;
  readonly id: string;
  readonly read: TraceRollout;
}

export interface TraceFault {
  readonly line: number;
  readonly path: string;
  readonly message: string;
}

export function traceFault(
  header: TraceHeader,
  fleet: FleetSpec,
  rollouts: readonly TraceLine[],
): TraceFault | null {
  const inHeader = headerFault(header, fleet);
  if (inHeader !== null) return { line: 1, ...inHeader };
  const known = new Known(header, fleet);
  for (const rollout of rollouts) {
    const fault = known.fault(rollout);
    if (fault !== null) return { line: rollout.line, ...fault };
  }
  return null;
}

type Fault = Omit<TraceFault, "line">;

function headerFault({ policies }: TraceHeader, fleet: FleetSpec): Fault | null {
  const workers = twice(fleet.workers.map(({ id }) => id));
  if (workers !== null) return { path: "fleet.workers", message: `two workers are ${workers}` };
  const policy = twice(policies.map(({ name }) => name));
  if (policy !== null) return { path: "policies", message: `two policies are ${policy}` };
  for (const { name, base } of policies) {
    if (base === null || policies.some((other) => other.name === base && other.base === null)) {
      continue;
    }
    return {
      path: "policies",
      message: `${name} is an adapter of ${base}, which is no full policy`,
    };
  }
  return null;
}

class Known {
  readonly #policies: ReadonlySet<string>;
  readonly #largest: number;
  readonly #block: number;
  readonly #ids = new Set<string>();
  readonly #groups = new Map<string, { readonly size: number; readonly seen: Set<number> }>();
  readonly #sessions = new Map<string, { turn: number; timestamp: number }>();

  constructor({ policies, block_tokens }: TraceHeader, { workers }: FleetSpec) {
    this.#policies = new Set(policies.map(({ name }) => name));
    this.#largest = workers.reduce((most, { kvTokens }) => Math.max(most, kvTokens), 0);
    this.#block = block_tokens;
  }

  fault({ id, read }: TraceLine): Fault | null {
    if (this.#ids.has(id)) return { path: "id", message: `${id} was there before` };
    this.#ids.add(id);
    const { input_length: input, output_length: output, max_output_length: most } = read;
    if (most !== undefined && output > most) {
      return { path: "output_length", message: `${output} tokens, max_output_length is ${most}` };
    }
    if (input + output > this.#largest) {
      const message = `${input + output} tokens in the end; the largest worker holds ${this.#largest}`;
      return { path: "input_length", message };
    }
    if (read.hash_ids.length > Math.ceil(input / this.#block)) {
      const message = `${read.hash_ids.length} blocks of ${this.#block} tokens in ${input} tokens`;
      return { path: "hash_ids", message };
    }
    if (read.policy !== undefined && !this.#policies.has(read.policy)) {
      return { path: "policy", message: `${read.policy} is not in the header` };
    }
    return this.#groupFault(read) ?? this.#sessionFault(read);
  }

  #groupFault({ group }: TraceRollout): Fault | null {
    if (group === undefined) return null;
    const { id, size, index } = group;
    const known = this.#groups.get(id) ?? { size, seen: new Set() };
    this.#groups.set(id, known);
    if (size !== known.size) {
      return { path: "group.size", message: `${id} has ${known.size} members by an earlier line` };
    }
    if (index >= size) return { path: "group.index", message: `${index} in a group of ${size}` };
    if (known.seen.has(index)) {
      return { path: "group.index", message: `${id} has its member ${index} already` };
    }
    known.seen.add(index);
    return null;
  }

  #sessionFault({ session, timestamp }: TraceRollout): Fault | null {
    if (session === undefined) return null;
    const { id, turn } = session;
    const before = this.#sessions.get(id) ?? { turn: -1, timestamp: 0 };
    if (turn !== before.turn + 1) {
      return { path: "session.turn", message: `turn ${turn} of ${id} comes after ${before.turn}` };
    }
    if (timestamp < before.timestamp) {
      return { path: "timestamp", message: `turn ${turn} of ${id} arrives before the one before` };
    }
    this.#sessions.set(id, { turn, timestamp });
    return null;
  }
}

function twice(names: readonly string[]): string | null {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) return name;
    seen.add(name);
  }
  return null;
}
