/** A side store in memory, whose references count up. One that nothing was put to is there always, for routed experts. */
import { PacelineError } from "../../server/contract/errors.ts";
import type { SideStore } from "../../server/rollouts/side-store.ts";

/** What the reference of routed experts names. */
export const SCRIPTED_SIDE = { ref: "side-1", bytes: Buffer.from("routed experts, by reference") };

const unused = (): never => {
  throw new Error("no script does this");
};

export function createScriptedSide(): SideStore {
  const stored = new Map([[SCRIPTED_SIDE.ref, SCRIPTED_SIDE.bytes]]);
  let made = 100;
  return {
    assertRoom: () => {},
    writer: unused,
    buffer: unused,
    unwrittenBytes: 0,
    put(_job, parts) {
      const ref = `side-${++made}`;
      stored.set(ref, Buffer.concat(parts));
      return ref;
    },
    open(_job, ref) {
      const bytes = stored.get(ref);
      if (bytes === undefined) {
        throw new PacelineError("not_found", "no side data has this reference");
      }
      return {
        bytes: bytes.length,
        async *read(from, to) {
          for (let at = from; at < to; at += 7) yield bytes.subarray(at, Math.min(to, at + 7));
        },
        close: () => undefined,
      };
    },
    release: (ref) => void stored.delete(ref),
  };
}
