/** Whose pause an engine's is, over a real fleet of fake engines. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PacelineError } from "../../../../server/contract/errors.ts";
import { createMemoryStore } from "../../../../server/store/memory-store.ts";
import type { Store } from "../../../../server/store/store.ts";
import type { UpdateEvent } from "../../../../server/weights/coordinator/observation.ts";
import {
  createStandstills,
  type Standstills,
} from "../../../../server/weights/coordinator/standstills.ts";
import { settle } from "../../../support/virtual-clock.ts";
import { createFixture, type FleetFixture, URL_1 } from "../../fleet/fleet-fixture.ts";

interface Life extends FleetFixture {
  readonly standstills: Standstills;
  readonly events: UpdateEvent[];
  state(): string;
}

/** A server's life over `store`; its one engine is paused or not, and is of `incarnation`. */
async function life(
  store: Store,
  {
    paused = false,
    incarnation = "i-1",
    before = (_: FleetFixture, __: Standstills): void => {},
  } = {},
): Promise<Life> {
  const fixture = createFixture();
  const { fleet, clock } = fixture;
  const events: UpdateEvent[] = [];
  const observe = (event: UpdateEvent): void => void events.push(event);
  const standstills = await createStandstills({ store, fleet, clock, observe });
  const engine = fixture.engine(URL_1);
  engine.description = { ...engine.description, paused, incarnation };
  before(fixture, standstills);
  await fleet.register({ id: "w", url: URL_1, engine: "simulated" });
  await settle();
  return { ...fixture, standstills, events, state: () => fleet.get("w").state };
}

/** As an update does it. */
async function standStill({ fleet, engine, standstills }: Life): Promise<void> {
  const { incarnation } = fleet.get("w").description;
  fleet.mark("w", incarnation, "updating", "version 2");
  await standstills.begin({ worker: "w", incarnation }, { policy: "p", version: 2 });
  engine(URL_1).description = { ...engine(URL_1).description, paused: true };
}

const kept = async (store: Store): Promise<number> => (await store.list("standstills")).length;

for (const poisoned of [false, true]) {
  test(`left standing still${poisoned ? ", and poisoned," : ""} by the last server: it is let run`, async () => {
    const store = createMemoryStore();
    const first = await life(store);
    await standStill(first);
    if (poisoned) first.fleet.mark("w", "i-1", "poisoned", "half-way");
    await settle();
    assert.equal(await kept(store), 1);
    const next = await life(store, {
      paused: true,
      before(_, { left }) {
        assert.deepEqual([left("i-1"), left("i-1~2"), left("i-2")], [true, true, false]);
      },
    });
    await next.standstills.lifted("w");
    assert.deepEqual(next.engine(URL_1).calls, ["resume"]);
    assert.equal(next.state(), "ready");
    assert.equal(await kept(store), 0);
    await next.fleet.pause("w", "keep");
    assert.equal(next.state(), "paused");
  });
}

for (const [what, ended, found] of [
  ["was paused by an operator after the update", true, {}],
  ["has restarted since", false, { incarnation: "i-2" }],
] as const) {
  test(`one that ${what} stays as it is`, async () => {
    const store = createMemoryStore();
    const first = await life(store);
    await standStill(first);
    if (ended) first.fleet.mark("w", "i-1", "ready", null);
    await settle();
    const second = await life(store, { paused: true, ...found });
    assert.deepEqual(second.engine(URL_1).calls, []);
    assert.equal(second.state(), "paused");
    assert.equal(await kept(store), 0);
  });
}

test("one that was lost meanwhile is let run when it comes back", async () => {
  const store = createMemoryStore();
  const only = await life(store);
  await standStill(only);
  const engine = only.engine(URL_1);
  engine.mood = "refused";
  only.fleet.report("w", "i-1", "socket_lost");
  await only.until(() => only.state() === "lost");
  engine.mood = "well";
  await only.until(() => only.state() === "ready");
  assert.deepEqual(engine.calls, ["resume"]);
  assert.equal(await kept(store), 0);
});

test("one that cannot be let run is asked again after a while", async () => {
  const store = createMemoryStore();
  await standStill(await life(store));
  const next = await life(store, {
    paused: true,
    before({ engine }) {
      const { control } = engine(URL_1);
      const { resume } = control;
      control.resume = async () => {
        control.resume = resume;
        throw new PacelineError("engine_error", "not now, on command");
      };
    },
  });
  assert.equal(next.state(), "paused");
  assert.deepEqual(
    next.events.map((event) => event.type === "trouble" && event.error.code),
    ["engine_error"],
  );
  await next.until(() => next.state() === "ready");
  next.standstills.close();
});
