/**
 * Sends inputs: most are over in some milliseconds, slow and silent ones stay open until there are too many of them.
 * Whatever the server answers is looked through for what only others may know.
 */
import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { reset } from "../support/reset.ts";
import type { FuzzPorts } from "./listeners.ts";
import type { Input } from "./mutator.ts";

const host = "127.0.0.1";
/** An input is over when the server has been silent for so long, or has closed. */
const quietMs = 12;
const connectTimeoutMs = 10_000;
const dripMs = 1_000;
const maxHeld = 96;

export class Attacker {
  readonly #ports: FuzzPorts;
  readonly #secret: Buffer;
  readonly #held: Socket[] = [];
  readonly #drips: NodeJS.Timeout[] = [];
  #udp: DatagramSocket | undefined;
  /** Connections that could not be had in time: the server does not accept any more. */
  refused = 0;
  /** Answers in which the secret stood. */
  readonly leaks: string[] = [];
  /** Bytes that the server answered. */
  answeredBytes = 0;

  /** `secret` is in every message that nobody but its receiver may see. */
  constructor(ports: FuzzPorts, secret: string) {
    this.#ports = ports;
    this.#secret = Buffer.from(secret);
  }

  /** Sends one input; resolves when it is over, or is left open. */
  async send(input: Input): Promise<void> {
    if (input.listener.carrier === "datagram") return this.#sendDatagrams(input);
    const socket = await this.#connect(input);
    if (!socket) return;
    const { pace, chunks } = input;
    if (pace === "at once" || pace === "pieces") {
      await this.#write(socket, chunks, pace === "pieces");
      await this.#quiet(socket);
      this.#finish(socket, input.ending);
      return;
    }
    this.#hold(socket);
    if (pace === "unread") socket.pause();
    if (pace === "drip") this.#drip(socket, Buffer.concat(chunks));
    else socket.write(Buffer.concat(chunks));
    // Half a connection: nothing will come, the server's side stays open as long as it wants.
    if (pace === "silent" && input.ending === "end") socket.end();
  }

  async #connect({ listener, from }: Input): Promise<Socket | undefined> {
    const socket = connect({ port: listener.port(this.#ports), host, noDelay: true, allowHalfOpen: true });
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => this.#look(chunk, from));
    try {
      await once(socket, "connect", { signal: AbortSignal.timeout(connectTimeoutMs) });
      return socket;
    } catch {
      this.refused += 1;
      socket.destroy();
      return undefined;
    }
  }

  #look(chunk: Buffer, from: string): void {
    this.answeredBytes += chunk.length;
    if (chunk.includes(this.#secret)) this.leaks.push(`${from} was answered ${chunk.toString().slice(0, 200)}`);
  }

  async #write(socket: Socket, chunks: readonly Buffer[], inPieces: boolean): Promise<void> {
    if (!inPieces) {
      socket.write(Buffer.concat(chunks));
      return;
    }
    for (const chunk of chunks) {
      if (socket.destroyed) return;
      socket.write(chunk);
      await new Promise(setImmediate);
    }
  }

  async #quiet(socket: Socket): Promise<void> {
    if (socket.destroyed || socket.readableEnded) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, quietMs);
      socket.once("end", resolve).once("close", resolve);
      socket.on("data", () => timer.refresh());
      setTimeout(resolve, 20 * quietMs);
    });
  }

  #finish(socket: Socket, ending: Input["ending"]): void {
    if (ending === "reset") reset(socket);
    else if (ending === "cut") socket.destroy();
    else {
      socket.end();
      setTimeout(() => socket.destroy(), 20 * quietMs);
    }
  }

  #hold(socket: Socket): void {
    this.#held.push(socket);
    if (this.#held.length > maxHeld) this.#held.shift()?.destroy();
  }

  #drip(socket: Socket, bytes: Buffer): void {
    let at = 0;
    const timer = setInterval(() => {
      if (socket.destroyed || at >= bytes.length) clearInterval(timer);
      else socket.write(bytes.subarray(at, ++at));
    }, dripMs);
    this.#drips.push(timer);
  }

  async #sendDatagrams({ listener, chunks, from }: Input): Promise<void> {
    if (!this.#udp) {
      this.#udp = createSocket("udp4");
      this.#udp.on("message", (bytes) => this.#look(bytes, from)).on("error", () => {});
      this.#udp.bind(0, host);
      await once(this.#udp, "listening");
    }
    const port = listener.port(this.#ports);
    for (const chunk of chunks) this.#udp.send(chunk, port, host, () => {});
    await sleep(1);
  }

  /** Lets go of everything that is still open. */
  close(): void {
    for (const timer of this.#drips.splice(0)) clearInterval(timer);
    for (const socket of this.#held.splice(0)) socket.destroy();
    this.#udp?.close();
    this.#udp = undefined;
  }
}
