/** What an engine process is started with; plain data, since the compute thread gets it too. */
import type { Proof } from "../../contract/policy.ts";
import type { SimulatedModel } from "../simulated-core.ts";

export interface CoreOptions {
  readonly kind: "embedded" | "simulated";
  /** Directory of the model (`config.json`, `*.safetensors`); `embedded` only, and needed there. */
  readonly directory?: string;
  /** KV capacity in tokens. */
  readonly kvTokens: number;
  /** Requests decoded together at most. */
  readonly maxRunning: number;
  /** Takes faults on command; default: only `simulated` does. */
  readonly faults?: boolean;
  /** `simulated` only: what differs from `SIMULATED_MODEL`. */
  readonly simulated?: Partial<SimulatedModel>;
}

export interface EngineServerOptions extends CoreOptions {
  /**
   * What it can show of the weights that it holds; default `digest`. With the others it stands for engines that know
   * no more than a label: it shows no digest and stages nothing.
   */
  readonly proof?: Proof;
  /** Tokens per frame after the first token, unless a request says otherwise. Default 16. */
  readonly streamInterval?: number;
  /** Default 127.0.0.1: the wire has no authentication. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
}

export const DEFAULT_STREAM_INTERVAL = 16;
