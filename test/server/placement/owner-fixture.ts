/** The owner over the real scheduler, fleet and ledger; engines are fakes, time is virtual. */
import type { OnUpdate } from "../../../server/contract/policy.ts";
import type { LiveFleet } from "../../../server/fleet/live-fleet.ts";
import { createPlacementOwner, type PlacementOwner } from "../../../server/placement/owner.ts";
import type { PlacementReply } from "../../../server/placement/port.ts";
import { createLedger } from "../../../server/policy/durable-ledger.ts";
import type { Ledger, NewVersion } from "../../../server/policy/ledger.ts";
import type { Card } from "../../../server/scheduler/card.ts";
import { createScheduler } from "../../../server/scheduler/scheduler.ts";
import { createMemoryStore } from "../../../server/store/memory-store.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import type { VirtualClock } from "../../support/virtual-clock.ts";
import type { FakeEngine } from "../fleet/fake-engine.ts";
import { createFixture } from "../fleet/fleet-fixture.ts";
import { card } from "../scheduler/samples.ts";

export const EPOCH = 7;
const DIGEST = "d".repeat(64);

export interface OwnerFixture {
  readonly clock: VirtualClock;
  readonly fleet: LiveFleet;
  readonly ledger: Ledger;
  readonly owner: PlacementOwner;
  /** Everything that the owner told rollouts. */
  readonly replies: PlacementReply[];
  /** `key>worker` of each grant, in order. */
  grants(): string[];
  /** `key:reason` of each revoke, in order. */
  revokes(): string[];
  offer(key: string, more?: Partial<Card>): void;
  done(key: string, attempt?: number): void;
  engine(id: string): FakeEngine;
  /** Registers a worker and proves the newest version on it. */
  join(id: string, policies?: readonly string[]): Promise<void>;
  /** Commits the next version; nobody holds it yet. */
  commit(more?: Partial<NewVersion>): Promise<number>;
  prove(id: string, version: number): void;
  close(id: string, onUpdate: OnUpdate, graceMs?: number): Promise<{ kept: readonly string[] }>;
}

const urlOf = (id: string): string => `http://127.0.0.1:9${id.replace(/\D/g, "").padStart(3, "0")}`;

export async function createOwnerFixture(): Promise<OwnerFixture> {
  const { clock, fleet, engine } = createFixture();
  const ledger = await createLedger(createMemoryStore(), clock);
  await ledger.declare({ policy: "p" });
  const scheduler = createScheduler(clock, seededRandom(1));
  const owner = createPlacementOwner({ scheduler, fleet, ledger, clock, epoch: EPOCH });
  const replies: PlacementReply[] = [];
  owner.connect((reply) => replies.push(reply));

  const incarnationOf = (id: string): string => fleet.get(id).description.incarnation;
  const fixture: OwnerFixture = {
    clock,
    fleet,
    ledger,
    owner,
    replies,
    grants: () =>
      replies.flatMap((reply) => (reply.type === "grant" ? [`${reply.key}>${reply.worker}`] : [])),
    revokes: () =>
      replies.flatMap((reply) => (reply.type === "revoke" ? [`${reply.key}:${reply.reason}`] : [])),
    offer: (key, more = {}) => owner.send({ type: "offer", card: card(key, more) }),
    done: (key, attempt = 1) => owner.send({ type: "done", key, attempt, outcome: "finished" }),
    engine: (id) => engine(urlOf(id)),
    async join(id, policies) {
      engine(urlOf(id)).description = { ...engine(urlOf(id)).description, incarnation: `${id}-1` };
      await fleet.register({
        id,
        url: urlOf(id),
        engine: "simulated",
        ...(policies === undefined ? {} : { policies }),
      });
      const { committedVersion } = ledger.policy("p");
      if (committedVersion !== null) fixture.prove(id, committedVersion);
    },
    async commit(more = {}) {
      const { version } = await ledger.open({
        policy: "p",
        label: null,
        runEpoch: null,
        source: { path: "/nowhere" },
        digest: DIGEST,
        contentOf: null,
        onUpdate: "keep",
        updateGraceMs: 1_000,
        ...more,
      });
      for (const state of ["transferring", "staged", "committed"] as const) {
        await ledger.transition("p", version, state);
      }
      return version;
    },
    prove(id, version) {
      const load = version;
      ledger.prove(id, incarnationOf(id), {
        policy: "p",
        version,
        label: null,
        proof: "digest",
        load,
        digest: DIGEST,
      });
    },
    close: (id, onUpdate, graceMs = 1_000) =>
      owner.close(id, incarnationOf(id), { why: "update", onUpdate, graceMs }),
  };
  await fixture.commit();
  return fixture;
}
