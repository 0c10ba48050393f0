/** A bad network between clients and a server: a TCP proxy that delays, cuts into bytes and resets; a UDP one that loses, doubles and reorders. */
import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { reset } from "../support/reset.ts";

const host = "127.0.0.1";

export interface TcpFaults {
  /** Longest time that bytes are held back, in ms; their order stays. */
  readonly delayMs?: number;
  /** At most so many bytes at a time. */
  readonly chunkBytes?: number;
  /** Chance that a connection is reset before a chunk is passed on. */
  readonly resetChance?: number;
}

export class TcpProxy {
  /** Connections that were reset. */
  resets = 0;
  readonly #faults: TcpFaults;
  readonly #random: () => number;
  readonly #server: Server;
  readonly #upstreamPort: number;
  /** From now on nothing is done to anybody. */
  healed = false;

  private constructor(upstreamPort: number, faults: TcpFaults, random: () => number) {
    this.#upstreamPort = upstreamPort;
    this.#faults = faults;
    this.#random = random;
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  /** Listens until the test ends. */
  static async start(t: TestContext, upstreamPort: number, faults: TcpFaults, random: () => number): Promise<TcpProxy> {
    const proxy = new TcpProxy(upstreamPort, faults, random);
    proxy.#server.listen(0, host);
    await once(proxy.#server, "listening");
    t.after(() => proxy.#server.close());
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  #accept(client: Socket): void {
    const upstream = connect({ port: this.#upstreamPort, host, noDelay: true });
    const cut = () => {
      for (const socket of [client, upstream]) reset(socket);
    };
    for (const socket of [client, upstream]) socket.on("error", cut).on("close", cut);
    void this.#pass(client, upstream, cut).catch(cut);
    void this.#pass(upstream, client, cut).catch(cut);
  }

  async #pass(from: Socket, to: Socket, cut: () => void): Promise<void> {
    const { delayMs = 0, chunkBytes = 65_536, resetChance = 0 } = this.#faults;
    for await (const bytes of from as AsyncIterable<Buffer>) {
      if (this.healed) {
        to.write(bytes);
        continue;
      }
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#random() * delayMs));
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        if (resetChance > 0 && this.#random() < resetChance) {
          this.resets += 1;
          return cut();
        }
        to.write(bytes.subarray(at, at + chunkBytes));
        // One write each: what is written in one turn may leave in one packet.
        if (chunkBytes < bytes.length) await new Promise(setImmediate);
      }
    }
    to.end();
  }
}

export interface UdpFaults {
  readonly lossChance: number;
  readonly duplicateChance: number;
  /** Chance that a datagram is held back until the next few have passed. */
  readonly reorderChance: number;
}

/** One agent's datagrams on their way to the broker, from one address. */
export class UdpProxy {
  /** Times that each datagram was passed on, by its text. */
  readonly passed = new Map<string, number>();
  readonly #incoming: DatagramSocket;
  readonly #outgoing: DatagramSocket;

  private constructor(incoming: DatagramSocket, outgoing: DatagramSocket) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  static async start(t: TestContext, upstreamPort: number, faults: UdpFaults, random: () => number): Promise<UdpProxy> {
    const proxy = new UdpProxy(createSocket("udp4"), createSocket("udp4"));
    const held: Buffer[] = [];
    const pass = (bytes: Buffer) => {
      const text = bytes.toString();
      proxy.passed.set(text, (proxy.passed.get(text) ?? 0) + 1);
      proxy.#outgoing.send(bytes, upstreamPort, host);
    };
    proxy.#incoming.on("message", (bytes) => {
      const chance = random();
      if (chance < faults.lossChance) return;
      if (random() < faults.reorderChance) {
        held.push(bytes);
        return;
      }
      pass(bytes);
      if (random() < faults.duplicateChance) pass(bytes);
      if (held.length > 2) for (const late of held.splice(0).reverse()) pass(late);
    });
    proxy.#incoming.bind(0, host);
    await once(proxy.#incoming, "listening");
    t.after(() => {
      proxy.#incoming.close();
      proxy.#outgoing.close();
    });
    return proxy;
  }

  get port(): number {
    return this.#incoming.address().port;
  }
}
