/** `POST /v1/messages`: sending, as by the native `send` (PROTOCOL.md, "Sending"). */
import { fail, ok, type Result } from "@parley/protocol";
import { clientMessages, serverMessages } from "@parley/protocol/schema";
import { Type } from "typebox";
import { type ApiPlugin, gatewayName } from "./api-plugin.ts";
import { problems, refuse } from "./problem.ts";
import { reference } from "./schema-reference.ts";
import { Position, withoutOp } from "./schemas.ts";

const Send = Type.Object(withoutOp(clientMessages.send).properties, {
  description: "As `send` of PROTOCOL.md.",
  examples: [{ to: "bob", body: "hello" }],
});

const { clientId, duplicate } = serverMessages.ok.properties;
const Sent = Type.Object({
  ...Type.Required(Type.Pick(serverMessages.ok, ["id", "ts", "durability", "recipients"])).properties,
  positions: Type.Array(reference(Position)),
  clientId,
  duplicate,
});

const keyPattern = /^[!-~]{1,64}$/;

/** The `Idempotency-Key`, quoted or not, is the message's `clientId`. Faults: `bad_message`. */
function clientIdOf(header: string | string[] | undefined, inBody: string | undefined): Result<string | undefined> {
  if (header === undefined) return ok(inBody);
  const key = /^"(.*)"$/.exec(String(header))?.[1] ?? String(header);
  if (!keyPattern.test(key))
    return fail("bad_message", "Idempotency-Key must be 1 to 64 printable ASCII characters without a space");
  if (inBody !== undefined && inBody !== key)
    return fail("bad_message", "Idempotency-Key and clientId are the same thing: give one of them");
  return ok(key);
}

export const messageRoutes: ApiPlugin = (app, { core }) => {
  app.post(
    "/messages",
    {
      bodyLimit: core.limits.maxFrameBytes,
      config: { access: "person" },
      schema: {
        operationId: "sendMessage",
        tags: ["messages"],
        summary: "Send a message",
        description:
          "Answers when the message is on disk (or as durable as asked). Sent again with the same Idempotency-Key, it is stored once, and the answer names the first one's id and positions.",
        headers: Type.Object({
          "idempotency-key": Type.Optional(
            Type.String({ description: "the message's clientId: what a repeat is recognised by" }),
          ),
        }),
        body: Send,
        response: {
          201: { description: "Stored.", content: { "application/json": { schema: Sent } } },
          ...problems([
            "bad_json",
            "bad_utf8",
            "bad_name",
            "not_member",
            "unknown_user",
            "unknown_room",
            "too_large",
            "frame_too_large",
            "client_id_reused",
            "too_many",
            "inbox_full",
            "bad_content_type",
          ]),
        },
      },
    },
    async ({ actor, body, headers }, reply) => {
      const key = clientIdOf(headers["idempotency-key"], body.clientId);
      if (!key.ok) return refuse(reply, key.fault);
      const posted = await core.post(
        actor,
        { ...body, ...(key.value === undefined ? {} : { clientId: key.value }) },
        gatewayName,
      );
      if (!posted.ok) return refuse(reply, posted.fault);
      const { op: _, positions = [], ...sent } = posted.value;
      // What comes as positions are the entries, with the messages in them.
      const places = positions.map(({ log, epoch, seq }) => ({ log, epoch, seq }));
      return reply.code(201).send({ ...sent, positions: places });
    },
  );
};
