import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { StalenessBound } from "../../../server/jobs/staleness.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";

const never = (): void => assert.fail("it was let in at once, or has left");

/** Groups of one rollout each, named by number; which of them were let in so far. */
function bound(eta: number, batchGroups: number, remembered = 1_000) {
  const made = new StalenessBound({ eta, batchGroups }, remembered);
  const inside = new Set<string>();
  const enter = (group: string, rollout = group): void => {
    if (made.enter(group, rollout, () => inside.add(rollout))) inside.add(rollout);
  };
  const report = (step: number, more: object = {}, committed = 1): void =>
    made.report({ version: 1, step, batchGroups: null, rejectedGroups: 0, ...more }, committed);
  return { bound: made, inside, enter, report };
}

suite("a staleness bound", () => {
  test("lets (η + 1)·B groups in before the first step, and B more at each", () => {
    const { bound: made, inside, enter, report } = bound(1, 2);
    for (let group = 1; group <= 8; group++) enter(`${group}`);
    assert.deepEqual([...inside], ["1", "2", "3", "4"]);
    report(0);
    assert.equal(inside.size, 4);
    for (const group of ["1", "2"]) made.left(group, group, true);
    assert.equal(inside.size, 4, "what is accepted counts until it is trained on");
    report(1);
    assert.deepEqual([...inside].slice(4), ["5", "6"]);
    assert.deepEqual([made.limit, made.admitted, made.heldGroups], [6, 6, 2]);
  });

  test("counts a group once, lets its siblings in with it, and a late one too", () => {
    const { bound: made, inside, enter } = bound(0, 1);
    for (const one of ["a", "b"]) for (const key of ["g", "h"]) enter(key, `${key}.${one}`);
    assert.deepEqual([...inside], ["g.a", "g.b"]);
    assert.deepEqual([made.heldGroups, made.heldRollouts], [1, 2]);
    made.left("g", "g.a", true);
    made.left("g", "g.b", false);
    enter("g", "g.c");
    assert.ok(inside.has("g.c"));
    assert.equal(made.admitted, 1);
  });

  test("gets back a group of which nothing is usable, and one that the trainer rejected", () => {
    const { bound: made, inside, enter, report } = bound(0, 2);
    for (const group of ["1", "2", "3", "4"]) enter(group);
    made.left("1", "1", false);
    assert.ok(inside.has("3"));
    made.left("2", "2", true);
    report(0, { rejectedGroups: 1 });
    assert.ok(inside.has("4"));
    report(0, { rejectedGroups: 1 });
    assert.equal(made.admitted, 2, "told twice is rejected once");
  });

  test("does not wait for one that left while it was held", () => {
    const { bound: made, inside, enter } = bound(0, 1);
    enter("1");
    assert.equal(made.enter("2", "2", never), false);
    enter("3");
    made.left("2", "2", false);
    made.left("1", "1", false);
    assert.deepEqual([...inside], ["1", "3"]);
  });

  test("takes a report for true once its version is committed", () => {
    const { bound: made, inside, enter, report } = bound(0, 1);
    for (const group of ["1", "2"]) enter(group);
    made.left("1", "1", true);
    report(1, { version: 5 }, 4);
    assert.equal(made.waitsForVersion, 5);
    assert.ok(!inside.has("2"));
    made.committed(5);
    assert.ok(inside.has("2"));
  });

  test("gives no room for steps that were fed by others", () => {
    const { bound: made, report } = bound(0, 2);
    report(90);
    assert.equal(made.limit, 2);
    report(95);
    assert.equal(made.limit, 2);
  });

  test("begins anew where the trainer was restored from a checkpoint", () => {
    const { bound: made, inside, enter, report } = bound(0, 1);
    report(7);
    for (const group of ["1", "2", "3"]) enter(group);
    made.left("1", "1", true);
    report(5);
    assert.ok(inside.has("2"), "what the trainer had is lost with it");
    assert.deepEqual([made.limit, made.admitted], [1, 1]);
  });

  test("begins anew where a run is opened, at whatever step that begins", () => {
    const { bound: made, inside, enter, report } = bound(0, 1);
    report(7);
    for (const group of ["1", "2", "3"]) enter(group);
    made.left("1", "1", true);
    made.restart();
    assert.ok(inside.has("2"), "what the former trainer had is lost with it");
    report(90);
    assert.deepEqual([made.limit, made.admitted], [1, 1]);
    made.left("2", "2", true);
    report(91);
    assert.ok(inside.has("3"), "its steps are counted from its own first");
  });

  test("goes on from what was stored", () => {
    const { bound: made, enter, report } = bound(1, 2);
    for (const group of ["1", "2", "3"]) enter(group);
    for (const group of ["1", "2", "3"]) made.left(group, group, true);
    report(1);
    const again = new StalenessBound({ eta: 1, batchGroups: 2 }, 10, made.count());
    assert.deepEqual([again.limit, again.admitted], [6, 3]);
    again.report({ version: 1, step: 1, batchGroups: null, rejectedGroups: 0 }, 1);
    assert.deepEqual([again.limit, again.admitted], [6, 3]);
  });

  test("lets all in when it is taken away", () => {
    const { bound: made, inside, enter } = bound(0, 1);
    for (const group of ["1", "2", "3"]) enter(group);
    made.release();
    assert.equal(inside.size, 3);
  });
});

interface Group {
  readonly key: string;
  /** Let in and not ended. */
  readonly running: Set<string>;
  readonly held: Set<string>;
  usable: boolean;
}

/** A trainer and its clients, who keep their own books of what the bound is to keep. */
class History {
  readonly #random: () => number;
  readonly #eta: number;
  readonly #bound: StalenessBound;
  readonly #groups = new Map<string, Group>();
  /** Groups that ended usable and that the trainer has not taken, oldest first. */
  #ready: string[] = [];
  #accepted = 0;
  #consumed = 0;
  #batch: number;
  #step: number;
  #rejected = 0;
  #version = 1;
  #committed = 1;
  #names = 0;
  #reported: boolean;
  steps = 0;

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#random = () => random.next();
    this.#eta = this.#upTo(4);
    this.#batch = 1 + this.#upTo(4);
    this.#bound = new StalenessBound({ eta: this.#eta, batchGroups: this.#batch }, 1_000);
    // A trainer that tells nothing before its first step, or one that was resumed and says so first.
    this.#reported = this.#random() < 0.5;
    this.#step = this.#reported ? this.#upTo(100) : 0;
    if (this.#reported) this.#report();
  }

  #upTo(below: number): number {
    return Math.floor(this.#random() * below);
  }

  #pick<T>(from: Iterable<T>): T | undefined {
    const all = [...from];
    return all[this.#upTo(all.length)];
  }

  get #running(): number {
    return [...this.#groups.values()].filter(({ running }) => running.size > 0).length;
  }

  get held(): number {
    return [...this.#groups.values()].reduce((sum, { held }) => sum + held.size, 0);
  }

  /** running + accepted ≤ consumed + (η + 1)·B, whenever somebody new was let in. */
  #check(): void {
    const admitted = this.#running + this.#accepted;
    const most = this.#consumed + (this.#eta + 1) * this.#batch;
    assert.ok(admitted <= most, `${admitted} groups are in, of ${most}`);
  }

  act(): void {
    const dice = this.#random();
    if (dice < 0.4) this.#submit();
    else if (dice < 0.75) this.endOne(this.#random() < 0.85);
    else if (dice < 0.8) this.#leaveHeld();
    else if (dice < 0.85) this.#commit();
    else if (dice < 0.87) this.#restart();
    else this.train();
  }

  #submit(): void {
    const old = this.#random() < 0.5 ? this.#pick(this.#groups.values()) : undefined;
    const key = old?.key ?? `g${this.#names++}`;
    const group = old ?? { key, running: new Set(), held: new Set(), usable: false };
    this.#groups.set(key, group);
    const rollout = `${key}.${this.#names++}`;
    const fresh = group.running.size === 0;
    group.held.add(rollout);
    const open = (): void => {
      const first = group.running.size === 0;
      assert.ok(group.held.delete(rollout), `${rollout} was let in twice, or after it left`);
      group.running.add(rollout);
      if (first) this.#check();
    };
    if (this.#bound.enter(key, rollout, open)) open();
    else assert.ok(fresh, `a sibling of ${key}, which is in, was held`);
  }

  endOne(usable: boolean): boolean {
    const group = this.#pick([...this.#groups.values()].filter(({ running }) => running.size > 0));
    const rollout = this.#pick(group?.running ?? []);
    if (group === undefined || rollout === undefined) return false;
    group.running.delete(rollout);
    group.usable ||= usable;
    if (group.running.size === 0) {
      this.#groups.delete(group.key);
      if (group.usable) {
        this.#ready.push(group.key);
        this.#accepted++;
      }
    }
    this.#bound.left(group.key, rollout, usable);
    return true;
  }

  #leaveHeld(): void {
    const group = this.#pick([...this.#groups.values()].filter(({ held }) => held.size > 0));
    const rollout = this.#pick(group?.held ?? []);
    if (group === undefined || rollout === undefined) return;
    group.held.delete(rollout);
    if (group.held.size === 0) this.#groups.delete(group.key);
    this.#bound.left(group.key, rollout, false);
  }

  /** One step, if there is a batch; rejects some groups on the way. True if it did anything. */
  train(): boolean {
    const rejects = this.#ready.length > 0 && this.#random() < 0.3;
    if (rejects) {
      this.#ready.shift();
      this.#accepted--;
      this.#rejected++;
    }
    const steps = this.#ready.length >= this.#batch;
    if (steps) {
      this.#ready.splice(0, this.#batch);
      this.#consumed += this.#batch;
      this.#step++;
      this.steps++;
      if (this.#random() < 0.8) this.#version++;
      if (this.#random() < 0.5) this.#committed = this.#version;
    }
    if (rejects || steps) this.#report(steps && this.#random() < 0.2);
    return rejects || steps;
  }

  #report(otherBatch = false): void {
    if (otherBatch) this.#batch = 1 + this.#upTo(4);
    this.#reported = true;
    const batchGroups = otherBatch ? this.#batch : null;
    const told = { version: this.#version, step: this.#step, rejectedGroups: this.#rejected };
    this.#bound.report({ ...told, batchGroups }, this.#committed);
    // The same once more: a retried call.
    if (this.#random() < 0.2) this.#bound.report({ ...told, batchGroups }, this.#committed);
  }

  #commit(): void {
    this.#committed = this.#version;
    this.#bound.committed(this.#committed);
  }

  #restart(): void {
    if (!this.#reported || this.#step === 0) return;
    this.#step -= 1 + this.#upTo(this.#step);
    this.#ready = [];
    this.#accepted = 0;
    this.#consumed = 0;
    this.#rejected = 0;
    for (const group of this.#groups.values()) group.usable = false;
    this.#report();
  }

  /** Everybody does what they can, until nothing is held: that it ends is what is tested. */
  runOut(): void {
    while (this.held > 0) {
      this.#commit();
      const moved = this.endOne(true) || this.train();
      assert.ok(moved || this.held === 0, `${this.held} rollouts are held for ever`);
    }
  }
}

test("random histories keep the bound, and nothing is held for ever", () => {
  const seed = testSeed("staleness");
  let steps = 0;
  for (let run = 0; run < 300; run++) {
    const history = new History(seed + run);
    for (let i = 0; i < 300; i++) history.act();
    history.runOut();
    steps += history.steps;
  }
  assert.ok(steps > 3_000, `only ${steps} steps were trained: the histories test too little`);
});

test("a trainer that takes the oldest first trains on nothing older than η steps", () => {
  const seed = testSeed("staleness in order");
  for (let run = 0; run < 100; run++) {
    const random = seededRandom(seed + run);
    const upTo = (below: number): number => Math.floor(random.next() * below);
    const [eta, batchGroups] = [upTo(4), 1 + upTo(4)];
    const bound = new StalenessBound({ eta, batchGroups }, 10);
    const inside: { group: string; at: number }[] = [];
    let [step, names] = [upTo(50), 0];
    bound.report({ version: 1, step, batchGroups: null, rejectedGroups: 0 }, 1);
    for (let round = 0; round < 40; round++) {
      for (let more = upTo(12); more > 0; more--) {
        const group = `${names++}`;
        const note = (): void => void inside.push({ group, at: step });
        if (bound.enter(group, group, note)) note();
      }
      while (inside.length >= batchGroups) {
        const batch = inside.splice(0, batchGroups);
        for (const { group, at } of batch) {
          assert.ok(step - at <= eta, `let in at step ${at}, trained at ${step}, η = ${eta}`);
          bound.left(group, group, true);
        }
        step++;
        bound.report({ version: 1, step, batchGroups: null, rejectedGroups: 0 }, 1);
      }
    }
    assert.ok(step > 10);
  }
});
