/** Certificates of a test, in files as a server reads them. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";

export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  /** Paths of the two. */
  readonly certFile: string;
  readonly keyFile: string;
}

/** Signed by itself, for 127.0.0.1 and localhost; `dates` default to now and a year from now. */
export async function testCertificate(
  name: string,
  dates: { notBeforeDate?: Date; notAfterDate?: Date } = {},
): Promise<TestCertificate> {
  const { cert, private: key } = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    ...dates,
    extensions: [
      { name: "basicConstraints", cA: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 7, ip: "127.0.0.1" },
          { type: 2, value: "localhost" },
        ],
      },
    ],
  });
  const directory = mkdtempSync(join(tmpdir(), "paceline-"));
  const [certFile, keyFile] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  return { cert, key, certFile, keyFile };
}
