/** `peer-json` as a load generator speaks it. */
import { bodyEnd, copied, type Dialect } from "./dialect.ts";
import { type Judge, upgrade, webSocket } from "./framing.ts";
import { Link } from "./link.ts";
import { joinRoom } from "./native.ts";

const fromAt = '{"'.length;
const fromByte = "f".charCodeAt(0);
const tail = '"}'.length;

/** `{"from":…}` is a message; the only other thing that a peer hears is an error, which none of these sends deserves. */
const judge: Judge = (bytes, start, end) => {
  if (bytes[start + fromAt] === fromByte && bytes[end - tail - 1] === bodyEnd) return "delivery";
  const text = bytes.toString("latin1", start, end);
  if (text.includes('"stored":true')) return "answer";
  throw new Error(`the server says ${text}`);
};

async function open(port: number): Promise<Link> {
  const link = await Link.open(port);
  await upgrade(link, "/");
  return link;
}

const login = (user: string) => webSocket.frame(`{"login":"${user}"}`);

export const peerJson: Dialect = {
  freedBy: "delivery",
  async join(port, user, events) {
    const link = await open(port);
    // A login has no answer: a message to nobody comes back after it, and after what had waited.
    const loggedIn = link.expect((text) => (text.includes('"error":"peer nobody-') ? true : undefined));
    link.send(login(user));
    link.send(webSocket.frame(`{"from":"${user}","to":"nobody-${user}","msg":""}`));
    await loggedIn;
    link.count(webSocket.scanner(judge), events);
    const sends = copied((to, body) => webSocket.frame(`{"from":"${user}","to":"${to}","msg":"${body}"}`));
    return { link, sends };
  },
  async comeBack(port, user, events) {
    const link = await open(port);
    link.count(webSocket.scanner(judge), events);
    link.send(login(user));
    return link;
  },
  room: joinRoom,
};
