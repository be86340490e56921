/** Who is let in and with which certificates, from the settings, and again whenever their files change. */

import { type CertificateFiles, readCertificates } from "../api/auth/certificates.ts";
import {
  createOpenGatekeeper,
  createTokenGatekeeper,
  type Gatekeeper,
} from "../api/auth/gatekeeper.ts";
import { LiveCertificates } from "../api/auth/live-certificates.ts";
import { readTokensFile } from "../api/auth/tokens-file.ts";
import { watchFiles } from "../api/auth/watched-files.ts";
import type { Config } from "../config.ts";
import type { Clock } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";

export interface Entrance {
  readonly gate: Gatekeeper;
  /** Null: without TLS. */
  readonly certificates: LiveCertificates | null;
  /** Reads tokens and certificates again; what cannot be read leaves the former in force, and is logged. */
  reload(): void;
  close(): void;
}

type EntranceSettings = Pick<
  Config,
  | "tokens_file"
  | "anonymous_rate"
  | "anonymous_concurrency"
  | "tls_cert"
  | "tls_key"
  | "tls_client_ca"
>;

interface Log {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** One thing that is read from files. */
interface Part<T> {
  readonly value: T;
  /** Reads it again and puts it in force; tells what it is now. */
  readonly renew: () => object;
  readonly files: readonly string[];
}

/** The files that certificates come from; null where TLS is not set. */
export function certificateFiles(config: EntranceSettings): CertificateFiles | null {
  const { tls_cert: cert, tls_key: key, tls_client_ca: ca } = config;
  return cert === "" ? null : { cert, key, clientCa: ca === "" ? null : ca };
}

/** Throws `invalid_argument` for a file that cannot be used. */
export async function createEntrance(
  config: EntranceSettings,
  clock: Clock,
  log: Log,
): Promise<Entrance> {
  const gate = gatePart(config, clock);
  const certificates = certificatePart(config, clock);
  const renew = (what: string, part: Part<unknown>): void => {
    if (part.files.length === 0) return;
    const [file] = part.files;
    try {
      log.info({ audit: true, file, ...part.renew() }, `${what} read again`);
    } catch (thrown) {
      const { message } = PacelineError.from(thrown);
      log.error({ audit: true, file, reason: message }, `${what} not read again; the former stay`);
    }
  };
  const parts = { tokens: gate, certificates };
  const watched = await Promise.all(
    Object.entries(parts).map(([what, part]) =>
      part.files.length === 0 ? null : watchFiles(part.files, clock, () => renew(what, part)),
    ),
  );
  return {
    gate: gate.value,
    certificates: certificates.value,
    reload() {
      for (const [what, part] of Object.entries(parts)) renew(what, part);
    },
    close() {
      for (const watch of watched) watch?.close();
    },
  };
}

function gatePart(config: EntranceSettings, clock: Clock): Part<Gatekeeper> {
  const { tokens_file: file, anonymous_rate: rate, anonymous_concurrency: concurrency } = config;
  if (file === "") {
    const limits = { rate: rate || null, concurrency: concurrency || null };
    return { value: createOpenGatekeeper(limits, clock), files: [], renew: () => ({}) };
  }
  const gate = createTokenGatekeeper(readTokensFile(file), clock);
  return {
    value: gate,
    files: [file],
    renew() {
      const entries = readTokensFile(file);
      gate.replace(entries);
      return { entries: entries.length };
    },
  };
}

function certificatePart(config: EntranceSettings, clock: Clock): Part<LiveCertificates | null> {
  const files = certificateFiles(config);
  if (files === null) return { value: null, files: [], renew: () => ({}) };
  const live = new LiveCertificates(readCertificates(files, clock.wall()));
  const { cert, key, clientCa } = files;
  return {
    value: live,
    files: [cert, key, ...(clientCa === null ? [] : [clientCa])],
    renew() {
      const next = readCertificates(files, clock.wall());
      live.replace(next);
      return { subject: next.subject, expires: new Date(next.expiresAt).toISOString() };
    },
  };
}
