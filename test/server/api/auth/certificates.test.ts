import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { readCertificates } from "../../../../server/api/auth/certificates.ts";
import { testCertificate } from "../../../support/certificates.ts";

test("what cannot be used says which file, which setting and why", async () => {
  const good = await testCertificate("good");
  const other = await testCertificate("other");
  const past = { notBeforeDate: new Date("2020-01-01"), notAfterDate: new Date("2021-01-01") };
  const expired = await testCertificate("expired", past);
  const noPem = `${good.certFile}.txt`;
  writeFileSync(noPem, "not a certificate");
  const now = Date.now();
  const { certFile: cert, keyFile: key } = good;
  assert.match(readCertificates({ cert, key, clientCa: other.certFile }, now).subject, /good/);
  for (const [files, path, message] of [
    [{ cert: "/none.pem", key, clientCa: null }, "tls_cert", /\/none\.pem: cannot be read/],
    [{ cert: noPem, key, clientCa: null }, "tls_cert", /no certificate in PEM/],
    [{ cert, key: noPem, clientCa: null }, "tls_key", /no private key/],
    [{ cert, key: other.keyFile, clientCa: null }, "tls_key", /not the key of the certificate/],
    [{ cert, key, clientCa: noPem }, "tls_client_ca", /no certificate in PEM/],
    [
      { cert: expired.certFile, key: expired.keyFile, clientCa: null },
      "tls_cert",
      /expired at 2021/,
    ],
  ] as const) {
    const refused = { code: "invalid_argument", details: { path }, message };
    assert.throws(() => readCertificates(files, now), refused);
  }
  assert.throws(() => readCertificates({ cert, key, clientCa: null }, 0), {
    message: /not valid before/,
  });
});
