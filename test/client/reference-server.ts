/**
 * A small server of `parley.v1` for the client's own tests: real sockets, everything in memory, the simplest code that
 * keeps the protocol's promises. Tests script it through `intercept` and cut connections at will; its logs outlive both.
 * It refuses any frame that the protocol's validators refuse, so the client cannot get away with a wrong one.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import type { ClientMessage, Position, ServerMessages } from "@parley/protocol";
import { parseClientMessage } from "@parley/protocol/validate";
import { WebSocketServer } from "ws";
import { beginOverTcp, beginOverWebSocket, type Session, type SessionListener } from "./reference-session.ts";

type Message = ServerMessages["message"] & { readonly device: string };
type Send = Extract<ClientMessage, { op: "send" }>;

interface Log {
  epoch: string;
  /** First seq of `entries`. */
  entries: Message[];
}

export class ReferenceServer {
  readonly logs = new Map<string, Log>();
  readonly members = new Map<string, Set<string>>();
  readonly sessions = new Set<Session>();
  /** Everything the clients sent, in order. */
  readonly heard: ClientMessage[] = [];
  /** Frames that the validators refused. */
  readonly faults: string[] = [];
  window = 1024;
  maxFrameBytes = 2 ** 21;
  /** Sees each message first; returning true means that it was dealt with. */
  intercept: (message: ClientMessage, session: Session) => boolean = () => false;
  readonly #byClientId = new Map<string, object>();
  readonly #cursors = new Map<string, number>();
  #nextId = 1;
  #nextDevice = 1;
  #stop: (() => void)[] = [];
  #ports: { ws: number; tcp: number } | undefined;

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.#ports?.ws}`;
  }

  get tcpUrl(): string {
    return `tcp://127.0.0.1:${this.#ports?.tcp}`;
  }

  /** Listens; on the same ports as before, if it did before. */
  async start(): Promise<this> {
    const listener: SessionListener = {
      received: (text, session) => this.#received(text, session),
      gone: (session) => this.sessions.delete(session),
    };
    const ws = new WebSocketServer({ host: "127.0.0.1", port: this.#ports?.ws ?? 0, path: "/v1/ws" });
    ws.on("connection", (socket) => beginOverWebSocket(socket, listener));
    const tcp = createServer((socket) => beginOverTcp(socket, this.maxFrameBytes, listener));
    tcp.listen(this.#ports?.tcp ?? 0, "127.0.0.1");
    await Promise.all([once(ws, "listening"), once(tcp, "listening")]);
    this.#ports = { ws: (ws.address() as { port: number }).port, tcp: (tcp.address() as { port: number }).port };
    this.#stop = [() => ws.close(), () => tcp.close()];
    return this;
  }

  /** Stops listening and ends every connection without a word. */
  stop(): void {
    for (const stop of this.#stop) stop();
    this.#stop = [];
    for (const session of [...this.sessions]) session.cut();
  }

  log(name: string): Log {
    const log = this.logs.get(name) ?? { epoch: `epoch-${name.replace("#", "")}`, entries: [] };
    this.logs.set(name, log);
    return log;
  }

  /** Stores a message as if `from` had sent it from elsewhere, and delivers it. */
  post(log: string, body: string, from = "someone"): Message {
    const message = this.#store(log, { op: "send", to: log, body }, from, "elsewhere", `m${this.#nextId++}`);
    this.#deliver();
    return message;
  }

  #received(text: string, session: Session): void {
    if (session.isCut) return;
    const parsed = parseClientMessage(text);
    if (!parsed.ok) {
      this.faults.push(`${parsed.fault.message}: ${text.slice(0, 200)}`);
      session.tell({ op: "error", ...parsed.fault });
      return;
    }
    this.heard.push(parsed.value);
    if (!this.intercept(parsed.value, session)) this.#handle(parsed.value, session);
    this.#deliver();
  }

  #handle(message: ClientMessage, session: Session): void {
    switch (message.op) {
      case "hello":
        this.#hello(message, session);
        return;
      case "send":
        this.#send(message, session);
        return;
      case "ack": {
        session.acked.set(message.log, Math.max(message.seq, session.acked.get(message.log) ?? 0));
        this.#cursors.set(`${session.user}/${session.device} ${message.log}`, message.seq);
        return;
      }
      case "join": {
        const log = this.log(message.room);
        this.members.set(message.room, (this.members.get(message.room) ?? new Set()).add(session.user));
        if (!session.next.has(message.room)) session.next.set(message.room, log.entries.length + 1);
        session.tell({ op: "ok", ref: message.ref, positions: [position(message.room, log)] });
        return;
      }
      case "leave": {
        const wasMember = this.members.get(message.room)?.delete(session.user);
        session.next.delete(message.room);
        if (wasMember) session.tell({ op: "ok", ref: message.ref });
        else session.tell({ op: "error", ref: message.ref, code: "not_member", message: "not a member" });
        return;
      }
      case "history":
        this.#history(message, session);
        return;
      case "users":
        session.tell({ op: "presence", ref: message.ref, users: [{ user: session.user, online: true }] });
        return;
      case "rooms":
        session.tell({ op: "rooms", ref: message.ref, rooms: [] });
        return;
      case "watch":
        session.tell({ op: "ok", ref: message.ref });
        if (message.users)
          session.tell({ op: "presence", users: message.users.map((user) => ({ user, online: false })) });
        return;
      case "unwatch":
        session.tell({ op: "ok", ref: message.ref });
        return;
      case "ping":
        session.tell({ op: "pong", ref: message.ref, ts: 1 });
        return;
      case "bye":
        session.cut();
        return;
    }
  }

  #hello(message: Extract<ClientMessage, { op: "hello" }>, session: Session): void {
    session.user = message.user ?? "token-user";
    session.device = message.device ?? `made-up-${this.#nextDevice++}`;
    const rooms = [...this.members].filter(([, users]) => users.has(session.user)).map(([room]) => room);
    const resets: Position[] = [];
    const positions = [session.user, "*", ...rooms].map((name) => {
      const log = this.log(name);
      const asked = message.positions?.find((position) => position.log === name);
      const cursor = this.#cursors.get(`${session.user}/${session.device} ${name}`) ?? 0;
      let start = { log: name, epoch: log.epoch, seq: asked?.seq ?? Math.min(cursor, log.entries.length) };
      if (asked && (asked.epoch !== log.epoch || asked.seq > log.entries.length)) {
        start = { log: name, epoch: log.epoch, seq: 0 };
        resets.push(start);
      }
      session.next.set(name, start.seq + 1);
      session.acked.set(name, start.seq);
      return start;
    });
    const { maxFrameBytes, window } = this;
    const limits = { maxFrameBytes, maxBodyBytes: 2 ** 20, maxRecipients: 100, window, idleMs: 90_000 };
    const { ref } = message;
    session.tell({ op: "welcome", ref, user: session.user, device: session.device, session: "s", positions, limits });
    for (const reset of resets) session.tell({ op: "reset", ...reset });
    this.sessions.add(session);
    this.#deliver();
    session.tell({ op: "live" });
  }

  #send(send: Send, session: Session): void {
    const key = `${session.user} ${send.clientId}`;
    const first = this.#byClientId.get(key);
    if (first) {
      session.tell({ ...first, ref: send.ref, duplicate: true });
      return;
    }
    const id = `m${this.#nextId++}`;
    const recipients = typeof send.to === "string" ? [send.to] : send.to;
    const toSelf = recipients.includes(session.user);
    const copies =
      send.copy === false || toSelf || recipients.every((to) => to.startsWith("#") || to === "*") ? [] : [session.user];
    const positions = [...new Set([...recipients, ...copies])].map((log) => {
      const { seq } = this.#store(log, send, session.user, toSelf ? "" : session.device, id);
      return { log, epoch: this.log(log).epoch, seq };
    });
    const answer = { op: "ok", ref: send.ref, clientId: send.clientId, id, ts: 1, durability: "fsync", positions };
    const states = recipients.map((to) => ({ to, state: "stored" }));
    this.#byClientId.set(key, { ...answer, recipients: states });
    session.tell({ ...answer, recipients: states });
  }

  #store(name: string, send: Send, from: string, device: string, id: string): Message {
    const { to, body, encoding, contentType, type, clientId, receipt } = send;
    const { entries } = this.log(name);
    const content = { to, body, encoding, contentType, type, clientId, receipt };
    const message = {
      op: "message",
      log: name,
      seq: entries.length + 1,
      id,
      from,
      ts: 1,
      device,
      ...content,
    } as Message;
    entries.push(message);
    return message;
  }

  #deliver(): void {
    for (const session of this.sessions) {
      for (const [name, next] of session.next) {
        const { entries } = this.log(name);
        let seq = next;
        while (seq <= entries.length && seq - (session.acked.get(name) ?? 0) <= this.window) {
          const { device, ...message } = entries[seq - 1] as Message;
          if (device !== session.device || message.from !== session.user) session.tell(message);
          seq += 1;
        }
        session.next.set(name, seq);
      }
    }
  }

  #history(message: Extract<ClientMessage, { op: "history" }>, session: Session): void {
    const log = this.log(message.log);
    const limit = message.limit ?? 50;
    const after = message.after ?? Math.max(0, (message.before ?? log.entries.length + 1) - 1 - limit);
    const end = message.after === undefined ? (message.before ?? log.entries.length + 1) - 1 : after + limit;
    const messages = log.entries.slice(after, end).map(({ device: _, ...entry }) => entry);
    const more = message.after === undefined ? after > 0 : end < log.entries.length;
    const next = message.after === undefined ? after + 1 : end;
    session.tell({
      op: "page",
      ref: message.ref,
      log: message.log,
      epoch: log.epoch,
      messages,
      ...(more ? { next } : {}),
    });
  }
}

function position(log: string, { epoch, entries }: Log): Position {
  return { log, epoch, seq: entries.length };
}
