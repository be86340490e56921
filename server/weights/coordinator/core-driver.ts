/**
 * Drives a core: hands it what happened and what time it is, shows where its members are, has its commands run and
 * knows what is still under way. Whoever takes over from a member is told last, for it may act on the worker at once.
 */
import type { Clock, Timer } from "../../contract/clock.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { MemberPhase, MemberRef, MemberView } from "./core/events.ts";
import { isOver } from "./core/members.ts";

export interface DrivenCore<Event, Command> {
  handle(event: Event | { readonly type: "tick" }, now: number): readonly Command[];
  /** Members that changed since it was last asked. */
  moved(): readonly MemberView[];
  /** Clock time (ms) at which a `tick` is due. */
  nextDeadline(): number | null;
}

export interface DriverParts<Event, Command> {
  readonly core: DrivenCore<Event, Command>;
  readonly clock: Clock;
  readonly show: (member: MemberView) => void;
  readonly execute: (command: Command) => void;
  /** Nothing is done for this member any more. */
  readonly left: (ref: MemberRef, phase: MemberPhase) => void;
  /** What a task threw has no other reader. */
  readonly trouble: (error: PacelineError) => void;
  /** Called after each event and each task that ended. */
  readonly settle: () => void;
}

export interface CoreDriver<Event> {
  send(event: Event): void;
  /** What is begun here ends before the run does. */
  begin(task: () => Promise<void>): void;
  /** `begin`s work on a member and sends what came of it: its event, or what `failed` makes of the error. */
  step(work: () => Promise<Event>, failed: (error: PacelineError) => Event): void;
  /** Whether something is done for this worker. */
  concerns(worker: string): boolean;
  /** As `concerns`, of this life of it. */
  holds(ref: MemberRef): boolean;
  /** No task runs. */
  readonly quiet: boolean;
  /** Nothing is done for any member. */
  readonly empty: boolean;
}

export function driveCore<Event, Command>(parts: DriverParts<Event, Command>): CoreDriver<Event> {
  const { core, clock, settle } = parts;
  const tasks = new Set<Promise<void>>();
  /** Worker → incarnation of the members that something is still done for. */
  const active = new Map<string, string>();
  const left: MemberView[] = [];
  let timer: Timer | null = null;

  function handle(event: Event | { readonly type: "tick" }): void {
    const commands = core.handle(event, clock.now());
    for (const member of core.moved()) {
      parts.show(member);
      if (!isOver(member.phase)) active.set(member.worker, member.incarnation);
      else if (active.delete(member.worker)) left.push(member);
    }
    for (const command of commands) parts.execute(command);
    timer?.cancel();
    timer = null;
    const due = core.nextDeadline();
    if (due !== null) timer = clock.timer(due - clock.now(), () => handle({ type: "tick" }));
    for (const { worker, incarnation, phase } of left.splice(0)) {
      parts.left({ worker, incarnation }, phase);
    }
    settle();
  }

  function begin(task: () => Promise<void>): void {
    const running = task()
      .catch((thrown: unknown) => parts.trouble(PacelineError.from(thrown)))
      .finally(() => {
        tasks.delete(running);
        settle();
      });
    tasks.add(running);
  }

  return {
    send: handle,
    begin,
    step: (work, failed) =>
      begin(async () =>
        handle(await work().catch((thrown: unknown) => failed(PacelineError.from(thrown)))),
      ),
    concerns: (worker) => active.has(worker),
    holds: ({ worker, incarnation }) => active.get(worker) === incarnation,
    get quiet() {
      return tasks.size === 0;
    },
    get empty() {
      return active.size === 0;
    },
  };
}
