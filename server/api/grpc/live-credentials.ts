/**
 * TLS for grpc-js whose certificates change while it listens. Its own providers for that are experimental
 * and read files themselves; the base class passes a new context on to each server that watches it.
 */
import { ServerCredentials } from "@grpc/grpc-js";
import { LIMITS } from "../../limits.ts";
import type { LiveCertificates } from "../auth/live-certificates.ts";

export class LiveCredentials extends ServerCredentials {
  constructor(certificates: LiveCertificates, handshakeMs: number = LIMITS.tlsHandshakeMs) {
    const { options } = certificates;
    const { requestCert, rejectUnauthorized } = options;
    super(
      {
        handshakeTimeout: handshakeMs,
        ...(requestCert === undefined ? {} : { requestCert }),
        ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
      },
      options,
    );
    certificates.follow({ setSecureContext: (next) => this.updateSecureContextOptions(next) });
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
