import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { allows, cacheNamespace, type VersionConstraint } from "../../../server/contract/policy.ts";

const COMMITTED = 7;
const label = (step: number) => ({ run: "a", step });

const CASES: readonly [constraint: VersionConstraint | null, allowed: number[]][] = [
  [null, [5, 6, 7, 8]],
  [{ exact: 6 }, [6]],
  [{ min: 6 }, [6, 7, 8]],
  [{ max_lag: 1 }, [6, 7, 8]],
  [{ max_lag: 0 }, [7, 8]],
  [{ min_step: 70 }, [7, 8]],
];

suite("a version constraint, with version 7 committed, allows", () => {
  for (const [constraint, allowed] of CASES) {
    test(`${JSON.stringify(constraint)}: ${allowed}`, () => {
      const held = [5, 6, 7, 8].filter((version) =>
        allows(constraint, { version, label: label(version * 10) }, COMMITTED),
      );
      assert.deepEqual(held, allowed);
    });
  }

  test("no version without a label where a step is asked for", () => {
    assert.equal(allows({ min_step: 0 }, { version: 9, label: null }, COMMITTED), false);
  });
});

test("a cache namespace is one policy's one load of one version", () => {
  const held = {
    policy: "p",
    version: 7,
    label: null,
    proof: "digest",
    load: 2,
    digest: null,
  } as const;
  const names = [held, { ...held, policy: "q" }, { ...held, version: 8 }, { ...held, load: 3 }];
  assert.equal(new Set(names.map(cacheNamespace)).size, 4);
});
