/** Whether what a fake answers has the keys and types of what the real engine answered. */
import assert from "node:assert/strict";

/**
 * Throws unless every object has the same keys as the recorded one at its place, in the same order, and every value its
 * type. `null` stands for any type; of arrays the first elements are compared.
 */
export function assertShape(actual: unknown, recorded: unknown, path = "$"): void {
  if (actual === null || recorded === null) return;
  assert.equal(typeof actual, typeof recorded, `${path}: type`);
  if (typeof recorded !== "object") return;
  if (Array.isArray(recorded) || Array.isArray(actual)) {
    assert.ok(Array.isArray(recorded) && Array.isArray(actual), `${path}: array`);
    const [one] = actual;
    const [other] = recorded;
    if (one !== undefined && other !== undefined) assertShape(one, other, `${path}[0]`);
    return;
  }
  const mine = actual as Record<string, unknown>;
  const theirs = recorded as Record<string, unknown>;
  assert.deepEqual(Object.keys(mine), Object.keys(theirs), `${path}: keys`);
  for (const key of Object.keys(theirs)) assertShape(mine[key], theirs[key], `${path}.${key}`);
}
