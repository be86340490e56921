import assert from "node:assert/strict";
import { test } from "node:test";
import type { VersionState } from "../../../server/contract/policy.ts";
import {
  assertStep,
  isOver,
  isUndecided,
  wasCommitted,
} from "../../../server/policy/version-states.ts";

const STEPS: Readonly<Record<VersionState, string>> = {
  open: "gated transferring aborted",
  gated: "committed aborted",
  transferring: "staged aborted",
  staged: "committed aborted",
  committed: "installed superseded",
  installed: "superseded",
  superseded: "",
  aborted: "",
};
const STATES = Object.keys(STEPS) as VersionState[];

test("a version takes the steps of the table and no other", () => {
  for (const state of STATES) {
    for (const to of STATES) {
      const step = () => assertStep({ policy: "p", version: 3, state }, to);
      if (STEPS[state].split(" ").includes(to)) step();
      else
        assert.throws(step, {
          code: "version_conflict",
          details: { policy: "p", version: 3, state, to },
        });
    }
  }
});

test("undecided, committed once, over: every state is what its steps make it", () => {
  const having = (is: (state: VersionState) => boolean) => STATES.filter(is).join(" ");
  assert.equal(having(isUndecided), "open gated transferring staged");
  assert.equal(having(wasCommitted), "committed installed superseded");
  assert.equal(having(isOver), "superseded aborted");
});
