/** Dead letters over HTTP: list, look at one, replay, purge (docs/dead-letters.md). Only for who administers. */
import { fail, type LetterPage, type Letter as ShownLetter } from "@parley/protocol";
import { Type } from "typebox";
import type { LetterFilter } from "../../core/letter-book.ts";
import type { ApiPlugin } from "./api-plugin.ts";
import { filter, Letter, Purged, Replayed } from "./dead-letter-schemas.ts";
import { problems, refuse } from "./problem.ts";
import { reference } from "./schema-reference.ts";

const tags = ["dead letters"];
const config = { access: "administer" } as const;
const params = Type.Object({ letter: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) });
const place = Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }));
const defaultLimit = 50;
const maxLimit = 500;

/** The core's filter, of a query's. */
function filterOf({ address, ...rest }: Omit<LetterFilter, "log"> & { readonly address?: string }): LetterFilter {
  return { ...rest, ...(address === undefined ? {} : { log: address }) };
}

export const deadLetterRoutes: ApiPlugin = (app, { core: { letters } }) => {
  app.get(
    "/dead-letters",
    {
      config,
      schema: {
        operationId: "listDeadLetters",
        tags,
        summary: "Dead letters, the newest first",
        querystring: Type.Object({
          ...filter,
          before: place,
          after: place,
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxLimit, default: defaultLimit })),
        }),
        response: {
          200: Type.Unsafe<LetterPage>(
            Type.Object({
              letters: Type.Array(reference(Letter)),
              next: Type.Optional(
                Type.Integer({
                  description: "there may be more: pass it as `before`, or as `after` if that was asked",
                }),
              ),
            }),
          ),
          ...problems(["bad_name"]),
        },
      },
    },
    async ({ query: { before, after, limit = defaultLimit, ...filtered } }, reply) => {
      if (before !== undefined && after !== undefined)
        return refuse(reply, fail("bad_message", '"before" and "after" exclude each other').fault);
      const direction = after === undefined ? "backward" : "forward";
      const from = after ?? before ?? Number.MAX_SAFE_INTEGER;
      const page = await letters.list(filterOf(filtered), { from, direction, limit });
      return page.ok ? page.value : refuse(reply, page.fault);
    },
  );

  app.get(
    "/dead-letters/:letter",
    {
      config,
      schema: {
        operationId: "getDeadLetter",
        tags,
        summary: "One dead letter",
        params,
        response: { 200: Type.Unsafe<ShownLetter>(reference(Letter)), ...problems(["unknown_message"]) },
      },
    },
    async ({ params: { letter } }, reply) => {
      const found = await letters.get(letter);
      return found.ok ? found.value : refuse(reply, found.fault);
    },
  );

  app.post(
    "/dead-letters/:letter/replay",
    {
      config,
      schema: {
        operationId: "replayDeadLetter",
        tags,
        summary: "Send a dead letter's message again, once",
        params,
        body: Type.Object({
          to: Type.Optional(
            Type.String({ minLength: 1, maxLength: 256, description: "another address; else the one it was for" }),
          ),
          again: Type.Optional(Type.Boolean({ description: "also where it was replayed before" })),
        }),
        response: {
          200: Replayed,
          ...problems(["unknown_message", "bad_name", "unknown_user", "unknown_room"]),
        },
      },
    },
    async ({ params: { letter }, body }, reply) => {
      const replayed = await letters.replay(letter, body);
      return replayed.ok ? replayed.value : refuse(reply, replayed.fault);
    },
  );

  app.delete(
    "/dead-letters/:letter",
    {
      config,
      schema: {
        operationId: "purgeDeadLetter",
        tags,
        summary: "Purge one dead letter",
        params,
        response: { 200: Purged, ...problems(["unknown_message"]) },
      },
    },
    async ({ params: { letter } }, reply) => {
      const purged = await letters.purge(letter);
      return purged.ok ? purged.value : refuse(reply, purged.fault);
    },
  );

  app.delete(
    "/dead-letters",
    {
      config,
      schema: {
        operationId: "purgeDeadLetters",
        tags,
        summary: "Purge the dead letters that match, oldest first, a bounded number at a time",
        querystring: Type.Object({
          ...filter,
          after: place,
          all: Type.Optional(Type.Boolean({ description: "has to be `true` where nothing else picks letters" })),
        }),
        response: { 200: Purged, ...problems(["bad_name"]) },
      },
    },
    async ({ query: { after = 0, all = false, ...filtered } }, reply) => {
      if (!all && Object.keys(filtered).length === 0)
        return refuse(reply, fail("bad_message", "say which letters, or all=true").fault);
      const purged = await letters.purgeAll(filterOf(filtered), after);
      return purged.ok ? purged.value : refuse(reply, purged.fault);
    },
  );
};
