/** Certificates that change while servers listen: new connections get the new ones, old ones live on. */
import type { TlsOptions } from "node:tls";
import { type Certificates, tlsOptions } from "./certificates.ts";

interface TlsListener {
  setSecureContext(options: TlsOptions): void;
}

export class LiveCertificates {
  #now: Certificates;
  readonly #listeners = new Set<TlsListener>();

  constructor(first: Certificates) {
    this.#now = first;
  }

  /** To make a TLS server with, which is then to `follow`. */
  get options(): TlsOptions {
    return tlsOptions(this.#now);
  }

  /** From now on it listens with whatever certificates are newest. */
  follow(listener: TlsListener): void {
    this.#listeners.add(listener);
  }

  replace(next: Certificates): void {
    this.#now = next;
    for (const listener of this.#listeners) listener.setSecureContext(tlsOptions(next));
  }
}
