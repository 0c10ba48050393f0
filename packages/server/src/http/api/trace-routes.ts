/** What became of messages: one by its id, and all of them in numbers. Only for who administers. */

import type { Trace as Traced } from "@parley/protocol";
import { Type } from "typebox";
import type { ApiPlugin } from "./api-plugin.ts";
import { Account, Totals, Trace } from "./dead-letter-schemas.ts";
import { problems, refuse } from "./problem.ts";
import { reference } from "./schema-reference.ts";

const config = { access: "administer" } as const;
const tags = ["what became of messages"];
const maxPage = 1000;
const defaultPage = 100;
/** How old sums may be: looking at many logs takes its time. */
const maxAgeMs = 5000;

export const traceRoutes: ApiPlugin = (app, { core }) => {
  app.get(
    "/trace/:id",
    {
      config,
      schema: {
        operationId: "traceMessage",
        tags,
        summary: "What happened to one message",
        params: Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) }),
        querystring: Type.Object({
          address: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 256,
              description: "look into its log only: quicker where there are many",
            }),
          ),
        }),
        response: { 200: Type.Unsafe<Traced>(reference(Trace)), ...problems(["unknown_message", "bad_name"]) },
      },
    },
    async ({ params: { id }, query: { address } }, reply) => {
      const traced = await core.trace(id, address);
      return traced.ok ? traced.value : refuse(reply, traced.fault);
    },
  );

  app.get(
    "/message-accounts",
    {
      config,
      schema: {
        operationId: "listMessageAccounts",
        tags,
        summary: "How many messages each address was given, and what became of them",
        querystring: Type.Object({
          after: Type.Optional(Type.String({ maxLength: 256 })),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxPage, default: defaultPage })),
        }),
        response: {
          200: Type.Object({
            accounts: Type.Array(reference(Account)),
            next: Type.Optional(Type.String({ description: "there may be more: pass it as `after`" })),
          }),
          ...problems([]),
        },
      },
    },
    async ({ query: { after = "", limit = defaultPage } }) => core.accounts.page(after, limit),
  );

  app.get(
    "/message-accounts/totals",
    {
      config,
      schema: {
        operationId: "getMessageTotals",
        tags,
        summary: "The same of all addresses together, some seconds old at most",
        response: { 200: Totals, ...problems([]) },
      },
    },
    async () => ({ ...(await core.accounts.totals(core.now(), maxAgeMs)), deadLetters: await core.letters.count() }),
  );
};
