/**
 * TLS of all listeners: one certificate, exchanged while they serve. The files are looked at every second: whatever way
 * they are renewed (written, renamed over, a link that is turned), the next handshake has the new one, and connections
 * that are open stay as they are. Files that cannot be used change nothing. Used by the TCP and HTTP listeners.
 */
import { statSync } from "node:fs";
import type { SecureContextOptions, SecureVersion, Server } from "node:tls";
import { ok, type Result } from "@parley/protocol";
import type { Log } from "../core/log.ts";
import { type CertificateFiles, type LoadedCertificate, loadCertificate } from "./certificate-files.ts";

export interface ServerTlsOptions extends CertificateFiles {
  readonly minVersion: SecureVersion;
  readonly log: Log;
  /** How often the files are looked at. Default: each second. */
  readonly lookMs?: number;
}

/** The files cannot be used; the message says why, and names the setting. */
export class CertificateRefused extends Error {
  override readonly name = "CertificateRefused";
}

/** Time to complete a handshake, in milliseconds. */
export const handshakeTimeout = 10_000;

export class ServerTls {
  readonly #options: ServerTlsOptions;
  readonly #servers = new Set<Server>();
  readonly #timer: NodeJS.Timeout;
  #certificate: LoadedCertificate;
  /** What the files looked like when they were read last. */
  #known: string;
  /** What they looked like a moment ago: a change is over when it stays the same. */
  #seen: string;

  private constructor(options: ServerTlsOptions, certificate: LoadedCertificate, look: string) {
    this.#options = options;
    this.#certificate = certificate;
    this.#known = look;
    this.#seen = look;
    this.#timer = setInterval(() => this.#look(), options.lookMs ?? 1000).unref();
  }

  /** Reads the files and begins to look at them. Fault: what is wrong with them, for an operator. */
  static open(options: ServerTlsOptions): Result<ServerTls> {
    const look = lookOf(options);
    const loaded = loadCertificate(options);
    if (!loaded.ok) return loaded;
    warnOfExpired(loaded.value, options.log);
    return ok(new ServerTls(options, loaded.value, look));
  }

  /** For `createServer` of `node:tls` and `node:https`. */
  get serverOptions(): SecureContextOptions & { readonly handshakeTimeout: number } {
    return { ...this.#context, handshakeTimeout };
  }

  get #context(): SecureContextOptions {
    const { cert, key } = this.#certificate;
    return { cert, key, minVersion: this.#options.minVersion };
  }

  /** When the certificate expires, in milliseconds since the epoch. */
  get expiresAt(): number {
    return this.#certificate.expiresAt;
  }

  /** From now on the server gets new certificates, until it is closed. */
  keepUpToDate(server: Server): void {
    this.#servers.add(server);
    server.once("close", () => this.#servers.delete(server));
    // A peer that gives up, or that does not speak TLS.
    server.on("tlsClientError", (error, { remoteAddress }) =>
      this.#options.log.debug("no TLS handshake", { address: remoteAddress, code: (error as { code?: string }).code }),
    );
  }

  /** Reads the files, changed or not: for SIGHUP. */
  reload(): void {
    this.#known = lookOf(this.#options);
    this.#seen = this.#known;
    const { log } = this.#options;
    const loaded = loadCertificate(this.#options);
    if (!loaded.ok) return log.error("the certificate was not exchanged", new Error(loaded.fault.message));
    this.#certificate = loaded.value;
    for (const server of this.#servers) server.setSecureContext(this.#context);
    const { subject, expiresAt } = loaded.value;
    warnOfExpired(loaded.value, log);
    log.info("certificate loaded", { subject, expires: new Date(expiresAt).toISOString() });
  }

  #look(): void {
    const look = lookOf(this.#options);
    if (look !== this.#known && look === this.#seen) this.reload();
    this.#seen = look;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** What tells one state of the files from another; links are followed. */
function lookOf({ cert, key }: CertificateFiles): string {
  return `${stateOf(cert)} ${stateOf(key)}`;
}

function stateOf(path: string): string {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path);
    return `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`;
  } catch {
    // Not there, or not to be seen: reading it says why.
    return "none";
  }
}

function warnOfExpired({ subject, expiresAt }: LoadedCertificate, log: Log): void {
  if (expiresAt <= Date.now())
    log.warn("the certificate has expired", { subject, expired: new Date(expiresAt).toISOString() });
}
