/** One publication's core, driven by hand. */
import type {
  CoordinatorCommand,
  CoordinatorEvent,
  MemberEntry,
  MemberRef,
} from "../../../../../server/weights/coordinator/core/events.ts";
import {
  createPublication,
  type PublicationPlan,
} from "../../../../../server/weights/coordinator/core/publication.ts";

export const PLAN: PublicationPlan = {
  rule: { mode: "all" },
  digest: "good",
  stageMs: 100,
  gateMs: 20,
  swapMs: 30,
  installMs: 10,
  width: 2,
};

export const entry = (ref: MemberRef, required = true): MemberEntry => ({ ...ref, required });

/** Commands by name: `stage a`, `commit`. */
export function driven(plan: PublicationPlan, ...members: readonly MemberEntry[]) {
  const core = createPublication(plan);
  let now = 0;
  const names = (commands: readonly CoordinatorCommand[]) =>
    commands.map((command) =>
      "worker" in command ? `${command.type} ${command.worker}` : command.type,
    );
  const send = (event: CoordinatorEvent) => names(core.handle(event, now));
  return {
    core,
    first: send({ type: "start", members, spareShare: 0.25 }),
    send,
    at: (time: number) => {
      now = time;
      return send({ type: "tick" });
    },
    phases: () => core.members().map(({ phase }) => phase),
  };
}
