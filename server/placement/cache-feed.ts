/**
 * Follows what the fleet's engines cache, and tells the scheduler in its own hashes. Of each policy only the version that
 * new rollouts would be served with counts. Where a stream is lost or has a gap, all that was known of it is void, and it is
 * followed anew.
 */
import type { CacheChange, CacheFollower, Engine } from "../../adapters/engine.ts";
import type { Clock, Timer } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import { cacheNamespace, type HeldVersion } from "../contract/policy.ts";
import { withDeadline } from "../fleet/deadline.ts";
import type { SchedulerEvent } from "../scheduler/events.ts";
import { BlockNames, type BlockOwner } from "./block-names.ts";

export interface CacheFeed {
  /** The worker is there and holds these. */
  holds(worker: string, incarnation: string, holds: readonly HeldVersion[]): void;
  lost(worker: string): void;
  close(): void;
}

/** How long an engine may take to say where it publishes, ms; and until a lost stream is asked for again. */
const FOLLOW_MS = 5_000;
const AGAIN_MS = 10_000;

interface Slot {
  readonly names: BlockNames;
  life: number;
}

/** Whose cache events cannot be followed for now, and why. */
export type CacheFailure = (worker: string, error: PacelineError) => void;

interface Following {
  readonly incarnation: string;
  readonly slots: Map<number, Slot>;
  /** By policy: null is the weights in service. */
  owners: ReadonlyMap<string | null, BlockOwner>;
  stream: { close(): void } | null;
  again: Timer | null;
  /** It was told that this one cannot be followed: each silence is told once. */
  told: boolean;
  over: boolean;
}

export function createCacheFeed(
  clock: Clock,
  engineOf: (worker: string, incarnation: string) => Pick<Engine, "followCache"> | null,
  handle: (event: SchedulerEvent) => void,
  failed: CacheFailure = () => {},
): CacheFeed {
  const followed = new Map<string, Following>();
  let life = 0;

  const tell = (
    worker: string,
    index: number,
    slot: Slot,
    kind: "stored" | "removed",
    blocks: number[],
  ) => {
    if (blocks.length === 0) return;
    handle({ type: "cache", worker, slot: index, life: slot.life, kind, blocks });
  };

  const clear = (worker: string, index: number, slot: Slot): void => {
    slot.names.clear();
    slot.life = ++life;
    handle({ type: "cache", worker, slot: index, life, kind: "cleared", blocks: [] });
  };

  const apply = (
    worker: string,
    index: number,
    slot: Slot,
    change: CacheChange,
    { owners }: Following,
  ): void => {
    if (change.type === "cleared") clear(worker, index, slot);
    else if (change.type === "removed") {
      tell(worker, index, slot, "removed", slot.names.removed(change.hashes));
    } else {
      const { adapter } = change;
      const owner = owners.get(adapter?.policy ?? null) ?? null;
      const current =
        adapter === null || owner?.key.startsWith(`${adapter.policy}@${adapter.version}#`);
      tell(worker, index, slot, "stored", slot.names.stored(change, current ? owner : null));
    }
  };

  function follower(worker: string, following: Following): CacheFollower {
    const slotOf = (index: number): Slot => {
      const known = following.slots.get(index) ?? { names: new BlockNames(), life: ++life };
      following.slots.set(index, known);
      return known;
    };
    return {
      changes(index, changes) {
        if (following.over) return;
        const slot = slotOf(index);
        for (const change of changes) apply(worker, index, slot, change, following);
      },
      gap(index) {
        if (!following.over) clear(worker, index, slotOf(index));
      },
      lost(error) {
        if (following.over) return;
        following.stream = null;
        for (const [index, slot] of following.slots) clear(worker, index, slot);
        retry(worker, following, error);
      },
    };
  }

  function retry(worker: string, following: Following, error: PacelineError): void {
    if (!following.told) failed(worker, error);
    following.told = true;
    following.again = clock.timer(AGAIN_MS, () => void follow(worker, following));
  }

  /** An engine that cannot be asked now is asked again: it may only be busy. One that publishes nothing is asked once. */
  async function follow(worker: string, following: Following): Promise<void> {
    const engine = engineOf(worker, following.incarnation);
    if (following.over || !engine?.followCache) return;
    const { followCache } = engine;
    try {
      await withDeadline(clock, FOLLOW_MS, "cache events", async (signal) => {
        const stream = await followCache(follower(worker, following), signal);
        if (following.over || signal.aborted) stream?.close();
        else following.stream = stream;
      });
      following.told = false;
    } catch (thrown) {
      // Until it tells, what it has is predicted.
      if (!following.over) retry(worker, following, PacelineError.from(thrown));
    }
  }

  function end(worker: string): void {
    const following = followed.get(worker);
    if (following === undefined) return;
    followed.delete(worker);
    following.over = true;
    following.again?.cancel();
    following.stream?.close();
  }

  return {
    holds(worker, incarnation, holds) {
      const known = followed.get(worker);
      const owners = ownersOf(holds);
      if (known?.incarnation === incarnation) {
        known.owners = owners;
        const keys = new Set([...owners.values()].map(({ key }) => key));
        for (const [index, slot] of known.slots) {
          tell(worker, index, slot, "removed", slot.names.retain(keys));
        }
        return;
      }
      end(worker);
      const slots = new Map<number, Slot>();
      const nothing = { stream: null, again: null, told: false, over: false };
      const following: Following = { incarnation, slots, owners, ...nothing };
      followed.set(worker, following);
      void follow(worker, following);
    },
    lost: end,
    close() {
      for (const worker of [...followed.keys()]) end(worker);
    },
  };
}

/** The newest version of each policy; where several hold weights of their own, nobody knows whose a block is. */
function ownersOf(holds: readonly HeldVersion[]): ReadonlyMap<string | null, BlockOwner> {
  const owners = new Map<string | null, BlockOwner>();
  const newest = new Map<string, HeldVersion>();
  for (const held of holds) {
    const other = newest.get(held.policy);
    if (other === undefined || other.version < held.version) newest.set(held.policy, held);
  }
  const whole = [...newest.values()].filter(({ base }) => base === undefined);
  for (const held of newest.values()) {
    const owner = { policy: held.policy, key: cacheNamespace(held) };
    if (held.base !== undefined) owners.set(held.policy, owner);
    else if (whole.length === 1) owners.set(null, owner);
  }
  return owners;
}
