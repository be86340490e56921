/** What a rollout costs at least, in tokens: steps, private context, prefill, and its place on a path of its session. */
import { PREFIX_BLOCK_TOKENS } from "../card.ts";

export interface BoundRollout {
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Each may have made its first token by prefill. Default 1. */
  readonly attempts?: number;
  /** Chain hashes of the prompt's full blocks. */
  readonly prefix: readonly number[];
  /** Default 0. Of a turn after the first it is not read. */
  readonly arrivalSeconds?: number;
  /** Turns of a session one after the other, `gapSeconds` after the end of the one before. */
  readonly session?: { readonly id: string; readonly gapSeconds: number } | null;
}

export interface Charge {
  /** Tokens that are decoded. */
  readonly steps: number;
  /** Context before the first of them that nobody shares. */
  readonly privateTokens: number;
  /** Prefill that it adds to the fleet's. */
  readonly prefillTokens: number;
  /** From the start of the run to its end. */
  readonly path: Path;
}

export interface Path {
  readonly seconds: number;
  readonly steps: number;
  readonly prefillTokens: number;
}

interface Session {
  readonly contextTokens: number;
  readonly path: Path;
}

export interface Charges {
  /** Once each, turns in order. */
  of(rollout: BoundRollout): Charge;
}

const NOBODY = "";

/** `rollouts`: all that will be asked for, since a block is private only if nobody else has it. */
export function createCharges(
  rollouts: Iterable<BoundRollout>,
  blockTokens = PREFIX_BLOCK_TOKENS,
): Charges {
  const owners = ownersOf(rollouts);
  const computed = new Set<number>();
  const sessions = new Map<string, Session>();
  const shared = (block: number): boolean => owners.get(block) === NOBODY;

  return {
    of(rollout) {
      const {
        promptTokens,
        outputTokens,
        attempts = 1,
        prefix,
        session,
        arrivalSeconds = 0,
      } = rollout;
      const steps = Math.max(0, outputTokens - attempts);
      const before = session ? sessions.get(session.id) : undefined;
      // What the session said before was decoded, not prefilled; what it was told then is computed already.
      const known = Math.min(promptTokens, before?.contextTokens ?? 0);
      let fresh = promptTokens - known;
      let own = fresh;
      for (let i = Math.floor(known / blockTokens); i < prefix.length; i++) {
        const block = prefix[i] as number;
        const tokens = Math.min(blockTokens, (i + 1) * blockTokens - known);
        if (computed.has(block)) fresh -= tokens;
        if (shared(block)) own -= tokens;
        computed.add(block);
      }
      let privateTokens = promptTokens;
      for (const block of prefix) {
        if (!shared(block)) break;
        privateTokens -= blockTokens;
      }
      // At the start of the run no cache holds anything; later another may have computed what is shared.
      const alone = before === undefined && arrivalSeconds === 0 ? promptTokens : own;
      const path: Path = {
        seconds: before ? before.path.seconds + (session?.gapSeconds ?? 0) : arrivalSeconds,
        steps: (before?.path.steps ?? 0) + steps,
        prefillTokens: (before?.path.prefillTokens ?? 0) + alone,
      };
      if (session) {
        sessions.set(session.id, { contextTokens: promptTokens + outputTokens, path });
      }
      return { steps, privateTokens, prefillTokens: Math.max(0, fresh), path };
    },
  };
}

/** Block → session or rollout that alone has it; `NOBODY` where several have. */
function ownersOf(rollouts: Iterable<BoundRollout>): ReadonlyMap<number, string> {
  const owners = new Map<number, string>();
  let index = 0;
  for (const { prefix, session } of rollouts) {
    const owner = session ? `s ${session.id}` : `r ${index}`;
    index++;
    for (const block of prefix) {
      const known = owners.get(block);
      if (known === undefined) owners.set(block, owner);
      else if (known !== owner) owners.set(block, NOBODY);
    }
  }
  return owners;
}
