/**
 * Who stands behind a token of this gateway, and who gets one. Where login is open that is whoever asks; elsewhere an app
 * token is given for a token of Parley's, and carries what that one proved, so that rights, expiry and revocation hold.
 */
import { fail, ok, type Result } from "@parley/protocol";
import type { Core } from "../../core/core.ts";
import { everydayRights, type Identity } from "../../core/identity.ts";
import { type Bearer, type TokenKind, type Tokens, tokenIn } from "./tokens.ts";

/** What anybody is told whose token is none. */
export const badToken = fail("forbidden", "Forbidden");

export class Bearers {
  readonly #core: Core;
  readonly #tokens: Tokens;

  constructor(core: Core, tokens: Tokens) {
    this.#core = core;
    this.#tokens = tokens;
  }

  /**
   * An app token for `username`, who has to be the user of the token in `authorization` where login is not open. `address`
   * is where the request came from, with its port. Faults: `forbidden`.
   */
  async appToken(username: string, authorization: string | undefined, address: string): Promise<Result<string>> {
    if (this.#core.openLogin) return ok(await this.#tokens.issue("app", { username, proof: undefined }));
    if (authorization === undefined) return badToken;
    const credentials = { user: username, token: tokenIn(authorization) };
    const identity = await this.#core.identify(credentials, { gateway: "push", address });
    if (!identity.ok) return badToken;
    const { user: _, ...proof } = identity.value;
    return ok(await this.#tokens.issue("app", { username, proof }));
  }

  /** A socket token for whoever has the app token in `authorization`. Faults: `forbidden`. Rejects with `StorageUnavailable`. */
  async socketToken(authorization: string): Promise<Result<string>> {
    const bearer = await this.#bearer(authorization, "app");
    return bearer ? ok(await this.#tokens.issue("socket", bearer)) : badToken;
  }

  /** Who has a token of these kinds. Faults: `forbidden`. Rejects with `StorageUnavailable`. */
  async identify(authorization: string, ...kinds: TokenKind[]): Promise<Result<Identity>> {
    const bearer = await this.#bearer(authorization, ...kinds);
    if (!bearer) return badToken;
    const { username, proof = takenAtTheirWord } = bearer;
    return ok({ ...proof, user: username });
  }

  /**
   * What was proved counts as long as it would anywhere else. A token that was given for the asking is worth nothing where
   * that is not done any more.
   */
  async #bearer(authorization: string, ...kinds: TokenKind[]): Promise<Bearer | undefined> {
    const bearer = await this.#tokens.verify(authorization, ...kinds);
    if (this.#core.openLogin || !bearer?.proof) return this.#core.openLogin ? bearer : undefined;
    const actor = await this.#core.actor({ ...bearer.proof, user: bearer.username });
    return actor.ok ? bearer : undefined;
  }
}

const takenAtTheirWord: NonNullable<Bearer["proof"]> = {
  device: undefined,
  rights: everydayRights,
  expiresAt: Number.POSITIVE_INFINITY,
  issuedAt: Number.POSITIVE_INFINITY,
  tokenId: undefined,
};
