/** The push gateway as its clients use it: plain HTTP by `node:http`, sockets by the bare `ws` client, JWTs made by hand. */
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { type IncomingHttpHeaders, request } from "node:http";
import WebSocket, { type ClientOptions } from "ws";

const host = "127.0.0.1";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** One request on a connection of its own. No `Content-Type` unless it is given. */
export async function ask(port: number, path: string, { method = "POST", headers = {}, body }: Asked): Promise<Answer> {
  const sent = request({ host, port, path, method, headers, agent: false });
  // Who is refused before the body has left may lose the connection.
  const answered = once(sent, "response");
  sent.end(body);
  const [response] = await answered;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() };
}

const bearer = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

function tokenIn({ status, body }: Answer): string {
  const token = /^\{"token": "([\w-]+\.[\w-]+\.[\w-]+)"\}$/.exec(body)?.[1];
  if (status !== 200 || token === undefined) throw new Error(`no token: ${status} ${body}`);
  return token;
}

export async function appToken(port: number, username: string): Promise<string> {
  return tokenIn(await ask(port, "/token", { body: JSON.stringify({ username }) }));
}

export async function socketToken(port: number, app: string): Promise<string> {
  return tokenIn(await ask(port, "/ws/token", { headers: bearer(app) }));
}

/** `POST /message`, as the server itself without a token. */
export function sendMessage(port: number, username: string, content: string, token?: string): Promise<Answer> {
  return ask(port, "/message", { headers: bearer(token), body: JSON.stringify({ username, content }) });
}

/** An open socket, and what it was told. */
export class PushSocket {
  readonly webSocket: WebSocket;
  /** What came and was not taken by `next`. */
  readonly received: string[] = [];
  pings = 0;
  #wake: () => void = () => {};

  private constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    webSocket.on("message", (data, isBinary) => {
      this.received.push(isBinary ? `binary ${data}` : String(data));
      this.#wake();
    });
    webSocket.on("ping", () => {
      this.pings += 1;
    });
    webSocket.on("error", () => {});
  }

  /** Opens `/ws` with this query and these headers. Rejects with the status where the handshake is refused. */
  static async open(port: number, query: string, options: ClientOptions = {}): Promise<PushSocket> {
    const webSocket = new WebSocket(`ws://${host}:${port}/ws${query}`, options);
    const socket = new PushSocket(webSocket);
    await new Promise<void>((resolve, reject) => {
      webSocket.once("open", resolve);
      webSocket.once("unexpected-response", (_, { statusCode }) => reject(new Error(`refused: ${statusCode}`)));
      webSocket.once("error", reject);
    });
    return socket;
  }

  /** Opens a socket as the original's page does: with a socket token in the query. */
  static async of(port: number, username: string, options?: ClientOptions): Promise<PushSocket> {
    const token = await socketToken(port, await appToken(port, username));
    return PushSocket.open(port, `?authorization=${token}`, options);
  }

  /** The next text that comes. */
  async next(): Promise<string> {
    while (this.received.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.received.shift() as string;
  }

  async take(count: number): Promise<string[]> {
    const texts: string[] = [];
    while (texts.length < count) texts.push(await this.next());
    return texts;
  }

  /** Resolves when all that the server sent before has come: by an echo. */
  async echo(text: string): Promise<void> {
    this.webSocket.send(text);
    for (;;) if ((await this.next()) === text) return;
  }

  /** Resolves with the close code. */
  async closed(): Promise<number> {
    const [code] = await once(this.webSocket, "close");
    return code;
  }

  async close(): Promise<void> {
    const closed = this.closed();
    this.webSocket.close();
    await closed;
  }
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A JWT made by hand, of these claims and this header, right or wrong, with an HMAC by this secret. */
export function forge(
  claims: object,
  secret: string,
  header: object = { alg: "HS256", typ: "JWT" },
  hash = "sha256",
): string {
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${createHmac(hash, secret).update(signed).digest("base64url")}`;
}

export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
}

/** Seconds since the epoch. */
export const nowSeconds = () => Math.floor(Date.now() / 1000);
