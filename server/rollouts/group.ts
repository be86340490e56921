/**
 * Siblings of one prompt, run until `need` of them have finished. The rest are ended with cause `need`
 * and keep what they made: a partial member is a member.
 */
import { PacelineError } from "../contract/errors.ts";
import type { Result } from "../contract/result.ts";
import type { Rollout } from "../contract/rollout.ts";
import { abandon } from "./abandon.ts";
import { type Admission, admit } from "./admission.ts";
import type { RolloutHandle, RolloutService } from "./service.ts";

export interface GroupParts extends Admission {
  readonly rollouts: Pick<RolloutService, "submit" | "abort">;
}

export type Member =
  | { readonly result: Result }
  | { readonly id: string; readonly job: string; readonly error: PacelineError };

export interface Siblings {
  /** In order of their index. */
  readonly handles: readonly RolloutHandle[];
  /** In order of their index. Resolves when each has ended. */
  members(): Promise<readonly Member[]>;
  /** The caller left: ends those that nobody else waits for, streams after a while. */
  leave(): void;
}

/**
 * Submits all siblings, or none: throws what admission or the first refusal says, after ending those
 * already submitted. A sibling that ended as `abort` or in an error does not count as finished.
 */
export function startGroup(
  siblings: readonly Rollout[],
  need: number,
  parts: GroupParts,
  reader: "unary" | "stream",
): Siblings {
  for (const sibling of siblings) admit(sibling, parts);
  const leaves: (() => void)[] = [];
  const leave = (): void => {
    for (const left of leaves.splice(0)) left();
  };
  const handles: RolloutHandle[] = [];
  try {
    for (const sibling of siblings) {
      const handle = parts.rollouts.submit(sibling);
      leaves.push(handle.attach(reader));
      handles.push(handle);
    }
  } catch (thrown) {
    leave();
    throw thrown;
  }

  const open = new Set(handles);
  let finished = 0;
  const stop = (): void => {
    for (const { id, job } of [...open]) {
      abandon(parts.rollouts, { job, id }, "need");
    }
  };
  const ended = handles.map(async (handle): Promise<Member> => {
    const { id, job } = handle;
    try {
      const result = await handle.result();
      open.delete(handle);
      if (result.finishReason.type !== "abort" && ++finished === need) stop();
      return { result };
    } catch (thrown) {
      open.delete(handle);
      return { id, job, error: PacelineError.from(thrown) };
    }
  });

  return {
    handles,
    async members() {
      try {
        return await Promise.all(ended);
      } finally {
        leave();
      }
    },
    leave,
  };
}
