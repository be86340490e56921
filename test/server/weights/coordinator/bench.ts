/** A publisher over a real ledger and in-memory workers, on the virtual clock. */
import type { PacelineError } from "../../../../server/contract/errors.ts";
import type { AdaptersPort } from "../../../../server/placement/adapters-port.ts";
import { createLedger } from "../../../../server/policy/durable-ledger.ts";
import type { Ledger } from "../../../../server/policy/ledger.ts";
import { createMemoryStore } from "../../../../server/store/memory-store.ts";
import type { Store } from "../../../../server/store/store.ts";
import type { UpdateEvent } from "../../../../server/weights/coordinator/observation.ts";
import { createPublisher } from "../../../../server/weights/coordinator/publisher.ts";
import { createStandstills } from "../../../../server/weights/coordinator/standstills.ts";
import type { Publication, Publisher } from "../../../../server/weights/publisher.ts";
import { seededRandom } from "../../../support/seeded-random.ts";
import { settle, VirtualClock } from "../../../support/virtual-clock.ts";
import { FakeFleet } from "../fake-fleet.ts";

export interface Bench {
  readonly clock: VirtualClock;
  readonly ledger: Ledger;
  readonly fleet: FakeFleet;
  readonly publisher: Publisher & AdaptersPort;
  readonly events: UpdateEvent[];
  /** Puts `digest` at the path `digest` and publishes it. */
  publish(digest: string, more?: Partial<Publication>): Promise<number>;
  /** The version that each worker proved, by worker; null for none. */
  holds(policy?: string): Record<string, number | null>;
  phases(version: number): Record<string, string>;
  reason(version: number, worker: string): string | null;
}

export async function createBench(
  store: Store = createMemoryStore(),
  fleet = new FakeFleet(),
): Promise<Bench> {
  const clock = new VirtualClock();
  const ledger = await createLedger(store, clock);
  await ledger.declare({ policy: "p" });
  const events: UpdateEvent[] = [];
  const observe = (event: UpdateEvent): void => void events.push(event);
  const publisher = createPublisher({
    ledger,
    fleet,
    gate: fleet,
    clock,
    random: seededRandom(1),
    observe,
    standstills: await createStandstills({ store, fleet, clock, observe }),
    digest: async (path) => ({ digest: fleet.files.get(path) ?? "missing", bytes: 1 }),
  });
  const rows = (version: number) => publisher.progress("p", version).workers;
  return {
    clock,
    ledger,
    fleet,
    publisher,
    events,
    async publish(digest, more = {}) {
      fleet.files.set(digest, digest);
      const { version } = await publisher.publish({
        policy: "p",
        source: { path: digest },
        ...more,
      });
      return version.version;
    },
    holds: (policy = "p") =>
      Object.fromEntries(
        fleet.list().map(({ id, description }) => {
          const held = ledger
            .holds(id, description.incarnation)
            .find((one) => one.policy === policy);
          return [id, held?.version ?? null];
        }),
      ),
    phases: (version) =>
      Object.fromEntries(rows(version).map(({ worker, phase }) => [worker, phase])),
    reason: (version, worker) => rows(version).find((row) => row.worker === worker)?.reason ?? null,
  };
}

/** Lets everything that needs no time happen: many turns of promises. */
export async function quiet(): Promise<void> {
  for (let i = 0; i < 10; i++) await settle();
}

/** The error that a promise ends in. */
export async function failure(promise: Promise<unknown>): Promise<PacelineError> {
  try {
    await promise;
  } catch (thrown) {
    return thrown as PacelineError;
  }
  throw new Error("did not fail");
}
