/**
 * The certificate and the key of the listeners, read from files and checked before they are used: that they can be
 * parsed, and belong together. Every fault says which setting it is about.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { fail, ok, type Result } from "@parley/protocol";

export interface CertificateFiles {
  /** Path of a PEM file: the certificate, and those between it and its authority, in that order. */
  readonly cert: string;
  /** Path of a PEM file, without a passphrase. */
  readonly key: string;
}

export interface LoadedCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What the files hold now. Fault: `bad_message`, with the reason for an operator. */
export function loadCertificate({ cert, key }: CertificateFiles): Result<LoadedCertificate> {
  const certText = read("tls.cert", cert);
  if (!certText.ok) return certText;
  const keyText = read("tls.key", key);
  if (!keyText.ok) return keyText;
  const certificate = attempt(() => new X509Certificate(certText.value));
  if (!certificate.ok) return fault(`tls.cert: ${cert} has no certificate in PEM`, certificate.fault.message);
  const privateKey = attempt(() => createPrivateKey(keyText.value));
  if (!privateKey.ok)
    return fault(`tls.key: ${key} has no private key in PEM that needs no passphrase`, privateKey.fault.message);
  if (!certificate.value.checkPrivateKey(privateKey.value))
    return fault(`tls.key: ${key} is not the key of the certificate in ${cert}`);
  const context = attempt(() => createSecureContext({ cert: certText.value, key: keyText.value }));
  if (!context.ok) return fault(`tls.cert: ${cert} cannot be used`, context.fault.message);
  const { subject, validTo } = certificate.value;
  return ok({ cert: certText.value, key: keyText.value, subject, expiresAt: Date.parse(validTo) });
}

function read(setting: string, path: string): Result<Buffer> {
  const text = attempt(() => readFileSync(path));
  return text.ok ? text : fault(`${setting}: cannot read ${path}`, text.fault.message);
}

function attempt<T>(work: () => T): Result<T> {
  try {
    return ok(work());
  } catch (error) {
    return fault(error instanceof Error ? error.message : String(error));
  }
}

function fault(message: string, cause?: string): Result<never> {
  return fail("bad_message", cause === undefined ? message : `${message} (${cause})`);
}
