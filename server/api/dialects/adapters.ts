/**
 * LoRA adapters as trainers speak of them: a name, and a path that may be another each time. Here the name is a policy whose base is the
 * job's, and each load a version of it; no rollout changes its adapter while it runs, whatever is loaded meanwhile.
 */
import { PacelineError } from "../../contract/errors.ts";
import type { PolicyRecord } from "../../policy/ledger.ts";
import type { DialectContext } from "./dialect.ts";
import { workersOf } from "./job-workers.ts";
import { stepIn } from "./vllm/version-names.ts";

/** Phases of a worker that holds the version, or is about to. */
const WELL: ReadonlySet<string> = new Set(["staged", "swapping", "installed"]);

/**
 * Resolves when the version is committed. A path that ends in a number is that step's: a retried call finds it. Throws
 * `unsupported` where no engine of the job takes adapters, `no_eligible_worker` where none has room, `conflict` for the name of another
 * policy, and what a publication throws.
 */
export async function loadAdapter(
  { publisher, ledger, policy, ...context }: DialectContext,
  name: string,
  path: string,
): Promise<void> {
  const base = policy();
  const workers = workersOf({ ...context, policy }, name);
  if (!workers.some(({ description }) => description.capabilities.weights.adapters)) {
    throw new PacelineError("unsupported", `no engine that serves ${base} takes LoRA adapters`, {
      details: { path: "lora_name" },
    });
  }
  const { run } = await ledger.declare({ policy: name, kind: "lora", base });
  const step = stepIn(path);
  const opened = await publisher.publish({
    policy: name,
    source: { path },
    ...(step === null ? {} : { label: { run: run?.run ?? "adapter", step } }),
    ...(run === null ? {} : { runEpoch: run.epoch }),
  });
  const { version } = opened.version;
  const { workers: rows } = await publisher.committed(name, version);
  const [first] = rows;
  if (first === undefined || rows.some(({ phase }) => WELL.has(phase))) return;
  await publisher.withdraw(name);
  throw new PacelineError("no_eligible_worker", `${first.worker}: ${first.reason}`, {
    details: { workers: rows.map(({ worker, phase, reason }) => ({ worker, phase, reason })) },
  });
}

/** Throws `not_found` for an adapter that the job does not have. */
export async function unloadAdapter(context: DialectContext, name: string): Promise<void> {
  if (!adaptersOf(context).some(({ policy }) => policy === name)) {
    throw new PacelineError("not_found", `The lora adapter '${name}' cannot be found.`, {
      details: { path: "lora_name" },
    });
  }
  await context.publisher.withdraw(name);
}

/** Loaded ones whose base is the job's policy. */
export function adaptersOf({
  ledger,
  policy,
}: Pick<DialectContext, "ledger" | "policy">): readonly PolicyRecord[] {
  const base = policy();
  return ledger.policies().filter((one) => one.base === base && isLoaded(one));
}

/** Of an adapter that nothing is loaded of no dialect knows the name. */
export const isLoaded = ({ kind, committedVersion }: PolicyRecord): boolean =>
  kind === "full" || committedVersion !== null;
