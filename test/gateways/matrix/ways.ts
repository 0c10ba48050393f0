/**
 * The seven ways in, as people use them: each comes under a name, says something to an address, hears what it is told,
 * goes and comes back. The inherited protocols are spoken in raw bytes. What a protocol cannot do is said here, once.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createClient } from "@parley/client";
import { nodeTransport } from "@parley/client/node";
import { encodeFrame, FrameDecoder } from "@parley/protocol";
import WebSocket from "ws";

/** Where the server listens. */
export interface Ports {
  readonly http: number;
  readonly tcp: number;
  readonly peerJson: number;
  readonly framedTcp: number;
  readonly deviceText: number;
  readonly udp: number;
}

export interface Heard {
  /** Undefined where the protocol does not tell. */
  readonly from: string | undefined;
  readonly body: string;
}

/** One connection of somebody. */
export interface Presence {
  /** The user's name for all other ways in. */
  readonly name: string;
  say(to: string, body: string): Promise<void>;
  leave(): Promise<void>;
  /** What it hears by, where it can stop reading. */
  readonly socket?: { pause(): void; resume(): void };
}

export type Hear = (heard: Heard) => void;

export interface Way {
  readonly name: string;
  /** Comes as `name`, or as whoever the protocol makes of it. What it hears goes to `hear`, in order. */
  arrive(ports: Ports, name: string, hear: Hear): Promise<Presence>;
  /** Another way in by which its users come back, where ids of its own are never given out again. */
  readonly returnsBy?: Way;
  /** Whether what it hears comes on a stream of raw bytes, which it may leave unread. */
  readonly isStream: boolean;
  /** Whether a message comes with its sender's name. */
  readonly tellsSender: boolean;
  /** Whether a user who is away can be written to. */
  readonly writesToAbsent: (to: Way) => boolean;
}

/** The room that all of them can be in. */
export const room = "#lobby";

const host = "127.0.0.1";
const always = () => true;

const settled = (milliseconds = 150) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Makes a user a member: rooms are joined by the native protocol, whatever else the user speaks. */
export async function joinRoom({ tcp }: Ports, user: string): Promise<void> {
  const client = createClient({ url: `tcp://127.0.0.1:${tcp}`, user, transport: nodeTransport() });
  await client.connect();
  await client.join(room);
  await client.close();
}

async function openWebSocket(url: string, onText: (text: string) => void): Promise<WebSocket> {
  const socket = new WebSocket(url);
  socket.on("message", (data) => onText(data.toString()));
  await once(socket, "open");
  return socket;
}

async function closeWebSocket(socket: WebSocket): Promise<void> {
  if (socket.readyState === WebSocket.CLOSED) return;
  const closed = once(socket, "close");
  socket.close();
  await closed;
}

function native(name: string, urlOf: (ports: Ports) => string): Way {
  return {
    name,
    isStream: false,
    tellsSender: true,
    writesToAbsent: always,
    arrive: async (ports, user, hear) => {
      const client = createClient({ url: urlOf(ports), user, device: "matrix", transport: nodeTransport() });
      client.on("message", ({ from, body }) => hear({ from, body: body.toString() }));
      await client.connect();
      return {
        name: user,
        say: async (to, body) => void (await client.send(to, body)),
        leave: () => client.close(),
      };
    },
  };
}

const nativeWebSocket = native("native-websocket", ({ http }) => `ws://${host}:${http}`);
const nativeTcp = native("native-tcp", ({ tcp }) => `tcp://${host}:${tcp}`);

const peerJson: Way = {
  name: "peer-json",
  isStream: true,
  tellsSender: true,
  writesToAbsent: always,
  arrive: async ({ peerJson: port }, name, hear) => {
    const socket = await openWebSocket(`ws://${host}:${port}/`, (text) => {
      const { from, msg } = JSON.parse(text) as { from?: string; msg?: string };
      if (msg !== undefined) hear({ from, body: msg });
    });
    socket.send(JSON.stringify({ login: name }));
    await settled();
    return {
      name,
      socket,
      say: async (to, msg) => socket.send(JSON.stringify({ from: name, to, msg })),
      leave: () => closeWebSocket(socket),
    };
  },
};

const push: Way = {
  name: "push",
  isStream: true,
  tellsSender: false,
  writesToAbsent: always,
  arrive: async ({ http: port }, name, hear) => {
    const origin = `http://${host}:${port}`;
    const ask = async (path: string, token: string | undefined, body: object) => {
      const headers: HeadersInit = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await fetch(origin + path, { method: "POST", headers, body: JSON.stringify(body) });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return (await response.json()) as { token: string };
    };
    const app = (await ask("/token", undefined, { username: name })).token;
    const { token } = await ask("/ws/token", app, {});
    const url = `ws://${host}:${port}/ws?authorization=${token}`;
    const socket = await openWebSocket(url, (body) => hear({ from: undefined, body }));
    return {
      name,
      socket,
      say: async (username, content) => void (await ask("/message", app, { username, content })),
      leave: () => closeWebSocket(socket),
    };
  },
};

const framedTcp: Way = {
  name: "framed-tcp",
  isStream: true,
  tellsSender: true,
  writesToAbsent: always,
  arrive: async ({ framedTcp: port }, name, hear) => {
    const socket = connect({ port, host });
    await once(socket, "connect");
    const frame = (payload: object) => socket.write(encodeFrame(Buffer.from(JSON.stringify(payload))));
    const decoder = new FrameDecoder(1 << 24, (payload) => {
      const { type, username, text } = JSON.parse(Buffer.from(payload).toString()) as Record<string, string>;
      if (type === "chat") hear({ from: username, body: text ?? "" });
    });
    socket.on("data", (chunk) => decoder.push(chunk));
    frame({ type: "command", cmd: "/rename", value: name });
    await settled();
    return {
      name,
      socket,
      say: async (to, text) => {
        if (to === room) frame({ type: "chat", username: name, text });
        else frame({ type: "command", cmd: "/msg", value: `${to} ${text}` });
      },
      leave: () => closeSocket(socket),
    };
  },
};

async function closeSocket(socket: Socket): Promise<void> {
  if (socket.closed) return;
  socket.on("error", () => {});
  const closed = once(socket, "close");
  socket.destroy();
  await closed;
}

/** Ids are given out once: who was away comes back by another way. */
const deviceText: Way = {
  name: "device-text",
  isStream: true,
  tellsSender: true,
  returnsBy: nativeTcp,
  // A numeric id has to be connected.
  writesToAbsent: (to) => to !== deviceText,
  arrive: async ({ deviceText: port }, _, hear) => {
    const greeted = Promise.withResolvers<string>();
    const socket = await openWebSocket(`ws://${host}:${port}/`, (text) => {
      const greeting = /^Your ID: (\d+)\n/.exec(text);
      if (greeting) return greeted.resolve(greeting[1] as string);
      const colon = text.indexOf(":");
      if (colon > 0) hear({ from: text.slice(0, colon), body: text.slice(colon + 1) });
    });
    return {
      name: await greeted.promise,
      socket,
      say: async (to, body) => socket.send(`send,${to},${body}`),
      leave: () => closeWebSocket(socket),
    };
  },
};

const udpAgent: Way = {
  name: "udp-agent",
  isStream: false,
  tellsSender: true,
  writesToAbsent: always,
  arrive: async ({ udp: port }, name, hear) => {
    const socket = createSocket("udp4");
    socket.on("message", (bytes) => {
      const { message_id: id, message_content: content } = JSON.parse(bytes.toString()) as {
        message_id: string;
        message_content: { sender_username?: string; message_text?: string };
      };
      const { sender_username: from, message_text: body } = content;
      if ((id === "receive_message" || id === "group_message") && from !== "broker" && body !== undefined)
        hear({ from, body });
    });
    socket.bind(0, host);
    await once(socket, "listening");
    const send = (id: string, content: object) =>
      socket.send(
        JSON.stringify({ message_id: id, message_content: { sender_username: name, ...content } }),
        port,
        host,
      );
    send("log_in", { sender_port: socket.address().port });
    await settled();
    return {
      name,
      say: async (to, message_text) => {
        if (to === "*") send("broadcast_message", { message_text });
        else if (to === room) send("group_message", { group_name: room.slice(1), message_text });
        else send("send_message", { receiver_username: to, message_text });
      },
      leave: async () => {
        send("log_out", {});
        await settled();
        socket.close();
        await once(socket, "close");
      },
    };
  },
};

export const ways: readonly Way[] = [nativeWebSocket, nativeTcp, peerJson, push, framedTcp, deviceText, udpAgent];
