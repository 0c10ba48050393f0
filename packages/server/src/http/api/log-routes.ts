/** `/v1/logs`: reading messages back, in pages or all at once. Reads move no cursor. */
import { Readable } from "node:stream";
import { defaultPage, fail } from "@parley/protocol";
import { type Static, Type } from "typebox";
import type { Inspection, MessageFilter } from "../../core/inspection.ts";
import type { Entry } from "../../engine/entry.ts";
import { mayReadLog } from "./access.ts";
import type { ApiPlugin } from "./api-plugin.ts";
import { encodeMessage } from "./message-json.ts";
import { problems, refuse } from "./problem.ts";
import { reference } from "./schema-reference.ts";
import { address, count, Message } from "./schemas.ts";

const ndjson = "application/x-ndjson";
const maxPage = 500;

const params = Type.Object({ address });

const Query = Type.Object({
  after: Type.Optional(count("only messages after this seq: pages go forward")),
  before: Type.Optional(count("only messages before this seq: pages go backward")),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
      description: `most messages of a page (up to ${maxPage}, ${defaultPage} unless given), or of an export (all unless given)`,
    }),
  ),
  from: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: "only what this user sent" })),
  type: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: "only messages of this type" })),
  since: Type.Optional(count("only messages stored at or after this time, in ms since the epoch")),
  until: Type.Optional(count("only messages stored before this time, in ms since the epoch")),
});

const Log = Type.Object({
  log: Type.String(),
  epoch: Type.String(),
  first: Type.Integer({ description: "the first seq that is still held" }),
  tail: Type.Integer({ description: "the last seq; before `first`: nothing is held" }),
  bytes: Type.Integer({ description: "size of the messages that are held" }),
});

const Page = Type.Object({
  log: Type.String(),
  epoch: Type.String(),
  messages: Type.Array(reference(Message), { description: "in order of seq, whichever way the pages go" }),
  next: Type.Optional(
    Type.Integer({ description: "there is more: ask with this as `before`, or as `after` where that was given" }),
  ),
});

const unknown = ["bad_name", "unknown_user", "unknown_room"] as const;

export const logRoutes: ApiPlugin = (app, { core: { inspection } }) => {
  app.get(
    "/logs/:address",
    {
      schema: {
        operationId: "getLog",
        tags: ["messages"],
        summary: "Where a log stands",
        params,
        response: { 200: Log, ...problems(unknown) },
      },
    },
    async (request, reply) => {
      const log = inspection.log(request.params.address);
      if (!log.ok) return refuse(reply, log.fault);
      const allowed = mayReadLog(request, log.value);
      if (!allowed.ok) return refuse(reply, allowed.fault);
      return { log: log.value, ...(await inspection.head(log.value)) };
    },
  );

  app.get(
    "/logs/:address/messages",
    {
      schema: {
        operationId: "listMessages",
        tags: ["messages"],
        summary: "Read a log",
        description: `A page of it, the newest unless \`after\` or \`before\` says otherwise. With \`Accept: ${ndjson}\` all of it (or what lies between \`after\` and \`before\`), a message in a line, oldest first. A search looks at 5,000 messages at most: a page may hold fewer than asked for, or none, and have a \`next\`.`,
        params,
        querystring: Query,
        response: {
          200: {
            description: "The messages.",
            content: {
              "application/json": { schema: Page },
              [ndjson]: {
                schema: Type.Unsafe<string | Readable>({
                  type: "string",
                  description: "a `Message` as JSON in each line",
                }),
              },
            },
          },
          ...problems(unknown),
        },
      },
    },
    async (request, reply) => {
      const log = inspection.log(request.params.address);
      if (!log.ok) return refuse(reply, log.fault);
      const allowed = mayReadLog(request, log.value);
      if (!allowed.ok) return refuse(reply, allowed.fault);
      const { after, before, limit, ...filter } = request.query;
      if (request.headers.accept?.includes(ndjson)) {
        const lines = exportLines(
          inspection.entries(log.value, after ?? 0, before ?? Number.MAX_SAFE_INTEGER, filter),
          limit,
        );
        return reply.type(ndjson).send(Readable.from(lines, { highWaterMark: 1 }));
      }
      if (after !== undefined && before !== undefined)
        return refuse(reply, fail("bad_message", "after and before exclude each other, but for an export").fault);
      if (limit !== undefined && limit > maxPage)
        return refuse(
          reply,
          fail("bad_message", `limit must be at most ${maxPage}; for more, Accept: ${ndjson}`).fault,
        );
      return readPage(inspection, log.value, request.query, filter);
    },
  );
};

async function readPage(
  inspection: Inspection,
  log: Parameters<Inspection["head"]>[0],
  { after, before, limit = defaultPage }: Static<typeof Query>,
  filter: MessageFilter,
): Promise<Static<typeof Page>> {
  const direction = after === undefined ? "backward" : "forward";
  const from = after ?? before ?? Number.MAX_SAFE_INTEGER;
  const { entries, ...page } = await inspection.page({ log, from, direction, limit }, filter);
  return { ...page, messages: entries.map((entry) => JSON.parse(encodeMessage(entry)) as Static<typeof Message>) };
}

/** Lines of an export, a read of the store at a time; the next is read when the peer has taken what was read. */
async function* exportLines(reads: AsyncIterable<Entry[]>, limit = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer> {
  let left = limit;
  for await (const entries of reads) {
    const taken = entries.slice(0, left);
    left -= taken.length;
    if (taken.length > 0) yield Buffer.from(taken.map((entry) => `${encodeMessage(entry)}\n`).join(""));
    if (left <= 0) return;
  }
}
