/** Faults on command, for engines started with them; `adapters/embedded/wire.ts` says what each one does. */
import type { FrameWriter } from "../../../adapters/embedded/wire/frame-writer.ts";
import { type FaultBody, type FaultKind, HEADER_BYTES } from "../../../adapters/embedded/wire.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { Core } from "../core.ts";
import { AFTER } from "./messages.ts";

const WEIGHT_FAULTS: ReadonlySet<FaultKind> = new Set([
  "stage",
  "swap",
  "digest",
  "update_ignored",
  "update_other",
  "update_partial",
]);
/** Tensors of layers with an even number, and those of no layer. */
const EVEN_LAYERS = (tensor: string): boolean => !/\.layers\.\d*[13579]\./.test(tensor);
const DEFAULT_SLOWNESS = 10;
const JUNK_BYTES = 256;

export interface Strike {
  /** Of AFTER. */
  readonly after: number;
  /** Nothing of this stream gets out any more. */
  readonly mute: boolean;
  readonly versionShift: number;
}

/** A fault that a stream carries until it strikes. */
export interface StreamFault {
  readonly afterTokens: number;
  /** Writes what the reader gets instead of these tokens. */
  strike(
    writer: FrameWriter,
    start: number,
    ids: Uint32Array,
    logprobs: Float32Array,
    version: number,
  ): Strike;
}

export interface Faults {
  arm(fault: FaultBody): void;
  /** For a request that arrives now. Throws where it is to be refused. */
  forRequest(): StreamFault | null;
  /** `core` as slow, and with its weight calls failing, as armed. */
  around(core: Core): Core;
}

export function createFaults(exit: () => never, freeze: () => never): Faults {
  const streams: { kind: FaultKind; afterTokens: number; left: number }[] = [];
  const weights = new Map<FaultKind, number>();
  let slowness = 1;
  let other = "";

  function take(kind: FaultKind): boolean {
    const left = weights.get(kind) ?? 0;
    if (left > 0) weights.set(kind, left - 1);
    return left > 0;
  }

  return {
    arm({ kind, after_tokens = 0, count = 1, factor = DEFAULT_SLOWNESS, path }) {
      if (kind === "update_other") {
        if (path === undefined) {
          throw new PacelineError("invalid_argument", "update_other needs a path", {
            details: { path: "path" },
          });
        }
        other = path;
      }
      if (kind === "slow") slowness = factor;
      else if (WEIGHT_FAULTS.has(kind)) weights.set(kind, (weights.get(kind) ?? 0) + count);
      else streams.push({ kind, afterTokens: after_tokens, left: count });
    },

    forRequest() {
      const armed = streams[0];
      if (armed === undefined) return null;
      armed.left -= 1;
      if (armed.left <= 0) streams.shift();
      if (armed.kind === "refuse") throw new PacelineError("internal", "refused on command");
      return streamFault(armed.kind, armed.afterTokens, exit, freeze);
    },

    around(core) {
      const lie = (digest: string): string =>
        take("digest") ? digest.replace(/^./, flip) : digest;
      let lost = false;
      return {
        info: core.info,
        add: (request) => core.add(request),
        abort: (id) => core.abort(id),
        step: () => core.step(),
        get busy() {
          return core.busy;
        },
        get stepDelayMs() {
          return core.stepDelayMs * slowness;
        },
        retract: () => core.retract(),
        flush: () => core.flush(),
        dropCache: (namespace) => core.dropCache(namespace),
        stage(source) {
          if (take("stage")) throw new PacelineError("weights_rejected", "not staged, on command");
          return { digest: lie(core.stage(source).digest) };
        },
        swap(target) {
          if (take("swap")) {
            lost = true;
            throw new PacelineError("engine_error", "the swap failed half-way, on command");
          }
          const held = core.swap(target);
          lost = false;
          return { ...held, digest: lie(held.digest) };
        },
        discard: (target) => core.discard(target),
        load(source) {
          lost = false;
          if (core.held !== null && take("update_ignored")) return core.relabel(source);
          if (take("update_other")) return core.load({ ...source, path: other });
          return core.load(source, take("update_partial") ? EVEN_LAYERS : undefined);
        },
        relabel: (target) => core.relabel(target),
        get held() {
          return lost ? null : core.held;
        },
        stats: () => core.stats(),
      };
    },
  };
}

const flip = (hex: string): string => (hex === "0" ? "1" : "0");

function streamFault(
  kind: FaultKind,
  afterTokens: number,
  exit: () => never,
  freeze: () => never,
): StreamFault {
  const go: Strike = { after: AFTER.more, mute: false, versionShift: 0 };
  return {
    afterTokens,
    strike(writer, start, ids, logprobs, version) {
      const from = writer.used;
      const write = (at: number, values: Float32Array, label: number): void =>
        writer.tokens(at, ids, values, label, false);
      switch (kind) {
        case "exit":
          return exit();
        case "freeze":
          return freeze();
        case "hang":
          return { ...go, mute: true };
        case "garbage":
          writer.raw(junk(start));
          return go;
        case "oversize":
          writer.raw(Uint8Array.of(0xfc, 0xff, 0xff, 0x7f, 2, 0, 0, 0));
          return go;
        case "misaligned": {
          write(start, logprobs, version);
          const frame = writer.cut(from);
          const shorter = frame.subarray(0, frame.length - 4);
          new DataView(frame.buffer).setUint32(0, shorter.length - HEADER_BYTES, true);
          writer.raw(shorter);
          return go;
        }
        case "nan":
          write(start, logprobs.with(logprobs.length - 1, Number.NaN), version);
          return go;
        case "wrong_version":
          write(start, logprobs, version + 1);
          return { ...go, versionShift: 1 };
        case "out_of_order":
          write(start + 1, logprobs, version);
          return go;
        case "cut": {
          write(start, logprobs, version);
          const frame = writer.cut(from);
          writer.raw(frame.subarray(0, frame.length >> 1));
          return { ...go, after: AFTER.destroy };
        }
        case "truncate":
          write(start, logprobs, version);
          return { ...go, after: AFTER.end };
        default:
          throw new PacelineError("internal", `${kind} is not a fault of streams`);
      }
    },
  };
}

/** Reproducible noise. The first byte of its "type" is never a valid one. */
function junk(seed: number): Uint8Array {
  const bytes = new Uint8Array(JUNK_BYTES);
  let state = seed >>> 0;
  for (let i = 0; i < bytes.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  bytes[4] = 0xff;
  return bytes;
}
