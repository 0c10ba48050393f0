/** `parley.v1` as a load generator speaks it, over either carrier: each message with a `clientId`, acknowledged by its receiver. */
import { bodyOf, type Dialect } from "./dialect.ts";
import { type Carrier, type Judge, lengthPrefixed, upgrade, webSocket } from "./framing.ts";
import { Link, type LinkEvents, type OnMessage } from "./link.ts";

/** Where events differ: `{"op":"ok"`, `{"op":"message"`, `{"op":"error"`, `{"op":"live"`. */
const opAt = '{"op":"'.length;
const [m, o, e] = Buffer.from("moe");

const judge: Judge = (bytes, start, end) => {
  const first = bytes[start + opAt];
  if (first === m) return "delivery";
  if (first === o) return "answer";
  if (first === e) throw new Error(`the server says ${bytes.toString("latin1", start, end)}`);
  return "other";
};

export interface NativeOptions {
  readonly carrier: "tcp" | "ws";
  readonly durability: "fsync" | "memory";
}

const runId = Date.now().toString(36);
let lastLink = 0;

/** Logs in; resolves when the session is live. */
async function hello(carrier: NativeOptions["carrier"], port: number, user: string): Promise<Link> {
  const link = await Link.open(port);
  if (carrier === "ws") await upgrade(link, "/v1/ws", "parley.v1");
  const live = link.expect((text) => (text.includes('{"op":"live"') ? true : undefined));
  link.send(carrierOf(carrier).frame(JSON.stringify({ op: "hello", user, device: "bench" })));
  await live;
  return link;
}

function carrierOf(carrier: NativeOptions["carrier"]): Carrier {
  return carrier === "ws" ? webSocket : lengthPrefixed;
}

export function native({ carrier, durability }: NativeOptions): Dialect {
  const { frame, scanner } = carrierOf(carrier);
  const asked = durability === "memory" ? ',"durability":"memory"' : "";
  return {
    freedBy: "answer",
    async join(port, user, events) {
      const link = await hello(carrier, port, user);
      link.count(scanner(judge), acknowledging(link, frame, events));
      const prefix = `${runId}-${lastLink++}-`;
      let id = 0;
      const body = bodyOf(0);
      return {
        link,
        sends(to, count, given = body) {
          const end = `","to":"${to}","body":"${given}"${asked}}`;
          const frames: Buffer[] = [];
          for (let i = 0; i < count; i++) frames.push(frame(`{"op":"send","clientId":"${prefix}${id++}${end}`));
          return Buffer.concat(frames);
        },
      };
    },
    room: joinRoom,
  };
}

/** Acknowledges each read's messages, of each log the last: what a client does that handles them at once. */
function acknowledging(link: Link, frame: Carrier["frame"], events: LinkEvents): LinkEvents {
  const last = new Map<string, string>();
  const onMessage: OnMessage = (bytes, start, end) => {
    // `{"op":"message","log":"…","seq":…,`
    const head = bytes.toString("latin1", start, Math.min(end, start + 120));
    const logAt = head.indexOf('"log":') + 7;
    const logEnd = head.indexOf('"', logAt);
    const seqAt = head.indexOf('"seq":', logEnd) + 6;
    last.set(head.slice(logAt, logEnd), head.slice(seqAt, head.indexOf(",", seqAt)));
    events.onMessage?.(bytes, start, end);
  };
  return {
    onMessage,
    heard: (from, heard) => {
      for (const [log, seq] of last) link.send(frame(`{"op":"ack","log":"${log}","seq":${seq}}`));
      last.clear();
      events.heard(from, heard);
    },
  };
}

/** Makes the users members of a room, each by a connection of its own over native TCP that ends then. */
export async function joinRoom(
  users: readonly string[],
  { tcp = 0 }: Readonly<Record<string, number>>,
): Promise<string> {
  const room = "#bench";
  for (const user of users) {
    const link = await hello("tcp", tcp, user);
    const joined = link.expect((text) => (/"ref":"join"/.test(text) ? text : undefined));
    link.send(lengthPrefixed.frame(JSON.stringify({ op: "join", room, ref: "join" })));
    const answer = await joined;
    if (answer.includes('"op":"error"')) throw new Error(answer);
    link.close();
  }
  return room;
}
