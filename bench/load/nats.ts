/**
 * NATS as a load generator speaks it (docs.nats.io, "Client protocol"): core, where a message is handed to who subscribes, and
 * JetStream, where a message is stored in a stream and its publisher answered.
 */
import { type Conversation, copied, type Dialect } from "./dialect.ts";
import { natsScanner } from "./lines.ts";
import { Link, type LinkEvents } from "./link.ts";

const room = "bench.room";
const pong = Buffer.from("PONG\r\n");

async function open(port: number, subjects: readonly string[], events: LinkEvents): Promise<Link> {
  const link = await Link.open(port);
  const connected = link.expect((text) => (text.includes("PONG\r\n") ? true : undefined));
  const subscriptions = subjects.map((subject, index) => `SUB ${subject} ${index + 1}\r\n`).join("");
  link.send(Buffer.from(`CONNECT {"verbose":false,"pedantic":false,"echo":false}\r\n${subscriptions}PING\r\n`));
  await connected;
  link.count(
    natsScanner(() => link.send(pong)),
    events,
  );
  return link;
}

function publishing(reply: string): Conversation["sends"] {
  return copied((to, body) => Buffer.from(`PUB ${to}${reply} ${body.length}\r\n${body}\r\n`));
}

/** Receivers subscribe to their names and the room; nothing is stored. */
export const natsCore: Dialect = {
  freedBy: "delivery",
  async join(port, user, events) {
    return { link: await open(port, [user, room], events), sends: publishing("") };
  },
  room: async () => room,
};

const stream = "BENCH";

/** Publishers with an inbox for answers; nobody consumes. The stream, in files, is made if it is not there. */
export function jetStream(): Dialect {
  let made: Promise<void> | undefined;
  return {
    freedBy: "answer",
    async join(port, user, events) {
      made ??= makeStream(port);
      await made;
      const inbox = `_INBOX.${user}`;
      const sends = publishing(` ${inbox}`);
      return { link: await open(port, [inbox], events), sends: (to, count, body) => sends(`js.${to}`, count, body) };
    },
    room: async () => `js.${room}`,
  };
}

async function makeStream(port: number): Promise<void> {
  const link = await Link.open(port);
  const answered = link.expect((text) => (/MSG _INBOX.*\r\n.*\r\n/s.test(text) ? text : undefined));
  const config = JSON.stringify({
    name: stream,
    subjects: ["js.>"],
    storage: "file",
    retention: "limits",
    num_replicas: 1,
  });
  link.send(
    Buffer.from(
      `CONNECT {"verbose":false}\r\nSUB _INBOX.make 1\r\nPUB $JS.API.STREAM.CREATE.${stream} _INBOX.make ${config.length}\r\n${config}\r\n`,
    ),
  );
  const answer = await answered;
  // Made by an earlier run on the same server: error 10058, the name is in use.
  if (answer.includes('"error"') && !answer.includes("10058")) throw new Error(answer);
  link.close();
}
