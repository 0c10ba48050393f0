/** `framed-tcp` as a load generator speaks it: structured payloads, `/msg` to one, a chat line to the lobby. */
import { bodyEnd, copied, type Dialect } from "./dialect.ts";
import { type Judge, lengthPrefixed } from "./framing.ts";
import { Link } from "./link.ts";

const lobby = "#lobby";
const { frame, scanner } = lengthPrefixed;
const [quote] = Buffer.from('"');

/** A chat line has `"type":"chat"`, and the body's end before a quote; lines of the server have neither. */
const typeAt = '{"type":"'.length;
const [c] = Buffer.from("c");
const privately = ',"private":true}'.length;

const judge: Judge = (bytes, start, end) => {
  if (bytes[start + typeAt] !== c) return "other";
  const ends = (at: number) => bytes[at] === quote && bytes[at - 1] === bodyEnd;
  return ends(end - privately - 1) || ends(end - 2) ? "delivery" : "other";
};

function rename(user: string): Buffer {
  return frame(`{"type":"command","cmd":"/rename","value":"${user}"}`);
}

export const framedTcp: Dialect = {
  freedBy: "delivery",
  async join(port, user, events) {
    const link = await Link.open(port);
    const renamed = link.expect((text) => (text.includes(`you are now ${user}"`) ? true : undefined));
    link.send(rename(user));
    await renamed;
    link.count(scanner(judge), events);
    const sends = copied((to, body) =>
      frame(
        to === lobby
          ? `{"type":"chat","username":"${user}","text":"${body}"}`
          : `{"type":"command","cmd":"/msg","value":"${to} ${body}"}`,
      ),
    );
    return { link, sends };
  },
  async comeBack(port, user, events) {
    const link = await Link.open(port);
    link.count(scanner(judge), events);
    link.send(rename(user));
    return link;
  },
  room: async () => lobby,
};
