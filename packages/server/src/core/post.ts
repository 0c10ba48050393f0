/**
 * Sending without a session: for requests that stand alone (HTTP), and for what the server itself says. The promise
 * is settled when the message is as durable as was asked.
 */
import { type ClientMessages, type Fault, ok, type Result, type ServerMessages, type UserKey } from "@parley/protocol";
import type { User } from "./directory.ts";
import type { SystemName } from "./reserved-names.ts";
import type { Services } from "./services.ts";
import { type Sender, submit } from "./submission.ts";

/** What was stored, where, and who gets it at once: the `ok` of PROTOCOL.md, "Sending". */
export type Posted = ServerMessages["ok"];

/** The server as a sender: known to nobody as a user. */
function systemUser(name: SystemName): User {
  const sessions = new Set<never>();
  return {
    key: name as string as UserKey,
    name,
    createdAt: 0,
    lastSeen: 0,
    everyoneSeq: 0,
    sessions,
    rooms: new Map(),
  };
}

/**
 * Sends as a user, or as the server, which may send to every room (but not as `push`). Faults as those of `send`,
 * `storage_unavailable` included.
 */
export function post(
  services: Services,
  from: User | SystemName,
  send: Omit<ClientMessages["send"], "op">,
): Promise<Result<Posted>> {
  return new Promise((resolve) => {
    // The server keeps no copies: nobody can log in to read them.
    const copy = typeof from === "string" ? { copy: false } : {};
    const refused = submit(services, new Poster(from, resolve), { op: "send", ...send, ...copy });
    if (refused.ok) return;
    const user = typeof from === "string" ? from : from.name;
    services.traffic.sendRefused(refused.fault.code, { clientId: send.clientId, user });
    resolve(refused);
  });
}

class Poster implements Sender {
  readonly user: User;
  readonly isServer: boolean;
  readonly origin = "";
  readonly session = undefined;
  readonly requests = { taken: () => {}, answered: () => {} };
  readonly tell: (posted: Posted) => void;
  readonly fault: (fault: Fault) => void;

  constructor(from: User | SystemName, resolve: (result: Result<Posted>) => void) {
    // What `push` says comes from whoever asked without a name: it has no more rights than they.
    this.isServer = typeof from === "string" && from !== "push";
    this.user = typeof from === "string" ? systemUser(from) : from;
    this.tell = (posted) => resolve(ok(posted));
    this.fault = (fault) => resolve({ ok: false, fault });
  }
}
