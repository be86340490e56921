/**
 * Who may call which method, decided from the metadata, before a message is read; jobs, from each
 * message before its handler sees it. One interceptor around every method.
 */
import {
  type Metadata,
  Server,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { Clock, Timer } from "../../contract/clock.ts";
import { PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";
import type { Audit, ControlCall } from "../auth/audit.ts";
import { assertJob, type Caller } from "../auth/caller.ts";
import type { Gatekeeper } from "../auth/gatekeeper.ts";
import type { SlowReaders } from "../slow-readers.ts";
import { CallReader } from "./call-reader.ts";
import { codeInTrailer, ERROR_TRAILER, statusOf } from "./error-status.ts";
import { METHOD_ACCESS, type MethodAccess, UNSERVED_ACCESS } from "./method-access.ts";
import { stringField } from "./string-field.ts";

export interface GuardOptions {
  readonly gate: Gatekeeper;
  readonly audit: Audit;
  readonly clock: Pick<Clock, "now" | "timer">;
  readonly failed: (error: PacelineError) => void;
  readonly readers: SlowReaders;
}

/** Throws at `addService`, whoever calls it, for a method that does not say who may call it. */
export class GuardedServer extends Server {
  override addService(definition: ServiceDefinition, handlers: UntypedServiceImplementation): void {
    for (const { path } of Object.values(definition)) {
      if (!METHOD_ACCESS.has(path)) throw new Error(`${path} does not say who may call it`);
    }
    super.addService(definition, handlers);
  }
}

type InterceptedCall = Parameters<ServerInterceptor>[1];
type MessageResponder = NonNullable<
  NonNullable<ConstructorParameters<typeof ServerInterceptingCall>[1]>["sendMessage"]
>;

export function createGuard(options: GuardOptions): ServerInterceptor {
  const { readers } = options;
  const left = (reader: CallReader): void => readers.remove(reader);
  return ({ path, requestStream }, call) => {
    const access = METHOD_ACCESS.get(path) ?? UNSERVED_ACCESS;
    const reader = new CallReader(call, left);
    readers.add(reader);
    const sendMessage: MessageResponder = (message, pass) => {
      reader.taken++;
      pass(message);
    };
    if (access.scope === "none") return new ServerInterceptingCall(call, { sendMessage });
    const visit = new Visit(call, access, options);
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            if (!visit.enter(metadata)) return;
            if (!requestStream) visit.awaitRequest();
            pass(metadata);
          },
          onReceiveMessage: (message, pass) => {
            if (visit.allows(message)) pass(message);
          },
          onReceiveHalfClose: (pass) => {
            visit.requestCame();
            pass();
          },
          onCancel: () => visit.end(status.CANCELLED, null),
        }),
      sendMessage,
      sendStatus: (sent, pass) => {
        visit.end(sent.code, sent.metadata ?? null);
        pass(sent);
      },
    });
  };
}

/** One call, from its metadata to its end. */
class Visit {
  readonly #call: InterceptedCall;
  readonly #access: MethodAccess;
  readonly #options: GuardOptions;
  readonly #startedAt: number;
  readonly #target: Record<string, string> = {};
  #caller: Caller | null = null;
  #admitted = false;
  #refused: PacelineError | null = null;
  #ended = false;
  #slow: Timer | null = null;

  constructor(call: InterceptedCall, access: MethodAccess, options: GuardOptions) {
    this.#call = call;
    this.#access = access;
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  enter(metadata: Metadata): boolean {
    const { gate } = this.#options;
    const [authorization] = metadata.get("authorization");
    return this.#unless(() => {
      this.#caller = gate.identify(authorization?.toString());
      gate.admit(this.#caller, this.#access);
      this.#admitted = true;
    });
  }

  /** A single request must have arrived in time: until then its sender only holds memory. */
  awaitRequest(): void {
    this.#slow = this.#options.clock.timer(LIMITS.httpRequestMs, () =>
      this.#unless(() => {
        throw new PacelineError("deadline_exceeded", "the request did not arrive in time");
      }),
    );
  }

  requestCame(): void {
    this.#slow?.cancel();
    this.#slow = null;
  }

  allows(message: unknown): boolean {
    const { job, audited, target } = this.#access;
    const caller = this.#caller;
    if (this.#refused !== null) return false;
    if (!(message instanceof Uint8Array) || caller === null) return true;
    return this.#unless(() => {
      if (job !== null && caller.jobs !== null) {
        assertJob(caller, stringField(message, job) ?? "default");
      }
      if (!audited) return;
      for (const [name, field] of Object.entries(target)) {
        const value = stringField(message, field);
        if (value !== null) this.#target[name] = value;
      }
    });
  }

  /** False, and the call is over, where `check` throws. */
  #unless(check: () => void): boolean {
    try {
      check();
      return true;
    } catch (thrown) {
      this.#refused = PacelineError.from(thrown);
      this.#options.failed(this.#refused);
      const refusal = statusOf(this.#refused);
      this.end(refusal.code, refusal.metadata);
      this.#call.sendStatus(refusal);
      return false;
    }
  }

  end(code: status, metadata: Metadata | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.requestCame();
    const { gate, audit, clock } = this.#options;
    if (this.#caller !== null && this.#admitted) gate.leave(this.#caller);
    if (!this.#access.audited) return;
    audit({
      who: this.#caller?.name ?? null,
      call: this.#access.call,
      target: this.#target,
      outcome: this.#outcome(code, metadata),
      peer: this.#call.getPeer(),
      ms: clock.now() - this.#startedAt,
    });
  }

  #outcome(code: status, metadata: Metadata | null): ControlCall["outcome"] {
    if (code === status.OK) return "ok";
    const [trailer] = metadata?.get(ERROR_TRAILER) ?? [];
    if (trailer instanceof Uint8Array) return codeInTrailer(trailer);
    return code === status.CANCELLED ? "disconnected" : "internal";
  }
}
