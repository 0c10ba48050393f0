/**
 * Authentication as a whole, for every gateway and the HTTP API: what `auth.mode` says about who is let in, and the
 * server's own tokens, which are taken in every mode. Made by `server.ts`; the core asks `authenticate` at each login.
 */
import { fail, foldName, ok, type Result } from "@parley/protocol";
import type { Clock } from "../core/clock.ts";
import type { Connection } from "../core/connection.ts";
import { type Credentials, type Identity, takeAtTheirWord } from "../core/identity.ts";
import { keepSecret } from "../core/secrets.ts";
import type { Engine } from "../engine/engine.ts";
import { Accounts } from "./accounts.ts";
import { type ClaimLimits, identityOf } from "./claims.ts";
import type { KeySource } from "./key-source.ts";
import { Operator } from "./operator.ts";
import { OwnTokens } from "./own-tokens.ts";
import { PasswordLogin } from "./password-login.ts";
import type { AuthSettings } from "./token-keys.ts";
import { type Issuer, verifyToken } from "./token-verifier.ts";

export interface AuthenticationOptions {
  readonly settings: AuthSettings;
  readonly keys: KeySource;
  readonly engine: Engine;
  readonly clock: Clock;
}

type From = Connection["info"];

/** Finds out who somebody is where no token says it. */
type WithoutToken = (credentials: Credentials, from: From) => Promise<Result<Identity>>;

export class Authentication {
  readonly mode: AuthSettings["mode"];
  readonly ownTokens: OwnTokens;
  /** Kept by Parley, in mode `accounts`. */
  readonly accounts: Accounts | undefined;
  readonly operator = new Operator();
  /** No token lives longer, in milliseconds. */
  readonly longestTokenMs: number;
  readonly #clock: Clock;
  readonly #limits: ClaimLimits;
  /** Whose tokens count beside our own. */
  readonly #issuer: Issuer | undefined;
  readonly #withoutToken: WithoutToken;

  private constructor(
    { settings, keys, clock }: AuthenticationOptions,
    secret: string,
    accounts: Accounts | undefined,
  ) {
    const { mode, audience, issuer, skewSeconds, maxTokenDays, sessionHours } = settings;
    const now = () => clock.now();
    this.mode = mode;
    this.#clock = clock;
    this.longestTokenMs = maxTokenDays * 86_400_000;
    this.#limits = { longestMs: this.longestTokenMs, skewMs: skewSeconds * 1000 };
    this.ownTokens = new OwnTokens({ secret, now, limits: this.#limits });
    this.#issuer = { keys, audience, name: issuer === "" ? undefined : issuer, skewMs: skewSeconds * 1000 };
    if (mode !== "token") this.#issuer = undefined;
    this.accounts = accounts;
    this.#withoutToken =
      mode === "open"
        ? takeAtTheirWord
        : accounts
          ? passwordLogin(new PasswordLogin({ accounts, now, sessionMs: sessionHours * 3_600_000 }))
          : tokenRequired;
  }

  /** Rejects with `StorageUnavailable`. */
  static async open(options: AuthenticationOptions): Promise<Authentication> {
    const { engine, clock, settings } = options;
    // What anybody could have issued in their own favour while login was open must not count when it no longer is.
    const secret = await keepSecret(engine, clock, settings.mode === "open" ? "auth.open" : "auth.tokens");
    const accounts = settings.mode === "accounts" ? await Accounts.load(engine, clock) : undefined;
    return new Authentication(options, secret, accounts);
  }

  /** The core's `Authenticate`. Faults: `bad_message`, `unauthorized`, `token_expired`, `rate_limited`, `internal`. */
  readonly authenticate = async (credentials: Credentials, from: From): Promise<Result<Identity>> => {
    const { token, user } = credentials;
    const byToken = token === undefined ? undefined : await this.#byToken(token, from);
    if (!byToken) return this.#withoutToken(credentials, from);
    return byToken.ok && user !== undefined ? sameUser(byToken.value, user) : byToken;
  };

  /** Undefined: the token says nothing here. */
  async #byToken(token: string, from: From): Promise<Result<Identity> | undefined> {
    const operator = this.operator.identify(token, from);
    if (operator) return ok(operator);
    if (this.ownTokens.claims(token)) return this.ownTokens.verify(token);
    // Clients of an open server may send whatever they like along.
    if (this.mode === "open") return undefined;
    if (!this.#issuer) return fail("unauthorized", "the token is not valid");
    const now = this.#clock.now();
    const claims = await verifyToken(token, this.#issuer, now);
    return claims.ok ? identityOf(claims.value, now, this.#limits) : claims;
  }
}

function passwordLogin(passwords: PasswordLogin): WithoutToken {
  return async ({ user, password }, from) =>
    typeof user === "string" && password !== undefined
      ? passwords.check(user, password, from)
      : fail("unauthorized", "this server asks for a token, or over HTTP for a user and password");
}

const tokenRequired: WithoutToken = async () => fail("unauthorized", "this server asks for a token");

/** A token is for its own user, whoever the peer says it is. */
function sameUser(identity: Identity, user: NonNullable<Credentials["user"]>): Result<Identity> {
  const [a, b] = [identity.user, user].map((who) => (typeof who === "string" ? foldName(who) : who.key));
  if (a !== b) return fail("unauthorized", "the token is for another user");
  return ok(typeof user === "string" ? identity : { ...identity, user });
}
