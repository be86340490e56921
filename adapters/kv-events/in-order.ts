/**
 * One rank's messages in the order of their numbers, those that were missed among them: they are asked for at the replay
 * endpoint, from the first on when we come, and again behind each hole. What it does not have any more is a gap.
 */
import { PacelineError } from "../../server/contract/errors.ts";
import { connectDealer, type Endpoint } from "../zmq/peers.ts";

export interface FollowBounds {
  /** Most bytes of one message. */
  readonly messageBytes: number;
  /** Messages that wait while missed ones are asked for again. */
  readonly messagesHeld: number;
}

export interface InOrder {
  /** A message as it was published: `[topic, number, payload]`. */
  take(parts: readonly Buffer[]): void;
  close(): void;
}

export interface Taker {
  take(payload: Buffer): void;
  /** What came before is not all that there was. */
  gap(): void;
}

/** Ends what is sent again. */
const END = 0xffff_ffff_ffff_ffffn;

export function inOrder(
  replayAt: Endpoint | null,
  taker: Taker,
  { messageBytes, messagesHeld }: FollowBounds,
): InOrder {
  let next: number | null = null;
  let replay: { close(): void } | null = null;
  /** What it was asked for last, from there on. */
  let asked: number | null = null;
  /** Up to here all was sent again: the two sockets are not ordered, so that it may yet come as it was published. */
  let repeated = -1;
  let early: (readonly [sequence: number, payload: Buffer])[] = [];

  function deliver(sequence: number, payload: Buffer): void {
    if (next !== null && sequence > next) taker.gap();
    next = sequence + 1;
    taker.take(payload);
  }

  function settle(): void {
    replay?.close();
    replay = null;
    if (next !== null) repeated = next - 1;
    drain();
  }

  function drain(): void {
    const held = early;
    early = [];
    for (const [at, [sequence, payload]] of held.entries()) {
      if (sequence <= repeated) continue;
      repeated = -1;
      // It began anew: another process, whose cache is empty.
      if (next !== null && sequence < next) {
        taker.gap();
        next = null;
        asked = null;
      }
      const missing = next ?? 0;
      // Asked for in vain: it has it no more.
      if (sequence > missing && replayAt !== null && asked !== missing) {
        early = held.slice(at);
        again(replayAt, missing);
        return;
      }
      deliver(sequence, payload);
    }
  }

  function again(endpoint: Endpoint, missing: number): void {
    asked = missing;
    const dealer = connectDealer(endpoint, {
      messageBytes,
      message(parts) {
        const payload = parts.at(-1) as Buffer;
        const number = parts.at(-2);
        if (number?.length !== 8) return settle();
        const told = number.readBigUInt64BE();
        if (told === END) return settle();
        const sequence = Number(told);
        // Where its buffer begins behind what is missing, what it has is true all the same.
        if (next === null || sequence >= next) deliver(sequence, payload);
      },
      lost: settle,
    });
    replay = dealer;
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(BigInt(missing));
    dealer.send(Buffer.alloc(0), number);
  }

  // What it has cached before we came: it may be long until it publishes anything.
  if (replayAt !== null) again(replayAt, 0);

  return {
    take(parts: readonly Buffer[]): void {
      const [, number, payload] = parts;
      if (number?.length !== 8 || payload === undefined)
        throw broken("a message without its number");
      early.push([Number(number.readBigUInt64BE()), payload]);
      if (early.length > messagesHeld) settle();
      else if (replay === null) drain();
    },
    close: () => replay?.close(),
  };
}

const broken = (what: string): PacelineError =>
  new PacelineError("engine_error", `the engine broke its stream of cache events: ${what}`);
