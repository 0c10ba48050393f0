/**
 * Tokens over HTTP (docs/authentication.md): a connect token for whoever can say who it is, longer ones for an operator to
 * give away, and revoking. The rules of tokens are in `auth/` and `core/revocations.ts`.
 */
import { fail, parseUser, type Result } from "@parley/protocol";
import { decodeJwt } from "jose";
import { Type } from "typebox";
import { parleyClaim, parseParley } from "../../auth/claims.ts";
import { authorise } from "../../core/authorisation.ts";
import type { RevocationRequest } from "../../core/revocations.ts";
import type { ApiPlugin } from "./api-plugin.ts";
import { problems, refuse } from "./problem.ts";

const time = (description: string) =>
  Type.Integer({ minimum: 0, description: `${description}, in milliseconds since the epoch` });
const name = Type.String({ minLength: 1, maxLength: 256 });
const token = Type.String({ minLength: 1, maxLength: 8192 });
const tokenId = Type.String({ minLength: 1, maxLength: 256, description: "the token's `jti`" });

const ConnectToken = Type.Object({
  token: Type.String(),
  expiresAt: time("until when it may be used to log in"),
  sessionExpiresAt: Type.Optional(time("until when a session lasts that logged in by it")),
});

const TokenRequest = Type.Object(
  {
    ...parleyClaim.properties,
    user: name,
    expiresIn: Type.Integer({ minimum: 1, description: "seconds that it is to live" }),
  },
  { additionalProperties: false },
);

const Issued = Type.Object({ token: Type.String(), tokenId, expiresAt: time("when it expires") });

/** Exactly one of `token`, `tokenId` and `user`. */
const Revocation = Type.Object(
  {
    token: Type.Optional(token),
    tokenId: Type.Optional(tokenId),
    expiresAt: Type.Optional(time("for `tokenId`: when the token expires, if that is known")),
    user: Type.Optional({ ...name, description: "everything that the user has until now" }),
    device: Type.Optional({ ...name, description: "with `user`: only on this device" }),
  },
  { additionalProperties: false },
);

const Revoked = Type.Object({ sessionsClosed: Type.Integer({ minimum: 0 }) });

export const tokenRoutes: ApiPlugin = (app, { core, auth }) => {
  const { ownTokens } = auth;

  app.post(
    "/token",
    {
      schema: {
        operationId: "createConnectToken",
        tags: ["tokens"],
        summary: "Exchange a password or a token for a connect token, to log in with within 60 seconds",
        response: { 200: ConnectToken, ...problems([]) },
      },
    },
    async ({ identity, headers: { authorization = "" } }, reply) => {
      const isUser = typeof identity.user === "string";
      if (!isUser || ownTokens.isConnectToken(authorization.slice(authorization.indexOf(" ") + 1).trim()))
        return refuse(reply, fail("forbidden", "this token cannot be exchanged for another").fault);
      const { token, expiresAt } = await ownTokens.connectToken(identity);
      const session = identity.expiresAt === Infinity ? {} : { sessionExpiresAt: identity.expiresAt };
      return { token, expiresAt, ...session };
    },
  );

  app.post(
    "/tokens",
    {
      config: { access: "administer" },
      schema: {
        operationId: "issueToken",
        tags: ["tokens"],
        summary: "Issue a token for a user, signed by the server",
        body: TokenRequest,
        response: { 201: Issued, ...problems(["bad_name"]) },
      },
    },
    async ({ body: { user, expiresIn, ...restrictions } }, reply) => {
      const parsed = parseUser(user);
      if (!parsed.ok) return refuse(reply, parsed.fault);
      const understood = parseParley(restrictions);
      if (!understood.ok) return refuse(reply, { ...understood.fault, code: "bad_message" });
      if (expiresIn * 1000 > auth.longestTokenMs)
        return refuse(reply, fail("bad_message", "that is longer than auth.maxTokenDays allows").fault);
      const issued = await ownTokens.issue(parsed.value.name, core.now() + expiresIn * 1000, restrictions);
      return reply.code(201).send(issued);
    },
  );

  app.post(
    "/revocations",
    {
      schema: {
        operationId: "revoke",
        tags: ["tokens"],
        summary:
          "Revoke a token, or all that a user or a device has; sessions end at once. One's own, or who administers",
        body: Revocation,
        response: { 200: Revoked, ...problems(["bad_name"]) },
      },
    },
    async ({ body, actor }, reply) => {
      const request = parseRequest(body);
      if (!request.ok) return refuse(reply, request.fault);
      const target = "user" in request.value ? parseUser(request.value.user) : undefined;
      if (target && !target.ok) return refuse(reply, target.fault);
      const allowed = authorise(actor, "manageUser", target?.value.key);
      if (!allowed.ok) return refuse(reply, allowed.fault);
      const revoked = await core.revoke(request.value);
      return revoked.ok ? revoked.value : refuse(reply, revoked.fault);
    },
  );
};

function parseRequest(body: {
  readonly token?: string;
  readonly tokenId?: string;
  readonly expiresAt?: number;
  readonly user?: string;
  readonly device?: string;
}): Result<RevocationRequest> {
  const { token, tokenId, expiresAt, user, device } = body;
  if ([token, tokenId, user].filter((one) => one !== undefined).length !== 1)
    return fail("bad_message", 'give one of "token", "tokenId" and "user"');
  if (expiresAt !== undefined && tokenId === undefined) return fail("bad_message", '"expiresAt" belongs to "tokenId"');
  if (device !== undefined && user === undefined) return fail("bad_message", '"device" belongs to "user"');
  if (user !== undefined) return { ok: true, value: { user, ...(device === undefined ? {} : { device }) } };
  if (tokenId !== undefined) return { ok: true, value: { tokenId, ...(expiresAt === undefined ? {} : { expiresAt }) } };
  return ofToken(token ?? "");
}

/** Whatever its signature: an operator may revoke what is not valid yet, or any more. */
function ofToken(token: string): Result<RevocationRequest> {
  try {
    const { jti } = decodeJwt(token);
    if (jti === undefined) return fail("bad_message", "the token has no `jti`: revoke what its user has");
    return { ok: true, value: { tokenId: String(jti) } };
  } catch {
    return fail("bad_message", "that is not a token");
  }
}
