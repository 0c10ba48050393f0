/**
 * The HTTP listener that gateways share: routes upgrades by path and checks their `Origin`; requests go to the routes
 * that gateways registered. Any page in the world may make a browser open a WebSocket to loopback: only origins that are
 * allowed get one.
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { errors, type Fault, fail, ok, type Result } from "@parley/protocol";
import { type FastifyPluginAsync, fastify } from "fastify";
import type { ServerTls } from "../tls/server-tls.ts";
import { refuse } from "./api/problem.ts";
import { authority } from "./authority.ts";
import { backlog } from "./backlog.ts";
import { Refusals } from "./refusals.ts";
import { destroyOnError, refuseUpgrade } from "./upgrade-refusal.ts";

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export interface HttpListenerOptions {
  readonly host: string;
  readonly port: number;
  /** Origins that may open WebSockets, exact, beside pages served from this machine's loopback. */
  readonly origins: readonly string[];
  /** Whether requests for a host that is neither loopback's nor an origin's are refused; see `#isForeign`. */
  readonly checksHost?: boolean;
  readonly onError: (message: string, error: unknown) => void;
  /** Default: none, the listener speaks plain HTTP. */
  readonly tls?: ServerTls | undefined;
  /** Time from the connection to the end of a request's headers; 10 s unless given. */
  readonly headersTimeoutMs?: number;
  /** Counts a connection. A fault: it is answered that by whatever it asks, and closed. Without it nobody counts. */
  readonly admit?: ((socket: Socket) => Result<unknown>) | undefined;
}

/** For headers and body together, from the connection or the end of the request before on. */
const requestTimeoutMs = 10_000;
/** How late that may be noticed: Node looks every 30 s by itself. */
const checkingMs = 1_000;
const loopbackHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;
const loopbackOrigin = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;

const foreignHost = fail(
  "forbidden",
  "login is open to this machine alone, and this host is another: use localhost, or name the host's origin in http.origins",
).fault;

function refuseRequest(response: ServerResponse, { code, message, retryAfterMs = 0 }: Fault): void {
  const headers = { "Retry-After": Math.ceil(retryAfterMs / 1000), Connection: "close", "Content-Type": "text/plain" };
  response.writeHead(errors[code].http, headers).end(`${message}\n`);
}

interface Upgrade {
  readonly handler: UpgradeHandler;
  readonly origins: readonly string[];
}

export class HttpListener {
  readonly url: string;
  readonly #server: Server;
  readonly #origins: readonly string[];
  readonly #checksHost: boolean;
  readonly #upgrades = new Map<string, Upgrade>();
  readonly #fastify;
  readonly #refusals = new Refusals();
  readonly #opened = Promise.withResolvers<void>();
  /** The paths that are still answered; undefined: all. */
  #answered: ReadonlySet<string> | undefined;

  private constructor(
    server: Server,
    url: string,
    { origins, checksHost = false, admit = () => ok(undefined) }: HttpListenerOptions,
  ) {
    this.#server = server;
    this.url = url;
    this.#origins = origins;
    this.#checksHost = checksHost;
    // A name of 64 characters is at most 768 bytes in a path.
    this.#fastify = fastify({
      serverFactory: () => server,
      routerOptions: { maxParamLength: 1024 },
      frameworkErrors: (_, __, reply) =>
        void refuse(reply, fail("unknown_path", "the path is not a well-formed one").fault),
    });
    this.#fastify.addHook("onRequest", async (request, reply) => {
      if (!this.#answered || this.#answered.has(pathOf(request.raw))) return undefined;
      reply.headers({ connection: "close", "retry-after": "1" });
      return refuse(reply, fail("shutting_down", "the server is going down").fault);
    });
    this.#fastify.addHook("onRequest", async ({ headers }, reply) =>
      this.#isForeign(headers) ? refuse(reply, foreignHost) : undefined,
    );
    this.#fastify.get("/", (_, reply) => reply.type("text/plain; charset=utf-8").send(this.#welcome()));
    this.#fastify.setNotFoundHandler((_, reply) =>
      reply.code(404).type("text/plain; charset=utf-8").send("Not found\n"),
    );
    // Before any handshake.
    server.on("connection", (socket: Socket) => {
      const admitted = admit(socket);
      if (!admitted.ok) this.#refusals.add(socket, admitted.fault);
    });
    server.on("request", (request, response) => {
      const fault = this.#refusals.of(request.socket);
      if (fault) return refuseRequest(response, fault);
      void this.#opened.promise.then(() => this.#fastify.routing(request, response));
    });
    server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Listens, with no routes but its own. Rejects where the address cannot be had. */
  static async start(options: HttpListenerOptions): Promise<HttpListener> {
    const listener = await HttpListener.bind(options);
    await listener.open();
    return listener;
  }

  /** Takes the address, so that `url` is known; requests wait until `open`. Rejects where the address cannot be had. */
  static async bind(options: HttpListenerOptions): Promise<HttpListener> {
    const { host, port, onError, tls, headersTimeoutMs = requestTimeoutMs } = options;
    const served = {
      headersTimeout: headersTimeoutMs,
      requestTimeout: Math.max(headersTimeoutMs, requestTimeoutMs),
      connectionsCheckingInterval: Math.min(checkingMs, headersTimeoutMs / 2),
      noDelay: true,
    };
    const server = tls ? createTlsServer({ ...served, ...tls.serverOptions }) : createServer(served);
    if ("setSecureContext" in server) tls?.keepUpToDate(server);
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, backlog, resolve));
    server.removeAllListeners("error").on("error", (error) => onError("http listener", error));
    const address = server.address();
    const bound = typeof address === "object" && address ? address.port : port;
    return new HttpListener(server, `${tls ? "https" : "http"}://${authority(host, bound)}`, options);
  }

  /** Registers routes, with hooks and error handler of their own. To be called before `open`. */
  routes(plugin: FastifyPluginAsync): void {
    this.#fastify.register(plugin);
  }

  /** Answers requests from now on, those that came before too. Rejects where routes cannot be registered. */
  async open(): Promise<void> {
    await this.#fastify.ready();
    this.#opened.resolve();
  }

  /** Whether pages of that origin may use what the listener serves, exact; those from this machine's loopback may. */
  allows(origin: string): boolean {
    return loopbackOrigin.test(origin) || this.#origins.includes(origin);
  }

  /**
   * A page of any site can ask here as its own server, where the site's name is made to point to this machine for a while
   * (DNS rebinding). Its requests need no `Origin`, but say that name. Where there is an `Origin`, that decides.
   */
  #isForeign({ host, origin }: IncomingHttpHeaders): boolean {
    if (!this.#checksHost || origin !== undefined || host === undefined || loopbackHost.test(host)) return false;
    return !this.#origins.some((origin) => URL.parse(origin)?.host === host.toLowerCase());
  }

  /**
   * Hands WebSocket upgrades of `path` to `handler`; `*`: of every path that nobody else has. `origins` may open them
   * beside those that may open all.
   */
  onUpgrade(path: string, handler: UpgradeHandler, origins: readonly string[] = []): void {
    this.#upgrades.set(path, { handler, origins });
  }

  offUpgrade(path: string): void {
    this.#upgrades.delete(path);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", destroyOnError);
    const fault = this.#refusals.of(request.socket);
    if (fault) return this.refuseUpgrade(socket, errors[fault.code].http, fault.message, fault.retryAfterMs);
    if (this.#answered) return this.refuseUpgrade(socket, 503, "the server is going down");
    const path = pathOf(request);
    const upgrade = this.#upgrades.get(path) ?? this.#upgrades.get("*");
    if (!upgrade) return this.refuseUpgrade(socket, 404, "no WebSocket here");
    const { origin } = request.headers;
    if (this.#isForeign(request.headers)) return this.refuseUpgrade(socket, 403, foreignHost.message);
    if (origin !== undefined && !this.allows(origin) && !upgrade.origins.includes(origin)) {
      return this.refuseUpgrade(socket, 403, "this origin is not allowed");
    }
    upgrade.handler(request, socket, head);
  }

  /** `retryAfterMs`: when to try again, if that is known. */
  refuseUpgrade(socket: Duplex, status: number, reason: string, retryAfterMs?: number): void {
    const retry = retryAfterMs === undefined ? "" : `Retry-After: ${Math.ceil(retryAfterMs / 1000)}\r\n`;
    refuseUpgrade(socket, status, reason, retry);
  }

  #welcome(): string {
    const paths = [...this.#upgrades.keys()].map(
      (path) => `${this.url.replace("http", "ws")}${path.replace("*", "/")}`,
    );
    return `This is Parley. WebSockets: ${paths.join(", ")}\n`;
  }

  /** From now on nothing is answered but requests to these paths; what was begun goes on. */
  drain(answered: ReadonlySet<string>): void {
    this.#answered = answered;
  }

  /**
   * Stops listening; idle keep-alive connections are closed, requests that still come are answered 503, WebSockets are
   * their gateways' business.
   */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    await this.#fastify.close();
    this.#opened.resolve();
    await closed;
  }
}

function pathOf({ url = "" }: IncomingMessage): string {
  return url.split("?", 1)[0] ?? "";
}
