/** A fleet on the virtual clock over fake engines, with everything that it told. */
import type { EngineKeys } from "../../../adapters/engine.ts";
import type { WorkerState } from "../../../server/contract/worker.ts";
import type { FleetChange } from "../../../server/fleet/fleet.ts";
import { createFleet, type LiveFleet } from "../../../server/fleet/live-fleet.ts";
import type { FleetOptions } from "../../../server/fleet/options.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";
import { FakeEngine } from "./fake-engine.ts";

export const URL_1 = "http://127.0.0.1:9001";
export const URL_2 = "http://127.0.0.1:9002";

export interface FleetFixture {
  readonly clock: VirtualClock;
  readonly fleet: LiveFleet;
  readonly changes: FleetChange[];
  /** Every state that a worker went through, told by the observer. */
  readonly states: WorkerState[];
  /** The fake behind a url; made on first use, so that a test can set its mood beforehand. */
  engine(url: string): FakeEngine;
  /** What the engine at that url is shown; null: there was none yet. */
  keysOf(url: string): EngineKeys | null;
  /** Moves the clock until `done`, at most a minute: fails loudly instead of hanging. */
  until(done: () => boolean): Promise<void>;
}

export function createFixture(
  options: Partial<FleetOptions> = {},
  leftStanding?: (incarnation: string) => boolean,
): FleetFixture {
  const clock = new VirtualClock();
  const engines = new Map<string, FakeEngine>();
  const changes: FleetChange[] = [];
  const states: WorkerState[] = [];
  const shown = new Map<string, () => EngineKeys>();
  const engine = (url: string): FakeEngine => {
    let found = engines.get(url);
    if (found === undefined) {
      found = new FakeEngine(url);
      engines.set(url, found);
    }
    return found;
  };
  const fleet = createFleet({
    clock,
    random: seededRandom(1),
    createEngine(_, url, keys) {
      shown.set(url, keys);
      return engine(url);
    },
    options,
    ...(leftStanding === undefined ? {} : { leftStanding }),
    observe: {
      changed: (_worker, _incarnation, _from, to) => states.push(to),
      probeFailed: () => {},
      evidence: () => {},
    },
  });
  fleet.listen((change) => changes.push(change));
  return {
    clock,
    fleet,
    changes,
    states,
    engine,
    keysOf: (url) => shown.get(url)?.() ?? null,
    async until(done) {
      for (let ms = 0; !done(); ms += 50) {
        if (ms > 60_000) throw new Error("it did not happen within a minute of virtual time");
        await clock.advance(50);
      }
    },
  };
}
