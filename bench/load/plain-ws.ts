/** The relay of `targets/ws-server.ts` as a load generator speaks it: a login, then `{"to":…,"body":…}`. */
import { copied, type Dialect } from "./dialect.ts";
import { type Judge, upgrade, webSocket } from "./framing.ts";
import { Link } from "./link.ts";

const judge: Judge = () => "delivery";

export const plainWs: Dialect = {
  freedBy: "delivery",
  async join(port, user, events) {
    const link = await Link.open(port);
    await upgrade(link, "/");
    const welcome = link.expect((text) => (text.includes('{"welcome"') ? true : undefined));
    link.send(webSocket.frame(`{"login":"${user}"}`));
    await welcome;
    link.count(webSocket.scanner(judge), events);
    return { link, sends: copied((to, body) => webSocket.frame(`{"to":"${to}","body":"${body}"}`)) };
  },
  room: async () => "bench",
};
