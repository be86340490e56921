/** The Ledger over a Store: records are durable before anybody hears of them, proofs live in memory. */
import type { Clock } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import { isWeaker, type VersionState } from "../contract/policy.ts";
import { LIMITS } from "../limits.ts";
import type { Store } from "../store/store.ts";
import { declared, newPolicy } from "./declaration.ts";
import type { Ledger, LedgerChange, NewVersion, PolicyRecord, VersionRecord } from "./ledger.ts";
import {
  emptyEntry,
  type LedgerStep,
  loadEntries,
  type PolicyEntry,
  writeStep,
} from "./ledger-rows.ts";
import { beneath, createProofs } from "./proofs.ts";
import { assertInRun, openedRun } from "./runs.ts";
import { assertStep, isOver, isUndecided, wasCommitted } from "./version-states.ts";

/**
 * Loads what the store holds; what was not committed when the last server ended is aborted. Throws
 * `store_unavailable`.
 */
export async function createLedger(store: Store, clock: Clock): Promise<Ledger> {
  const entries = await loadEntries(store);
  const turns = new Map<string, Promise<unknown>>();
  const listeners = new Set<(change: LedgerChange) => void>();

  function tell(change: LedgerChange): void {
    for (const listener of [...listeners]) {
      try {
        listener(change);
      } catch (thrown) {
        // What is durable cannot be taken back: the defect surfaces on its own, not in our caller.
        queueMicrotask(() => {
          throw thrown;
        });
      }
    }
  }
  const proofs = createProofs((worker, incarnation, holds) =>
    tell({ type: "holds", worker, incarnation, holds }),
  );

  /** Writes of one policy happen one after the other. */
  function inTurn<T>(policy: string, step: () => Promise<T>): Promise<T> {
    const turn = (turns.get(policy) ?? Promise.resolve()).then(step, step);
    turns.set(policy, turn);
    const leave = () => {
      if (turns.get(policy) === turn) turns.delete(policy);
    };
    turn.then(leave, leave);
    return turn;
  }

  async function write(entry: PolicyEntry, step: LedgerStep): Promise<void> {
    await writeStep(store, entry, step);
    for (const version of step.versions ?? []) tell({ type: "version", version });
    if (step.run) tell({ type: "run", run: step.run });
    if (step.policy) tell({ type: "policy", policy: step.policy });
  }

  const find = (policy: string): { entry: PolicyEntry; record: PolicyRecord } => {
    const entry = entries.get(policy);
    if (entry?.policy) return { entry, record: entry.policy.record };
    throw new PacelineError("not_found", `no policy is called ${policy}`, { details: { policy } });
  };
  const findVersion = (policy: string, version: number): VersionRecord => {
    const found = find(policy).entry.versions.get(version);
    if (found) return found.record;
    throw new PacelineError("not_found", `${policy} has no version ${version}`, {
      details: { policy, version },
    });
  };

  async function mint(opened: NewVersion): Promise<VersionRecord> {
    const { entry, record } = find(opened.policy);
    assertInRun(record, opened.runEpoch);
    if (opened.contentOf !== null) findVersion(opened.policy, opened.contentOf);
    const number = record.lastVersion + 1;
    const version: VersionRecord = {
      ...opened,
      version: number,
      state: "open",
      createdAt: clock.wall(),
    };
    await write(entry, {
      policy: { ...record, lastVersion: number },
      versions: [version],
      forgotten: tooMany(entry),
    });
    return version;
  }

  return {
    policies: () => [...entries.values()].flatMap(({ policy }) => policy?.record ?? []),
    policy: (policy) => find(policy).record,
    version: findVersion,
    versions: (policy) => [...find(policy).entry.versions.values()].map(({ record }) => record),
    holds: proofs.holds,
    proved: proofs.proved,
    forget: proofs.forget,
    release: proofs.release,

    declare: (declaration) =>
      inTurn(declaration.policy, async () => {
        const known = entries.get(declaration.policy)?.policy?.record ?? null;
        if (known === null && entries.size >= LIMITS.policies) {
          throw new PacelineError("overloaded", `there are ${entries.size} policies already`);
        }
        const policy = declared(
          known ?? newPolicy(declaration),
          declaration,
          (base) => find(base).record,
        );
        if (policy === known) return known;
        const entry = entries.get(policy.policy) ?? emptyEntry();
        await write(entry, { policy });
        entries.set(policy.policy, entry);
        return policy;
      }),

    openRun: (opening) =>
      inTurn(opening.policy, async () => {
        const { entry, record } = find(opening.policy);
        const versions = [...entry.versions.values()].map((kept) => kept.record);
        const runs = [...entry.runs.values()];
        const run = openedRun(record, runs, versions, opening, clock.wall());
        if (run !== record.run) await write(entry, { policy: { ...record, run }, run });
        return run;
      }),

    open: (opened) => inTurn(opened.policy, () => mint(opened)),

    openOnce: (opened, same) =>
      inTurn(opened.policy, async () => {
        const { entry, record: policy } = find(opened.policy);
        assertInRun(policy, opened.runEpoch);
        const known = [...entry.versions.values()].findLast(
          ({ record }) => (isUndecided(record.state) || isServing(record.state)) && same(record),
        );
        if (known !== undefined) return { record: known.record, minted: false };
        return { record: await mint(opened), minted: true };
      }),

    inCurrentRun({ policy, version }) {
      const { entry, record } = find(policy);
      const epoch = entry.versions.get(version)?.record.runEpoch;
      return epoch === (record.run?.epoch ?? null);
    },

    transition: (policy, version, to, content = null) =>
      inTurn(policy, async () => {
        const { entry, record } = find(policy);
        const before = findVersion(policy, version);
        assertTransition(record, before, to);
        const changed = { ...before, state: to, digest: content ?? before.digest };
        if (to !== "committed") {
          await write(entry, { versions: [changed] });
          return changed;
        }
        await write(entry, {
          policy: { ...record, committedVersion: version },
          versions: [changed, ...superseded(entry)],
        });
        return changed;
      }),

    withdraw: (policy) =>
      inTurn(policy, async () => {
        const { entry, record } = find(policy);
        if (record.kind === "full") {
          throw new PacelineError(
            "unsupported",
            `${policy} is no adapter: it has no base to fall to`,
          );
        }
        if (record.committedVersion === null) return record;
        const withdrawn = { ...record, committedVersion: null };
        await write(entry, { policy: withdrawn, versions: superseded(entry) });
        return withdrawn;
      }),

    prove(worker, incarnation, held) {
      const version = findVersion(held.policy, held.version);
      if (!wasCommitted(version.state)) {
        throw conflict(version, "is not committed, so no worker can be proven to hold it");
      }
      if (held.proof === "digest" && held.digest !== version.digest) {
        throw new PacelineError(
          "digest_mismatch",
          `${worker} holds other weights than ${held.policy}@${held.version}`,
          { details: { worker, digest: held.digest, published: version.digest } },
        );
      }
      const { minProof, base } = find(held.policy).record;
      if (isWeaker(held.proof, minProof)) {
        throw conflict(
          version,
          `takes no proof weaker than ${minProof}, and this is ${held.proof}`,
        );
      }
      const proved = { ...held, label: version.label };
      if (base === null) {
        proofs.prove(worker, incarnation, proved);
        return;
      }
      const below = proofs.holds(worker, incarnation).find(({ policy }) => policy === base);
      if (below === undefined) throw conflict(version, `lies on ${base}, which it has not proved`);
      proofs.prove(worker, incarnation, { ...proved, base: beneath(below) });
    },

    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** The step must be in the table, and the fleet's version moves forward, by a newer commit alone. */
function assertTransition(policy: PolicyRecord, version: VersionRecord, to: VersionState): void {
  assertStep(version, to);
  if (to === "superseded") {
    throw conflict(version, "is superseded by the commit of a newer version only");
  }
  if (to === "committed" && version.version < (policy.committedVersion ?? 0)) {
    throw conflict(version, `is older than the committed ${policy.committedVersion}`);
  }
  if (to === "committed") assertInRun(policy, version.runEpoch);
}

/** What serves, as it is once it does so no more. */
const superseded = ({ versions }: PolicyEntry): VersionRecord[] =>
  [...versions.values()]
    .filter(({ record: { state } }) => isServing(state))
    .map(({ record }): VersionRecord => ({ ...record, state: "superseded" }));

/** The fleet's version. */
const isServing = (state: VersionState): boolean => wasCommitted(state) && !isOver(state);

function conflict({ policy, version, state }: VersionRecord, why: string): PacelineError {
  return new PacelineError(
    "version_conflict",
    `version ${version} of ${policy} (${state}) ${why}`,
    {
      details: { policy, version, state },
    },
  );
}

/** The oldest records that nothing can become of, beyond what is kept. */
function tooMany(entry: PolicyEntry): number[] {
  const excess = entry.versions.size - LIMITS.versionsKept;
  if (excess <= 0) return [];
  const over = [...entry.versions.values()].filter(({ record }) => isOver(record.state));
  return over
    .map(({ record }) => record.version)
    .sort((a, b) => a - b)
    .slice(0, excess);
}
