/**
 * Every way in, as somebody with a token uses it: in raw bytes, and with all that the server says kept as text. What a
 * protocol has no words for is left out.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { TestContext } from "node:test";
import WebSocket from "ws";
import { ChatPeer, command } from "../gateways/framed-tcp/chat-peer.ts";
import { ask } from "../gateways/push/push-client.ts";
import { RawAgent } from "../gateways/udp-agent/raw-agent.ts";
import { RawSession } from "../support/raw-session.ts";
import { TextPeer } from "../support/text-peer.ts";
import type { TokenServer } from "./token-server.ts";

/** Somebody who came in, or stands at the door. */
export interface Visitor {
  /** All that the server has said since `forget`. */
  told(): readonly string[];
  send(to: string, body: string): void | Promise<void>;
  /** The same in somebody else's name. */
  sendAs?(name: string, to: string, body: string): void | Promise<void>;
  /** The answer's text. */
  join?(room: string): Promise<string>;
  history?(log: string): Promise<string>;
  watch?(users: readonly string[] | undefined): Promise<string>;
  /** Names that it is shown. */
  sees?(): Promise<readonly string[]>;
  /** Resolves when the server has ended the connection, with the WebSocket close code where there is one. */
  ended(): Promise<number | undefined>;
}

export interface Door {
  readonly name: string;
  /** Whether a text of the server refuses something. */
  isRefusal(text: string): boolean;
  /** Comes in; without a token stays at the door. Rejects where it is not let in. */
  enter(t: TestContext, server: TokenServer, name: string, token: string | undefined): Promise<Visitor>;
}

const host = "127.0.0.1";

/** Looks until `find` finds something. */
export async function until<T>(find: () => T | undefined | false, what: string, patienceMs = 8_000): Promise<T> {
  for (const end = Date.now() + patienceMs; ; ) {
    const found = find();
    if (found !== undefined && found !== false) return found;
    assert.ok(Date.now() < end, `waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

type Write = (message: object) => void;

/** `parley.v1` over a carrier that writes one message and collects texts. */
function nativeVisitor(write: Write, told: string[], ended: Visitor["ended"]): Visitor {
  let count = 0;
  const asked = async (message: object): Promise<string> => {
    const ref = `r${++count}`;
    write({ ...message, ref });
    return until(() => told.find((text) => text.includes(`"ref":"${ref}"`)), `an answer to ${JSON.stringify(message)}`);
  };
  return {
    told: () => told,
    send: (to, body) => write({ op: "send", to, body }),
    join: (room) => asked({ op: "join", room }),
    history: (log) => asked({ op: "history", log }),
    watch: (users) => asked({ op: "watch", ...(users ? { users } : {}) }),
    sees: async () => {
      const { users } = JSON.parse(await asked({ op: "users" })) as { users: { user: string; online: boolean }[] };
      return users.filter(({ online }) => online).map(({ user }) => user);
    },
    ended,
  };
}

const isNativeRefusal = (text: string) => text.includes('"op":"error"');

const nativeTcp: Door = {
  name: "native-tcp",
  isRefusal: isNativeRefusal,
  enter: async (t, { tcp }, user, token) => {
    const session = await RawSession.connect(tcp);
    t.after(() => session.close());
    const told: string[] = [];
    if (token !== undefined) {
      session.send({ op: "hello", user, token });
      await session.next("welcome");
    }
    session.onMessage((message) => told.push(JSON.stringify(message)));
    const write: Write = (message) => session.sendText(JSON.stringify(message));
    return nativeVisitor(write, told, async () => void (await session.ended()));
  },
};

const nativeWebSocket: Door = {
  name: "native-websocket",
  isRefusal: isNativeRefusal,
  enter: async (t, { http }, user, token) => {
    const socket = new WebSocket(`ws://${host}:${http}/v1/ws`, "parley.v1");
    t.after(() => socket.terminate());
    const told: string[] = [];
    const closed = once(socket, "close");
    socket.on("message", (data) => told.push(data.toString()));
    await once(socket, "open");
    const write: Write = (message) => socket.send(JSON.stringify(message));
    if (token !== undefined) {
      write({ op: "hello", user, token });
      await until(() => told.some((text) => text.includes('"op":"welcome"')), "welcome");
    }
    return nativeVisitor(write, told, async () => (await closed)[0]);
  },
};

/** Keeps what a peer of texts is told. */
function listen(peer: { take(): string[] }): () => readonly string[] {
  const told: string[] = [];
  return () => {
    told.push(...peer.take());
    return told;
  };
}

const peerJson: Door = {
  name: "peer-json",
  isRefusal: (text) => text.includes('"error"') && !text.includes('"stored":true'),
  enter: async (t, { peerJson: port }, name, token) => {
    const peer = await TextPeer.connect(port);
    t.after(() => peer.link.cut());
    if (token !== undefined) {
      // A login is not answered; what comes after it is.
      peer.send(JSON.stringify({ login: name, token }), "{}");
      assert.match(await peer.next(), /expected/);
    }
    const told = listen(peer);
    const sendAs = (from: string, to: string, msg: string) => peer.send(JSON.stringify({ from, to, msg }));
    return {
      told,
      send: (to, msg) => sendAs(name, to, msg),
      sendAs,
      ended: async () => codeOf(await peer.ended()),
    };
  },
};

function codeOf({ code }: { readonly code?: number }): number | undefined {
  return code;
}

const push: Door = {
  name: "push",
  isRefusal: (text) => /^[45]\d\d: /.test(text),
  enter: async (t, { http }, name, token) => {
    const told: string[] = [];
    const post = async (path: string, bearer: string | undefined, body: object) => {
      const headers: Record<string, string> = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
      const answer = await ask(http, path, { headers, body: JSON.stringify(body) });
      if (answer.status !== 200) told.push(answer.body);
      return answer;
    };
    const appToken = async (username: string) => {
      const answer = await post("/token", token, { username });
      return answer.status === 200 ? (JSON.parse(answer.body) as { token: string }).token : undefined;
    };
    const send = async (bearer: string | undefined, username: string, content: string) =>
      void (await post("/message", bearer, { username, content }));
    if (token === undefined)
      return { told: () => told, send: (to, body) => send(undefined, to, body), ended: async () => undefined };
    const app = await appToken(name);
    assert.ok(app !== undefined, told.join());
    const { token: ticket } = JSON.parse((await post("/ws/token", app, {})).body) as { token: string };
    const socket = new WebSocket(`ws://${host}:${http}/ws?authorization=${ticket}`);
    t.after(() => socket.terminate());
    socket.on("message", (data) => told.push(data.toString()));
    const closed = once(socket, "close");
    await once(socket, "open");
    return {
      told: () => told,
      send: (to, body) => send(app, to, body),
      sendAs: async (other, to, body) => {
        const others = await appToken(other);
        if (others !== undefined) await send(others, to, body);
      },
      ended: async () => (await closed)[0],
    };
  },
};

const framedTcp: Door = {
  name: "framed-tcp",
  isRefusal: (text) => text.includes('"system"') && !/is offline|"you are (?!not)/.test(text),
  enter: async (t, { framedTcp: port }, name, token) => {
    const peer = await ChatPeer.connect(port);
    t.after(() => peer.socket.destroy());
    if (token !== undefined) {
      peer.send(command("/token", token));
      while (!(await peer.next()).includes(`"you are ${name}"`));
    }
    const told = listen(peer);
    return {
      told,
      send: (to, body) => peer.send(command("/msg", `${to} ${body}`)),
      sees: async () => {
        const before = told().length;
        peer.send(command("/list"));
        const isList = (text: string) => text.includes('"system"');
        const line = await until(() => told().slice(before).find(isList), "a list");
        return (JSON.parse(line) as { text: string }).text.split(", ");
      },
      ended: async () => void (await peer.untilEnded()),
    };
  },
};

const deviceAnswers = /^(Error reading the command|Invalid|Not a|Not allowed|Token|Temporarily|Message too long)/;

const deviceText: Door = {
  name: "device-text",
  isRefusal: (text) => deviceAnswers.test(text),
  enter: async (t, { deviceText: port }, name, token) => {
    const peer = await TextPeer.connect(port);
    t.after(() => peer.link.cut());
    if (token !== undefined) {
      peer.send(`token,${token}`);
      while (!(await peer.next()).startsWith(`Your ID: ${name}\n`));
    }
    const told = listen(peer);
    return {
      told,
      send: (to, body) => peer.send(`send,${to},${body}`),
      sees: async () => {
        const before = told().length;
        peer.send("help");
        const isInfo = (text: string) => text.startsWith("Your ID");
        const info = await until(() => told().slice(before).find(isInfo), "the list");
        return /\[(.*)\]/.exec(info)?.[1]?.split(", ") ?? [];
      },
      ended: async () => codeOf(await peer.ended()),
    };
  },
};

const udpAgent: Door = {
  name: "udp-agent",
  isRefusal: (text) => text.includes('"sender_username":"broker"') && !/is offline|group /.test(text),
  enter: async (t, { udp }, name, token) => {
    const agent = await RawAgent.open(t, name, udp);
    let session: string | undefined;
    if (token !== undefined) {
      agent.logIn({ token });
      const { id, content } = await agent.next();
      assert.equal(id, "acknowledge_log_in");
      session = String(content.session);
    }
    const told: string[] = [];
    const take = () => {
      told.push(...agent.received.splice(0).map(({ id, content }) => JSON.stringify({ id, content })));
      return told;
    };
    const say = (id: string, content: object) => void agent.say(id, { session, ...content });
    const answer = (id: string, content: object, wanted: RegExp) => {
      const before = take().length;
      say(id, content);
      const isWanted = (text: string) => wanted.test(text);
      return until(() => take().slice(before).find(isWanted), `an answer to ${id}`);
    };
    const sendAs = (sender: object, to: string, message_text: string) => {
      if (to === "*") say("broadcast_message", { message_text, ...sender });
      else say("send_message", { receiver_username: to, message_text, ...sender });
    };
    return {
      told: take,
      send: (to, body) => sendAs({}, to, body),
      sendAs: (sender_username, to, body) => sendAs({ sender_username }, to, body),
      join: async (room) => {
        const before = take().length;
        say("create_group", { group_name: room.slice(1), group_members: [] });
        // What is asked next is answered next; a group that was made is told to those who may read it.
        await answer("get_online_users", {}, /"online_users"/);
        return take().slice(before).find(udpAgent.isRefusal) ?? "";
      },
      sees: async () => {
        const list = await answer("get_online_users", {}, /"online_users"/);
        return (JSON.parse(list) as { content: { user_list: string[] } }).content.user_list;
      },
      ended: async () => undefined,
    };
  },
};

export const doors: readonly Door[] = [nativeTcp, nativeWebSocket, peerJson, push, framedTcp, deviceText, udpAgent];
