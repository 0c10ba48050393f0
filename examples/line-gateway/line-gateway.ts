/**
 * A gateway in a hundred lines, for `nc` and `telnet`, on what all gateways share (CONTRIBUTING.md, "Add a gateway"): the
 * first line is one's name (or token, where the server wants one), every other is said in #lobby; `@NAME text` goes to one person alone.
 *
 * Frames end with a delimiter, the byte 0x0A, and that has its price against a length in front:
 * - A line cannot hold its own delimiter. What others say in several lines comes with a visible `\n` instead, and nothing
 *   with several lines can be said. Bytes that are not text cannot be sent at all: they come in base64.
 * - Nobody knows how long a line will be before it ends, so there has to be a limit, and every byte has to be looked at.
 * In return a line that cannot be read does not end the connection: the next one begins behind the next delimiter.
 */
import { isUtf8 } from "node:buffer";
import type { Socket } from "node:net";
import {
  type Entry,
  encodeOne,
  type Framing,
  type GatewayContext,
  listenTcp,
  Participant,
  render,
  type Speech,
  type StartGateway,
  tcpWire,
} from "@parley/server";

const name = "line";
const room = "#lobby";
const maxLineBytes = 4096;

/** Nothing stands before a frame: its delimiter is the end of its text. */
const lines: Framing = { headerBytes: () => 0, writeHeader: () => {} };

/** One line. Control characters are made visible: they would end it, or do something to the reader's terminal. */
function line(from: string, text: string): string {
  const code = (char: string) => (char === "\n" ? "\\n" : `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return `${from}: ${text.replace(/\p{Cc}/gu, code)}\n`;
}

function encode(entry: Entry): string {
  const { from, to, text, isRoom } = render(entry);
  return line(isRoom ? from : `${from} to ${to}`, text);
}
const encodeShared = (entry: Entry) => encodeOne(encode(entry), lines);

/** Serves lines on `port`; 0 takes a free one. */
export function lineGateway(port: number): StartGateway {
  return async (context) => {
    const peers = new Set<Participant>();
    const { url, stop } = await listenTcp({ ...context, name, port }, (socket) => accept(socket, context, peers));
    const stopAll = () => {
      for (const peer of peers) peer.stop();
      return stop();
    };
    return { name, listeners: [{ url, purpose: "chat in lines of text: nc" }], stop: stopAll };
  };
}

function accept(socket: Socket, { core, maxOutboxBytes, log }: GatewayContext, peers: Set<Participant>): void {
  let rest: Buffer = Buffer.alloc(0);
  let tooLong = false;
  const say = (text: string): undefined => void peer.say(line("server", text));
  const logIn = async (asked: string) => {
    const result = await peer.login(core.openLogin ? { user: asked } : { token: asked }, {
      prepare: async (actor) => void (await core.join(actor, room)),
      beforeStart: ({ user }) => say(`you are ${user.name}; say something, or @NAME something`),
    });
    if (!result.ok) say(result.fault.message);
  };
  const carryOut = (text: string): Promise<void> | undefined => {
    if (!peer.session) return logIn(text);
    const [, to = room, body = text] = /^@(\S+) (.*)$/s.exec(text) ?? [];
    peer.handle({ op: "send", to, body, copy: false });
  };
  const data = (chunk: Buffer) => {
    if (tooLong) return;
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf("\n"); end >= 0 && end <= maxLineBytes; end = rest.indexOf("\n")) {
      const bytes = rest.subarray(0, end);
      rest = rest.subarray(end + 1);
      const text = isUtf8(bytes) ? bytes.toString().replace(/\r$/, "") : undefined;
      peer.tasks.run(() => (text === undefined ? say("this line is not UTF-8") : carryOut(text)));
    }
    tooLong = rest.length > maxLineBytes;
    if (tooLong) peer.tasks.run(() => void peer.close("frame_too_large", `a line is at most ${maxLineBytes} bytes`));
  };
  const events = { data, drained: () => peer.drained(), gone: () => peer.gone() };
  const wire = tcpWire(socket, { gateway: name, framing: lines, maxOutboxBytes }, events);
  const speech: Speech = {
    encode,
    shared: encodeShared,
    told: (event) => event.op === "error" && say(event.message),
    closing: (_, reason) => say(reason),
  };
  const peer = new Participant(core, wire, speech, log);
  peers.add(peer);
  socket.once("close", () => peers.delete(peer));
  say("who are you?");
}
