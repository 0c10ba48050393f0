/**
 * Socket.IO as a load generator speaks it: its protocol v5 in packets of Engine.IO v4 (socket.io/docs, "The Socket.IO protocol"),
 * over WebSocket from the beginning.
 */
import { copied, type Dialect } from "./dialect.ts";
import { type Judge, upgrade, webSocket } from "./framing.ts";
import { Link } from "./link.ts";

/** `2` is a ping, `42[…]` an event; every event here is a message from somebody. */
const [ping, packet] = Buffer.from("24");
const pong = webSocket.frame("3");

function judge(onPing: () => void): Judge {
  return (bytes, start, end) => {
    if (bytes[start] === packet && bytes[start + 1] === ping) return "delivery";
    if (bytes[start] === ping && end === start + 1) {
      onPing();
      return "other";
    }
    throw new Error(`the server says ${bytes.toString("latin1", start, end)}`);
  };
}

export const socketIo: Dialect = {
  freedBy: "delivery",
  async join(port, user, events) {
    const link = await Link.open(port);
    await upgrade(link, "/socket.io/?EIO=4&transport=websocket");
    const joined = link.expect((text) => (text.includes("40{") ? true : undefined));
    link.send(webSocket.frame(`40{"user":"${user}"}`));
    await joined;
    const scan = webSocket.scanner(judge(() => link.send(pong)));
    link.count(scan, events);
    const sends = copied((to, body) => webSocket.frame(`42["message",{"to":"${to}","body":"${body}"}]`));
    return { link, sends };
  },
  room: async () => "bench",
};
