/**
 * The operator's way in: a secret that the server makes at each start and leaves in a file of the data directory that
 * only its own user can read. Who can read it could read the store too. It administers over HTTP and nothing else: it
 * is how the first account comes to be, and how `parley user` and `parley token` work beside the server without a word.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { UserKey } from "@parley/protocol";
import type { Connection } from "../core/connection.ts";
import type { User } from "../core/directory.ts";
import { Few } from "../core/few.ts";
import { everydayRights, type Identity } from "../core/identity.ts";
import { type OperatorFile, operatorFileName } from "./operator-file.ts";

export class Operator {
  readonly #token = Buffer.from(`operator-${randomBytes(32).toString("base64url")}`);

  /** Who somebody is by this token; undefined: it is another. Only over HTTP, where there are no sessions. */
  identify(token: string, { gateway }: Connection["info"]): Identity | undefined {
    const given = Buffer.from(token);
    if (gateway !== "http" || given.length !== this.#token.length || !timingSafeEqual(given, this.#token))
      return undefined;
    const rights = { ...everydayRights, administer: true };
    return { user: nobody(), device: undefined, rights, expiresAt: Infinity, issuedAt: Infinity, tokenId: undefined };
  }

  /** Writes the file. Returns what removes it. */
  announce(dataDir: string, url: string): () => void {
    const path = join(dataDir, operatorFileName);
    const content: OperatorFile = { url, token: this.#token.toString() };
    // A file that is there keeps its mode when it is written.
    rmSync(path, { force: true });
    writeFileSync(path, `${JSON.stringify(content)}\n`, { mode: 0o600, flag: "wx" });
    return () => rmSync(path, { force: true });
  }
}

/** In the server's own name, which nobody can choose. */
function nobody(): User {
  const name = "server" as UserKey;
  return {
    kind: "user",
    key: name,
    name,
    createdAt: 0,
    everyoneSeq: 0,
    lastSeen: 0,
    sessions: new Few(),
    rooms: new Map(),
  };
}
