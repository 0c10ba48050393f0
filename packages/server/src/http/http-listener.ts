/**
 * The HTTP listener that WebSocket gateways share: routes upgrades by path, checks the `Origin`, answers everything
 * else. Any page in the world may make a browser open a WebSocket to loopback: only origins that are allowed get one.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { authority } from "./authority.ts";

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export interface HttpListenerOptions {
  readonly host: string;
  readonly port: number;
  /** Origins that may open WebSockets, exact, beside pages served from this machine's loopback. */
  readonly origins: readonly string[];
  readonly onError: (message: string, error: unknown) => void;
}

const headersTimeoutMs = 10_000;
const loopbackOrigin = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;

export class HttpListener {
  readonly url: string;
  readonly #server: Server;
  readonly #origins: ReadonlySet<string>;
  readonly #upgrades = new Map<string, UpgradeHandler>();

  private constructor(server: Server, url: string, origins: readonly string[]) {
    this.#server = server;
    this.url = url;
    this.#origins = new Set(origins);
    server.on("request", (request, response) => this.#answer(request, response));
    server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Listens. Rejects where the address cannot be had. */
  static async start({ host, port, origins, onError }: HttpListenerOptions): Promise<HttpListener> {
    const server = createServer({ headersTimeout: headersTimeoutMs, requestTimeout: headersTimeoutMs, noDelay: true });
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
    server.removeAllListeners("error").on("error", (error) => onError("http listener", error));
    const address = server.address();
    const bound = typeof address === "object" && address ? address.port : port;
    return new HttpListener(server, `http://${authority(host, bound)}`, origins);
  }

  /** Hands WebSocket upgrades of `path` to `handler`; `*`: of every path that nobody else has. */
  onUpgrade(path: string, handler: UpgradeHandler): void {
    this.#upgrades.set(path, handler);
  }

  offUpgrade(path: string): void {
    this.#upgrades.delete(path);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    const handler = this.#upgrades.get(path) ?? this.#upgrades.get("*");
    if (!handler) return this.refuseUpgrade(socket, 404, "no WebSocket here");
    const { origin } = request.headers;
    if (origin !== undefined && !loopbackOrigin.test(origin) && !this.#origins.has(origin)) {
      return this.refuseUpgrade(socket, 403, "this origin is not allowed");
    }
    handler(request, socket, head);
  }

  refuseUpgrade(socket: Duplex, status: number, reason: string): void {
    const body = `${reason}\n`;
    const headers = `Content-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close`;
    // A peer that keeps its side open must not keep ours.
    socket.once("finish", () => socket.destroy());
    socket.end(`HTTP/1.1 ${status} Refused\r\n${headers}\r\n\r\n${body}`);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const paths = [...this.#upgrades.keys()].map(
      (path) => `${this.url.replace("http", "ws")}${path.replace("*", "/")}`,
    );
    const found = request.url === "/";
    response.writeHead(found ? 200 : 404, { "Content-Type": "text/plain; charset=utf-8" });
    response.end(found ? `This is Parley. WebSockets: ${paths.join(", ")}\n` : "Not found\n");
  }

  /** Stops listening; idle keep-alive connections are closed, WebSockets are their gateways' business. */
  stop(): Promise<void> {
    this.#server.closeIdleConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
