/** `parley.v1` as a load generator speaks it, over either carrier: each message with a `clientId`, acknowledged by its receiver. */
import { copied, type Dialect, type Numbering } from "./dialect.ts";
import { type Carrier, type Judge, lengthPrefixed, upgrade, webSocket } from "./framing.ts";
import { Link, type LinkEvents, type OnMessage } from "./link.ts";
import { inParallel } from "./timing.ts";

/** Where events differ: `{"op":"ok"`, `{"op":"message"`, `{"op":"error"`, `{"op":"live"`. */
const opAt = '{"op":"'.length;
const [m, o, e, quote] = Buffer.from('moe"');

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
  /** Distinguishes the `clientId`s of this run. */
  readonly run: string;
}

const carriers: Readonly<Record<NativeOptions["carrier"], Carrier>> = { ws: webSocket, tcp: lengthPrefixed };

async function open(carrier: NativeOptions["carrier"], port: number): Promise<Link> {
  const link = await Link.open(port);
  if (carrier === "ws") await upgrade(link, "/v1/ws", "parley.v1");
  return link;
}

const helloOf = (user: string) => `{"op":"hello","user":"${user}","device":"bench"}`;

/** Logs in; resolves when the session is live. */
async function hello(carrier: NativeOptions["carrier"], port: number, user: string): Promise<Link> {
  const link = await open(carrier, port);
  const live = link.expect((text) => (text.includes('{"op":"live"') ? true : undefined));
  link.send(carriers[carrier].frame(helloOf(user)));
  await live;
  return link;
}

const idDigits = 9;

export function native({ carrier, durability, run }: NativeOptions): Dialect {
  const { frame, scanner } = carriers[carrier];
  const asked = durability === "memory" ? ',"durability":"memory"' : "";
  return {
    freedBy: "answer",
    async join(port, user, events) {
      const link = await hello(carrier, port, user);
      link.count(scanner(judge), acknowledging(link, frame, events));
      const prefix = `{"op":"send","clientId":"${run}-`;
      const build = (to: string, body: string) =>
        frame(`${prefix}${"0".repeat(idDigits)}","to":"${to}","body":"${body}"${asked}}`);
      let id = 0;
      const numbering: Numbering = {
        find: (message) => message.indexOf(prefix) + prefix.length,
        write(bytes, at) {
          id += 1;
          let rest = id;
          for (let digit = at + idDigits - 1; rest > 0; digit--) {
            bytes[digit] = 0x30 + (rest % 10);
            rest = Math.trunc(rest / 10);
          }
        },
      };
      return { link, sends: copied(build, numbering) };
    },
    async comeBack(port, user, events) {
      const link = await open(carrier, port);
      link.count(scanner(judge), acknowledging(link, frame, events));
      link.send(frame(helloOf(user)));
      return link;
    },
    room: joinRoom,
  };
}

const logAt = '{"op":"message","log":"'.length;
const seqAfter = '","seq":'.length;

/** Acknowledges each read's messages, of each log the last: what a client does that handles them at once. */
function acknowledging(link: Link, frame: Carrier["frame"], events: LinkEvents): LinkEvents {
  /** The few logs that this user reads, with the last seq that is not acknowledged yet; 0: there is none. */
  const logs: { readonly name: Buffer; seq: number }[] = [];
  const onMessage: OnMessage = (bytes, start, end) => {
    const from = start + logAt;
    let log = logs.find(
      ({ name }) => bytes[from + name.length] === quote && name.equals(bytes.subarray(from, from + name.length)),
    );
    if (!log) {
      log = { name: Buffer.from(bytes.subarray(from, bytes.indexOf(quote as number, from))), seq: 0 };
      logs.push(log);
    }
    let seq = 0;
    for (let at = from + log.name.length + seqAfter; ; at++) {
      const digit = (bytes[at] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      seq = seq * 10 + digit;
    }
    log.seq = seq;
    events.onMessage?.(bytes, start, end);
  };
  return {
    onMessage,
    heard: (from, heard) => {
      for (const log of logs) {
        if (log.seq === 0) continue;
        link.send(frame(`{"op":"ack","log":"${log.name.toString("latin1")}","seq":${log.seq}}`));
        log.seq = 0;
      }
      events.heard(from, heard);
    },
  };
}

/** Makes the users members of a room, each by a connection of its own over native TCP that ends then. */
export async function joinRoom(
  room: string,
  users: readonly string[],
  ports: Readonly<Record<string, number>>,
): Promise<string> {
  await inParallel(users.length, async (index) => {
    const link = await hello("tcp", ports["native-tcp"] ?? 0, users[index] as string);
    const joined = link.expect((text) => (text.includes('"ref":"join"') ? text : undefined));
    link.send(lengthPrefixed.frame(`{"op":"join","room":"${room}","ref":"join"}`));
    const answer = await joined;
    if (answer.includes('"op":"error"')) throw new Error(answer);
    link.close();
  });
  return room;
}
