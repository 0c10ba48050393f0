/** `GET /v1/backup`: everything that the server keeps, as `parley restore` takes it. For whoever administers. */
import { Readable } from "node:stream";
import { fail } from "@parley/protocol";
import { Type } from "typebox";
import type { ApiPlugin } from "./api-plugin.ts";
import { problems, refuse } from "./problem.ts";

const file = "application/octet-stream";

export const backupRoutes: ApiPlugin = (app, { core }) => {
  app.get(
    "/backup",
    {
      config: { access: "administer" },
      schema: {
        operationId: "getBackup",
        tags: ["operation"],
        summary: "A backup of all that is stored, while the server goes on; a `parley restore` reads it",
        response: {
          200: {
            description: "The backup. One that was cut off is refused by `parley restore`.",
            content: { [file]: { schema: Type.Unsafe<Readable>({ type: "string", format: "binary" }) } },
          },
          ...problems(["unknown_path"]),
        },
      },
    },
    async (_, reply) => {
      const parts = core.backup();
      if (!parts) return refuse(reply, fail("unknown_path", "this server keeps nothing that lasts").fault);
      // What keeps it from beginning is answered as a problem, not as a backup that breaks off.
      const first = await parts.next();
      const end = () => void parts.return(undefined);
      if (reply.raw.destroyed) end();
      else reply.raw.once("close", end);
      return reply.type(file).send(Readable.from(resumed(first, parts), { objectMode: false }));
    },
  );
};

async function* resumed(
  first: IteratorResult<Uint8Array>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (!first.done) yield first.value;
  yield* rest;
}
