/** Certificates for tests, made when they are needed by the `openssl` of the machine: good for loopback, for a day. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Certificate {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
  /** What a client has to trust: it signed itself. */
  readonly ca: string;
}

/** Makes a certificate for `localhost` and 127.0.0.1 that says `name`, in files of that name in the directory. */
export function makeCertificate(directory: string, name: string): Certificate {
  const cert = join(directory, `${name}.crt`);
  const key = join(directory, `${name}.key`);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const names = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  execFileSync("openssl", ["req", "-x509", ...curve, "-days", "1", ...names, "-keyout", key, "-out", cert], {
    stdio: "pipe",
  });
  return { cert, key, ca: readFileSync(cert, "utf8") };
}
