/**
 * The incarnation of an engine that does not tell when its process began. Minted here, and anew after its socket was
 * lost: it may have been restarted meanwhile, and a restarted engine holds nothing.
 */
import { randomUUID } from "node:crypto";
import { PacelineError } from "../../server/contract/errors.ts";

export interface Life {
  readonly incarnation: string;
  /** Told of every error of the engine's sockets. */
  lost(error: unknown): void;
}

export function createLife(kind: string): Life {
  let incarnation = `${kind}-${randomUUID()}`;
  return {
    get incarnation() {
      return incarnation;
    },
    lost(error) {
      if (PacelineError.from(error).code !== "engine_unreachable") return;
      incarnation = `${kind}-${randomUUID()}`;
    },
  };
}
