/**
 * Room for adapters in each life of an engine: who uses which, which went unused longest, and what is on its way in. One
 * change at a time, so that two loads never count the same room.
 */
import { PacelineError } from "../../contract/errors.ts";
import type { HeldReport } from "../../contract/policy.ts";

type Adapter = Pick<HeldReport, "policy" | "version">;

const nameOf = ({ policy, version }: Adapter): string => `${policy}@${version}`;

interface Room {
  /** Rollouts that use each, or wait until it is loaded; insertion order is order of use. */
  readonly users: Map<string, number>;
  /** Loaded or about to be, and not proved yet. */
  readonly coming: Map<string, PromiseWithResolvers<void>>;
  /** Told when an adapter is unused. */
  readonly waiting: Set<() => void>;
  /** Resolves when the change before is over. */
  turn: Promise<void>;
}

export class AdapterRooms {
  readonly #lives = new Map<string, Room>();

  /** Somebody is to run under it there; answers what ends that. */
  enter(incarnation: string, adapter: Adapter): () => void {
    const room = this.#of(incarnation);
    const name = nameOf(adapter);
    const before = room.users.get(name) ?? 0;
    room.users.delete(name);
    room.users.set(name, before + 1);
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      const left = (room.users.get(name) ?? 1) - 1;
      room.users.set(name, left);
      if (left > 0) return;
      for (const tell of room.waiting) tell();
      room.waiting.clear();
    };
  }

  /** Of those that are there, the one that nobody uses and that was used longest ago; null: all are in use. */
  leastUsed<Held extends Adapter>(incarnation: string, there: readonly Held[]): Held | null {
    const { users } = this.#of(incarnation);
    const idle = there.filter((one) => (users.get(nameOf(one)) ?? 0) === 0);
    const never = idle.find((one) => !users.has(nameOf(one)));
    if (never !== undefined) return never;
    for (const name of users.keys()) {
      const found = idle.find((one) => nameOf(one) === name);
      if (found !== undefined) return found;
    }
    return null;
  }

  /** Forgets what was used and is not there any more. */
  retain(incarnation: string, there: readonly Adapter[]): void {
    const { users, coming } = this.#of(incarnation);
    const names = new Set([...coming.keys(), ...there.map(nameOf)]);
    for (const [name, count] of users) if (count === 0 && !names.has(name)) users.delete(name);
  }

  /** Resolves when one becomes unused. Throws what aborted `signal`. */
  unused(incarnation: string, signal: AbortSignal): Promise<void> {
    const { waiting } = this.#of(incarnation);
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        waiting.delete(tell);
        reject(PacelineError.from(signal.reason));
      };
      const tell = (): void => {
        signal.removeEventListener("abort", cancel);
        resolve();
      };
      if (signal.aborted) return cancel();
      signal.addEventListener("abort", cancel, { once: true });
      waiting.add(tell);
    });
  }

  /** Takes room from here on, until it `came`; whoever calls it has seen that it is not coming yet. */
  comes(incarnation: string, adapter: Adapter): void {
    const { coming, users } = this.#of(incarnation);
    const name = nameOf(adapter);
    coming.set(name, Promise.withResolvers());
    // To be loaded is to be used.
    const now = users.get(name) ?? 0;
    users.delete(name);
    users.set(name, now);
  }

  /** It is proved, or will not be. */
  came(incarnation: string, adapter: Adapter): void {
    const coming = this.#lives.get(incarnation)?.coming;
    coming?.get(nameOf(adapter))?.resolve();
    coming?.delete(nameOf(adapter));
  }

  /** Resolves when it came; null: it is not on its way. */
  arrival(incarnation: string, adapter: Adapter): Promise<void> | null {
    return this.#lives.get(incarnation)?.coming.get(nameOf(adapter))?.promise ?? null;
  }

  /** Adapters beside `held` that take room there. */
  coming(incarnation: string, held: readonly Adapter[]): number {
    const names = this.#lives.get(incarnation)?.coming.keys() ?? [];
    return [...names].filter((name) => !held.some((one) => nameOf(one) === name)).length;
  }

  /** Runs `change` when those before it are over. */
  async exclusive<T>(incarnation: string, change: () => Promise<T>): Promise<T> {
    const room = this.#of(incarnation);
    const before = room.turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    room.turn = promise;
    await before;
    try {
      return await change();
    } finally {
      resolve();
    }
  }

  /** That life is over. */
  forget(incarnation: string): void {
    for (const { resolve } of this.#lives.get(incarnation)?.coming.values() ?? []) resolve();
    this.#lives.delete(incarnation);
  }

  #of(incarnation: string): Room {
    const known = this.#lives.get(incarnation);
    if (known !== undefined) return known;
    const made: Room = {
      users: new Map(),
      coming: new Map(),
      waiting: new Set(),
      turn: Promise.resolve(),
    };
    this.#lives.set(incarnation, made);
    return made;
  }
}
