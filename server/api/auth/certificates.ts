/** The server's certificate, its key and the CA of its clients, read and checked before anything listens with them. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { TlsOptions } from "node:tls";
import { PacelineError } from "../../contract/errors.ts";

export interface CertificateFiles {
  /** PEM, the server's own first, then what leads to its root. */
  readonly cert: string;
  /** PEM, without a passphrase. */
  readonly key: string;
  /** PEM of those that sign clients' certificates; null: clients need none. */
  readonly clientCa: string | null;
}

export interface Certificates {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly clientCa: Buffer | null;
  readonly subject: string;
  /** Wall time, ms. */
  readonly expiresAt: number;
}

/**
 * Throws `invalid_argument` with the setting in `details.path`: a file that cannot be read or is no PEM,
 * a key of another certificate, a certificate that is not valid at `now` (wall time, ms).
 */
export function readCertificates(files: CertificateFiles, now: number): Certificates {
  const cert = bytesOf(files.cert, "tls_cert");
  const key = bytesOf(files.key, "tls_key");
  const leaf = certificateIn(cert, files.cert, "tls_cert");
  if (!leaf.checkPrivateKey(keyIn(key, files.key))) {
    throw unusable("tls_key", files.key, `is not the key of the certificate in ${files.cert}`);
  }
  const { validFromDate, validToDate } = leaf;
  if (validToDate.getTime() <= now) {
    throw unusable("tls_cert", files.cert, `expired at ${validToDate.toISOString()}`);
  }
  if (validFromDate.getTime() > now) {
    const from = validFromDate.toISOString();
    throw unusable("tls_cert", files.cert, `is not valid before ${from}; is the clock right?`);
  }
  const clientCa = files.clientCa === null ? null : bytesOf(files.clientCa, "tls_client_ca");
  if (clientCa !== null) certificateIn(clientCa, files.clientCa ?? "", "tls_client_ca");
  const subject = leaf.subject.replaceAll("\n", ", ");
  return { cert, key, clientCa, subject, expiresAt: validToDate.getTime() };
}

/** What a TLS server listens with; a connection that shows no certificate of the clients' CA is cut in its handshake. */
export const tlsOptions = ({ cert, key, clientCa }: Certificates): TlsOptions => ({
  cert,
  key,
  ...(clientCa === null ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  minVersion: "TLSv1.2",
});

function bytesOf(path: string, setting: string): Buffer {
  try {
    return readFileSync(path);
  } catch (thrown) {
    throw unusable(setting, path, `cannot be read: ${PacelineError.from(thrown).message}`);
  }
}

function certificateIn(pem: Buffer, path: string, setting: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw unusable(setting, path, "holds no certificate in PEM");
  }
}

function keyIn(pem: Buffer, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (thrown) {
    const { message } = PacelineError.from(thrown);
    throw unusable("tls_key", path, `holds no private key in PEM without a passphrase: ${message}`);
  }
}

const unusable = (setting: string, file: string, why: string): PacelineError =>
  new PacelineError("invalid_argument", `${setting} ${file}: ${why}`, {
    details: { path: setting },
  });
