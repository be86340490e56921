import assert from "node:assert/strict";
import { test } from "node:test";
import { Agenda, Appointment } from "../../../server/simulator/agenda.ts";

test("by time, then by when it was asked for; asking again moves it, never before now", () => {
  const agenda = new Agenda();
  const seen: string[] = [];
  const moved = new Appointment(() => seen.push(`moved ${agenda.now}`));
  agenda.set(moved, 1);
  agenda.once(2, () => seen.push(`first ${agenda.now}`));
  agenda.once(2, () => {
    seen.push(`second ${agenda.now}`);
    agenda.once(1, () => seen.push(`late ${agenda.now}`));
  });
  agenda.set(moved, 2);
  const cancelled = new Appointment(() => seen.push("cancelled"));
  agenda.set(cancelled, 3);
  agenda.cancel(cancelled);
  while (agenda.step());
  assert.deepEqual(seen, ["first 2", "second 2", "moved 2", "late 2"]);
});
