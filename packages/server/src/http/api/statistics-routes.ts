/** `GET /v1/statistics`: how many messages, how much, by whom, where, how and when. */
import { fail } from "@parley/protocol";
import { Type } from "typebox";
import { type Dimension, dimensions } from "../../core/statistics.ts";
import type { ApiPlugin } from "./api-plugin.ts";
import { problems, refuse } from "./problem.ts";

const day = Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}$", description: "a day (UTC), as 2026-11-21" });

const amount = {
  messages: Type.Integer({ minimum: 0 }),
  bytes: Type.Integer({ minimum: 0, description: "size of the messages as they are stored" }),
};

const Statistics = Type.Object({
  by: Type.String(),
  total: Type.Object(amount),
  counts: Type.Array(
    Type.Object({ key: Type.String({ description: "a day, user, room, gateway or type (empty: none)" }), ...amount }),
  ),
});

const description =
  "Messages that were accepted, each once however many it was for: by sender, by room, or by day (UTC), gateway and type, which `from` and `to` (both included) may narrow down. The greatest first, days in order. Counts are written every 5 s: a server that is killed forgets what it counted since, and never counts twice.";

export const statisticsRoutes: ApiPlugin = (app, { core }) => {
  app.get(
    "/statistics",
    {
      config: { access: "administer" },
      schema: {
        operationId: "getStatistics",
        tags: ["operation"],
        summary: "How many messages, by user, room, gateway, type or day",
        description,
        querystring: Type.Object({
          by: Type.Unsafe<Dimension>(Type.Enum(dimensions)),
          from: Type.Optional(day),
          to: Type.Optional(day),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
        }),
        response: { 200: Statistics, ...problems([]) },
      },
    },
    async ({ query: { by, from, to, limit = 100 } }, reply) => {
      if ((by === "user" || by === "room") && (from !== undefined || to !== undefined))
        return refuse(reply, fail("bad_message", `by ${by} there are no days: leave out from and to`).fault);
      const all = await core.statistics.by(by, from, to);
      const total = { messages: 0, bytes: 0 };
      for (const { messages, bytes } of all.values()) {
        total.messages += messages;
        total.bytes += bytes;
      }
      const counts = Array.from(all, ([key, count]) => ({ key, ...count }));
      if (by !== "day") counts.sort((a, b) => b.messages - a.messages);
      return { by, total, counts: counts.slice(0, limit) };
    },
  );
};
