/** The accounts of mode `accounts` over HTTP (docs/authentication.md). Their rules are in `auth/accounts.ts`. */
import { fail, type Result } from "@parley/protocol";
import { Type } from "typebox";
import { checkPassword } from "../../auth/password-rule.ts";
import type { ApiPlugin } from "./api-plugin.ts";
import { problems, refuse } from "./problem.ts";

const name = Type.String({ minLength: 1, maxLength: 256 });
const password = Type.String({ maxLength: 1024, description: "at least 8 characters" });

const Account = Type.Object({
  user: Type.String(),
  admin: Type.Boolean({ description: "whether this account administers the server" }),
  createdAt: Type.Integer({ minimum: 0, description: "in milliseconds since the epoch" }),
});

const NewAccount = Type.Object(
  { user: name, password, admin: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
);

const params = Type.Object({ user: name });
const noAccounts = fail("forbidden", "Parley keeps accounts only where auth.mode is accounts").fault;

export const accountRoutes: ApiPlugin = (app, { core, auth: { accounts } }) => {
  /** What the account had is void: before the change, so that a crash leaves nothing behind, and what began during it. */
  const voiding = async <T>(user: string, change: () => Promise<Result<T>>): Promise<Result<T>> => {
    if (!accounts?.get(user)) return change();
    await core.revoke({ user });
    const changed = await change();
    await core.revoke({ user });
    return changed;
  };

  app.get(
    "/accounts",
    {
      config: { access: "administer" },
      schema: {
        operationId: "listAccounts",
        tags: ["accounts"],
        summary: "All accounts, by name",
        response: { 200: Type.Object({ accounts: Type.Array(Account) }), ...problems([]) },
      },
    },
    async (_, reply) => (accounts ? { accounts: accounts.list() } : refuse(reply, noAccounts)),
  );

  app.post(
    "/accounts",
    {
      config: { access: "administer" },
      schema: {
        operationId: "addAccount",
        tags: ["accounts"],
        summary: "Make an account",
        body: NewAccount,
        response: { 201: Account, ...problems(["bad_name", "account_exists"]) },
      },
    },
    async ({ body: { user, password, admin = false } }, reply) => {
      if (!accounts) return refuse(reply, noAccounts);
      const added = await accounts.add(user, password, admin);
      return added.ok ? reply.code(201).send(added.value) : refuse(reply, added.fault);
    },
  );

  app.delete(
    "/accounts/:user",
    {
      config: { access: "administer" },
      schema: {
        operationId: "removeAccount",
        tags: ["accounts"],
        summary: "Remove an account; its sessions end and its tokens are void, its messages stay",
        params,
        response: { 200: Account, ...problems(["bad_name", "unknown_user"]) },
      },
    },
    async ({ params: { user } }, reply) => {
      if (!accounts) return refuse(reply, noAccounts);
      const removed = await voiding(user, () => accounts.remove(user));
      return removed.ok ? removed.value : refuse(reply, removed.fault);
    },
  );

  app.put(
    "/accounts/:user/password",
    {
      config: { access: "self" },
      schema: {
        operationId: "setPassword",
        tags: ["accounts"],
        summary: "Set a password; sessions end and tokens are void. One's own by the old one, or who administers",
        params,
        body: Type.Object({ password }, { additionalProperties: false }),
        response: { 200: Account, ...problems(["bad_name", "unknown_user"]) },
      },
    },
    async ({ params: { user }, body: { password }, identity, headers: { authorization = "" } }, reply) => {
      if (!accounts) return refuse(reply, noAccounts);
      // Who has found a token must not be able to keep the account by it.
      if (!identity.rights.administer && !/^basic /i.test(authorization))
        return refuse(reply, fail("forbidden", "setting a password takes the old one: Authorization: Basic").fault);
      const allowed = checkPassword(password);
      if (!allowed.ok) return refuse(reply, allowed.fault);
      const set = await voiding(user, () => accounts.setPassword(user, password));
      return set.ok ? set.value : refuse(reply, set.fault);
    },
  );
};
