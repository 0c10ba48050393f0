/**
 * Who a connection has proved to be, and what it may do. Gateways pass on what their peer said; an `Authenticate` (see
 * `auth/`) makes an identity of it, and the core asks the identity before every action (`authorisation.ts`).
 */
import { fail, ok, type Result } from "@parley/protocol";
import type { Connection } from "./connection.ts";
import type { User } from "./directory.ts";

/** What a peer says to be let in, whatever protocol carried it. */
export interface Credentials {
  /** A name, or who it is: a guest, whose name nobody can choose. */
  readonly user?: string | User;
  readonly device?: string;
  /** As the peer sent it; not checked in any way yet. */
  readonly token?: string;
  /** The same; only HTTP carries one. */
  readonly password?: string;
}

export interface Identity {
  readonly user: string | User;
  /** The only device that it may be, where it is bound to one. */
  readonly device: string | undefined;
  readonly rights: Rights;
  /** Milliseconds since the epoch from which on it counts no more; `Infinity`: never. */
  readonly expiresAt: number;
  /** When it was proved (a token's `iat`): revoking a user voids what is older. 0: not known. */
  readonly issuedAt: number;
  /** The token's `jti`, by which it may be revoked. */
  readonly tokenId: string | undefined;
}

/**
 * What somebody may do, where membership and ownership allow it. The lists are patterns of addresses
 * (`address-pattern.ts`); undefined: not restricted.
 */
export interface Rights {
  readonly send: readonly string[] | undefined;
  /** What is delivered, and whom one may see. */
  readonly read: readonly string[] | undefined;
  readonly join: readonly string[] | undefined;
  /** Everything that an operator may: other people's logs, sessions, dead letters, accounts. */
  readonly administer: boolean;
}

/** Finds out who somebody is. Faults: `bad_message` where something is missing, `unauthorized`. */
export type Authenticate = (credentials: Credentials, from: Connection["info"]) => Promise<Result<Identity>>;

export const everydayRights: Rights = { send: undefined, read: undefined, join: undefined, administer: false };
const operatorRights: Rights = { ...everydayRights, administer: true };

/** `127.0.0.0/8` or `::1`, with a port. */
const onThisMachine = /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1|\[::1\]):\d+$/;

/** Open login: everybody is whom they say, and administers from this machine. Only where every user is trusted. */
export const takeAtTheirWord: Authenticate = async ({ user }, { address }) =>
  user === undefined
    ? fail("bad_message", 'hello: field "user" is missing')
    : ok({
        user,
        device: undefined,
        rights: onThisMachine.test(address) ? operatorRights : everydayRights,
        expiresAt: Infinity,
        issuedAt: Infinity,
        tokenId: undefined,
      });
