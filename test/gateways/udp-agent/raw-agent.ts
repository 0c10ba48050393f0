/** An agent without any library: one UDP socket, JSON in and out, nothing hidden. */
import assert from "node:assert/strict";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import type { TestContext } from "node:test";

export interface Received {
  readonly id: string;
  readonly content: Record<string, unknown>;
  readonly bytes: number;
  readonly from: RemoteInfo;
}

const patienceMs = 5000;

export class RawAgent {
  readonly socket: Socket;
  readonly port: number;
  /** The user that it speaks for. */
  readonly name: string;
  /** Where the broker takes messages. */
  brokerPort: number;
  /** Everything received that was not taken. */
  readonly received: Received[] = [];
  sentBytes = 0;
  receivedBytes = 0;
  #wake: () => void = () => {};

  private constructor(socket: Socket, name: string, brokerPort: number) {
    this.socket = socket;
    this.port = socket.address().port;
    this.name = name;
    this.brokerPort = brokerPort;
    socket.on("message", (bytes, from) => {
      this.receivedBytes += bytes.length;
      const { message_id: id, message_content: content } = JSON.parse(bytes.toString());
      this.received.push({ id, content, bytes: bytes.length, from });
      this.#wake();
    });
  }

  /** Opens a socket that closes with the test. */
  static async open(
    t: TestContext,
    name: string,
    brokerPort: number,
    address = "127.0.0.1",
    port = 0,
  ): Promise<RawAgent> {
    const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
    socket.bind(port, address);
    await once(socket, "listening");
    const agent = new RawAgent(socket, name, brokerPort);
    t.after(() => agent.close());
    return agent;
  }

  /** Opens a socket and logs in; the acknowledgement is taken. */
  static async login(t: TestContext, name: string, brokerPort: number, address?: string): Promise<RawAgent> {
    const agent = await RawAgent.open(t, name, brokerPort, address);
    await agent.comeBack();
    return agent;
  }

  /** Logs out; the acknowledgement is taken. */
  async goAway(): Promise<void> {
    this.say("log_out");
    await this.next("acknowledge_log_out");
  }

  /** Logs in; the acknowledgement is taken. */
  async comeBack(): Promise<void> {
    this.logIn();
    await this.next("acknowledge_log_in");
  }

  /** Sends a message of this agent's user. */
  say(id: string, content: object = {}, port = this.brokerPort, address = "127.0.0.1"): number {
    return this.sendBytes(Buffer.from(datagram(id, { sender_username: this.name, ...content })), port, address);
  }

  logIn(content: object = {}, port = this.brokerPort, address?: string): number {
    return this.say("log_in", { sender_port: this.port, ...content }, port, address);
  }

  /** Sends any bytes; returns how many. */
  sendBytes(bytes: Buffer, port = this.brokerPort, address = "127.0.0.1"): number {
    this.sentBytes += bytes.length;
    this.socket.send(bytes, port, address);
    return bytes.length;
  }

  /** Takes the oldest datagram, whatever it is, but for the lists that come by themselves. */
  async next(id?: string): Promise<Received> {
    const deadline = AbortSignal.timeout(patienceMs);
    for (;;) {
      const at = this.received.findIndex((one) => one.id === (id ?? one.id) && (id || one.id !== "update_user_set"));
      const found = this.received[at];
      if (found && !id) this.received.splice(0, at);
      if (found) return this.received.splice(this.received.indexOf(found), 1)[0] as Received;
      assert.ok(!deadline.aborted, `${this.name} waited for ${id}; got ${JSON.stringify(this.received).slice(0, 500)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        deadline.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  /** The next message from somebody, in short: `bob: text`, or `#group bob: text`. */
  async hears(): Promise<string> {
    return inShort(await this.next());
  }

  /** Everything that came, in short, up to the answer to a question asked now. */
  async heard(): Promise<string[]> {
    this.say("get_online_users");
    const all: string[] = [];
    for (;;) {
      const one = await this.next();
      if (one.id === "online_users") return all;
      all.push(inShort(one));
    }
  }

  async online(): Promise<string[]> {
    this.say("get_online_users");
    return users(await this.next("online_users"));
  }

  close(): void {
    try {
      this.socket.close();
    } catch {
      // It is closed already.
    }
  }
}

export function datagram(id: string, content: object): string {
  return JSON.stringify({ message_id: id, message_content: content });
}

export function users({ content }: Received): string[] {
  return [...(content.user_list as string[])].sort();
}

function inShort({ id, content }: Received): string {
  const { sender_username, message_text, group_name } = content;
  if (id === "group_message") return `#${group_name} ${sender_username}: ${message_text}`;
  return id === "receive_message" ? `${sender_username}: ${message_text}` : id;
}
