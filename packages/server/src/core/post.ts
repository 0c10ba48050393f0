/**
 * Sending without a session: for requests that stand alone (HTTP), and for what the server itself says. The promise
 * is settled when the message is as durable as was asked.
 */
import { type ClientMessages, type Fault, ok, type Result, type ServerMessages, type UserKey } from "@parley/protocol";
import { type Actor, type Permissions, permissionsOf } from "./authorisation.ts";
import type { User } from "./directory.ts";
import { Few } from "./few.ts";
import { everydayRights } from "./identity.ts";
import type { SystemName } from "./reserved-names.ts";
import type { Services } from "./services.ts";
import { type Sender, submit } from "./submission.ts";

/** What was stored, where, and who gets it at once: the `ok` of PROTOCOL.md, "Sending". */
export type Posted = ServerMessages["ok"];

/** The server as a sender: known to nobody as a user. */
function systemActor(name: SystemName): Actor {
  const key = name as string as UserKey;
  const sessions = new Few<never>();
  const user: User = {
    kind: "user",
    key,
    name,
    createdAt: 0,
    lastSeen: 0,
    everyoneSeq: 0,
    sessions,
    rooms: new Map(),
  };
  // What `push` says comes from whoever asked without a name: it has no more rights than they.
  return { user, permissions: permissionsOf(everydayRights, key), isServer: name !== "push" };
}

/**
 * Sends as somebody who was identified, or as the server, which may send to every room (but not as `push`). Faults as
 * those of `send`, `storage_unavailable` included. `gateway` is by which it came, for statistics.
 */
export function post(
  services: Services,
  from: Actor | SystemName,
  send: Omit<ClientMessages["send"], "op">,
  gateway: string,
): Promise<Result<Posted>> {
  return new Promise((resolve) => {
    // The server keeps no copies: nobody can log in to read them.
    const copy = typeof from === "string" ? { copy: false } : {};
    const refused = submit(services, new Poster(from, gateway, resolve), { op: "send", ...send, ...copy });
    if (refused.ok) return;
    const user = typeof from === "string" ? from : from.user.name;
    services.traffic.sendRefused(refused.fault.code, { clientId: send.clientId, user });
    resolve(refused);
  });
}

class Poster implements Sender {
  readonly user: User;
  readonly permissions: Permissions;
  readonly isServer: boolean;
  readonly origin = "";
  readonly gateway: string;
  readonly session = undefined;
  readonly hearsOnlyStored = false;
  readonly requests = { taken: () => {}, answered: () => {} };
  readonly tell: (posted: Posted) => void;
  readonly fault: (fault: Fault) => void;

  constructor(from: Actor | SystemName, gateway: string, resolve: (result: Result<Posted>) => void) {
    const { user, permissions, isServer } = typeof from === "string" ? systemActor(from) : from;
    this.user = user;
    this.permissions = permissions;
    this.isServer = isServer;
    this.gateway = gateway;
    this.tell = (posted) => resolve(ok(posted));
    this.fault = (fault) => resolve({ ok: false, fault });
  }
}
