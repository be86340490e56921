/** Where clients write down what they sent and what came back. */
import { PacelineError } from "../../server/contract/errors.ts";
import type { Result } from "../../server/contract/result.ts";
import type { RolloutEvent } from "../../server/rollouts/service.ts";
import type { Account, Body, Disturbance, Ending } from "./evidence.ts";

export interface Entry {
  readonly account: Account;
  event(seq: number, event: RolloutEvent): void;
  result(result: Result): void;
  /** What a call threw: an error of the contract, our own leaving, or neither. */
  threw(thrown: unknown, left: boolean): void;
  /** What a line says of one rollout among many. */
  ends(ending: Ending): void;
}

export interface Journal {
  readonly accounts: Account[];
  readonly disturbances: Disturbance[];
  open(way: string, body: Body): Entry;
  disturbed(disturbance: Disturbance): void;
}

export function createJournal(): Journal {
  const accounts: Account[] = [];
  const disturbances: Disturbance[] = [];
  return {
    accounts,
    disturbances,
    disturbed: (disturbance) => void disturbances.push(disturbance),
    open(way, body) {
      const account: Account = {
        way,
        body,
        sentAt: Date.now(),
        endedAt: 0,
        events: [],
        ending: null,
      };
      accounts.push(account);
      const ends = (ending: Ending): void => {
        account.endedAt = Date.now();
        account.ending = ending;
      };
      return {
        account,
        ends,
        event: (seq, event) => void account.events.push({ at: Date.now(), seq, event }),
        result: (result) => ends({ type: "result", result }),
        threw: (thrown, left) => ends(left ? { type: "left" } : endingOf(thrown)),
      };
    },
  };
}

/** Codes that a client of ours gives to what is none of the contract's. */
export function endingOf(thrown: unknown): Ending {
  if (!(thrown instanceof PacelineError)) return { type: "broken", why: String(thrown) };
  const { code, message } = thrown;
  return message.startsWith("the server's ")
    ? { type: "broken", why: message }
    : { type: "error", code, message };
}
