/** `peer-json` as a load generator speaks it. */
import { bodyEnd, type Dialect, repeated } from "./dialect.ts";
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

export const peerJson: Dialect = {
  freedBy: "delivery",
  async join(port, user, events) {
    const link = await Link.open(port);
    await upgrade(link, "/");
    // A login has no answer: a message to nobody comes back after it, and after what had waited.
    const loggedIn = link.expect((text) => (text.includes('"error":"peer nobody-') ? true : undefined));
    link.send(webSocket.frame(JSON.stringify({ login: user })));
    link.send(webSocket.frame(JSON.stringify({ from: user, to: `nobody-${user}`, msg: "" })));
    await loggedIn;
    link.count(webSocket.scanner(judge), events);
    const sends = repeated((to, body) => webSocket.frame(`{"from":"${user}","to":"${to}","msg":"${body}"}`));
    return { link, sends };
  },
  room: joinRoom,
};
