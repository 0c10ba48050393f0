/**
 * Who is let in and stays in: what a peer says becomes an identity, at login and again when a session is renewed. An
 * identity stands as long as it has not expired and was not revoked. Used by `core.ts`, `login.ts` and `commands.ts`.
 */
import {
  type ClientMessages,
  type DeviceKey,
  fail,
  foldName,
  ok,
  parseDevice,
  type Result,
  type ServerMessages,
  type UserKey,
} from "@parley/protocol";
import type { Connection } from "./connection.ts";
import type { Authenticate, Credentials, Identity } from "./identity.ts";
import type { LiveSessions } from "./live-sessions.ts";
import type { Revocations } from "./revocations.ts";

/** What this needs of the core's services. */
export interface Gatekeeping {
  readonly authenticate: Authenticate;
  readonly revocations: Revocations;
  readonly sessions: LiveSessions;
  readonly clock: { now(): number };
}

/** A session whose identity can be replaced by a newer one of the same user. */
export interface Renewable {
  readonly origin: string;
  readonly user: { readonly key: UserKey; readonly name: string };
  readonly device: DeviceKey;
  readonly info: Connection["info"];
  identity: Identity;
}

export interface Admitted {
  readonly identity: Identity;
  /** Undefined: the peer named none, and the identity is not bound to one. */
  readonly device: DeviceKey | undefined;
}

/** Finds out who a peer is and as which device. Faults: those of `authenticate`, `bad_name`, `forbidden`. */
export async function admit(
  { authenticate }: Gatekeeping,
  credentials: Credentials,
  from: Connection["info"],
): Promise<Result<Admitted>> {
  const authenticated = await authenticate(credentials, from);
  if (!authenticated.ok) return authenticated;
  const identity = authenticated.value;
  const device = chosenDevice(credentials.device, identity.device);
  return device.ok ? ok({ identity, device: device.value }) : device;
}

/** The device of a session: the one that is asked for or that the identity is bound to. Faults: `bad_name`, `forbidden`. */
export function chosenDevice(asked: string | undefined, bound: string | undefined): Result<DeviceKey | undefined> {
  const name = asked ?? bound;
  if (name === undefined) return ok(undefined);
  const device = parseDevice(name);
  if (!device.ok || bound === undefined || foldName(bound) === device.value) return device;
  return fail("forbidden", `the token is for the device ${bound}`);
}

/**
 * Whether an identity still stands; to be asked in the turn in which a session begins or goes on by it, so that no
 * revocation comes between. Faults: `token_expired`, `revoked`.
 */
export function stands(
  { clock, revocations }: Gatekeeping,
  identity: Identity,
  user: UserKey,
  device: DeviceKey | undefined,
): Result<undefined> {
  if (identity.expiresAt <= clock.now()) return fail("token_expired", "the token has expired");
  return revocations.has(identity, user, device) ? fail("revoked", "the token was revoked") : ok(undefined);
}

/**
 * Lets a session go on by another token of the same user. A token that does not serve leaves the session as it was, so
 * what is wrong with it is `forbidden`: the codes of a refused login would say that the connection ends.
 */
export async function renew(
  services: Gatekeeping,
  session: Renewable,
  { token }: ClientMessages["renew"],
): Promise<Result<ServerMessages["ok"]>> {
  const { user, device } = session;
  const admitted = await admit(services, { user: user.name, device, token }, session.info);
  const checked = admitted.ok ? renewable(services, admitted.value.identity, session) : admitted;
  if (!checked.ok) {
    const { message, retryAfterMs } = checked.fault;
    return fail("forbidden", `renew: ${message}`, retryAfterMs);
  }
  session.identity = checked.value;
  services.sessions.renewed(session.origin);
  return ok({ op: "ok", ...expiryOf(checked.value, services.clock.now()) });
}

function renewable(services: Gatekeeping, identity: Identity, { user, device }: Renewable): Result<Identity> {
  const key = typeof identity.user === "string" ? foldName(identity.user) : identity.user.key;
  if (key !== user.key) return fail("forbidden", "the token is for another user");
  const standing = stands(services, identity, user.key, device);
  return standing.ok ? ok(identity) : standing;
}

/** What a peer is told of its end: how far away it is, as its clock may be another. `now` in ms. */
export function expiryOf({ expiresAt }: Identity, now: number): { readonly expiresIn?: number } {
  return expiresAt === Infinity ? {} : { expiresIn: Math.max(0, Math.round(expiresAt - now)) };
}
