/**
 * What an application can set, with the defaults. Everything has one except `url`; nothing is read from anywhere else.
 */
import type { BackoffLimits } from "./backoff.ts";
import { type Environment, systemEnvironment } from "./environment.ts";
import type { Persistence } from "./persistence.ts";
import type { Transport } from "./transport.ts";
import { webSocketTransport } from "./websocket-transport.ts";

export interface ClientOptions {
  /** `ws://…` or `wss://…` (path `/v1/ws` unless given); `tcp://host:port` or `tls://host:port` with a transport from `@parley/client/node`. */
  readonly url: string;
  /** User name, for servers with open login. */
  readonly user?: string;
  /** Token, or what gets one: asked before each attempt to connect, and in time before the session expires. */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>);
  /**
   * Stable name of this device; the server keeps a cursor for it. Default: the one in the persistence, or a random one
   * that is kept there; without a persistence the server makes one up for the lifetime of this client.
   */
  readonly device?: string;
  /** Most unacknowledged messages the server pushes; bounds the memory of slow applications. Default: the server's (1024). */
  readonly window?: number;
  /** Acknowledge after the handler has finished. Default true. With false the application calls `message.ack()`. */
  readonly autoAck?: boolean;
  /** Keeps positions and outbox while the process is away. Default: none. */
  readonly persistence?: Persistence;
  /**
   * With a persistence: most messages that may be handled while their position is not saved yet. A crash of the process
   * repeats at most so many; 1 saves after each. Default 64.
   */
  readonly maxUnsaved?: number;
  /** Default: WebSocket. */
  readonly transport?: Transport;
  /** Reconnecting. Defaults: base 250 ms, cap 20 s, endless attempts. */
  readonly backoff?: Partial<BackoffLimits> & { readonly attempts?: number };
  /** A handler that failed on a message. Defaults: base 250 ms, cap 20 s. */
  readonly handlerBackoff?: Partial<BackoffLimits>;
  /** Dead peers: a ping each `intervalMs` (25 s), dead after `timeoutMs` (10 s) of silence. */
  readonly heartbeat?: { readonly intervalMs?: number; readonly timeoutMs?: number };
  /** From the start of an attempt to the server's welcome. Default 10 s. */
  readonly connectTimeoutMs?: number;
  /** For `join`, `history` and the like, including time offline. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** Most sends that may wait for an answer; further ones reject with `outbox_full`. Default 10,000. */
  readonly maxOutbox?: number;
  /** The same for the characters in all of them, which bounds the memory they take. Default 64 Mi. */
  readonly maxOutboxCharacters?: number;
  /** Most sends on the wire without an answer. Default 1024. */
  readonly sendWindow?: number;
  /** Time and randomness, for tests. */
  readonly environment?: Environment;
}

export interface Settings {
  readonly url: string;
  readonly user: string | undefined;
  readonly token: () => Promise<string | undefined>;
  readonly renewsToken: boolean;
  readonly device: string | undefined;
  readonly window: number | undefined;
  readonly autoAck: boolean;
  readonly persistence: Persistence | undefined;
  readonly maxUnsaved: number;
  readonly transport: Transport;
  readonly backoff: BackoffLimits;
  readonly maxAttempts: number;
  readonly handlerBackoff: BackoffLimits;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly maxOutbox: number;
  readonly maxOutboxCharacters: number;
  readonly sendWindow: number;
  readonly environment: Environment;
}

const defaultBackoff: BackoffLimits = { baseMs: 250, capMs: 20_000 };

/** Options with every default filled in. */
export function completeOptions(options: ClientOptions): Settings {
  const { token, backoff = {}, heartbeat = {} } = options;
  return {
    url: options.url,
    user: options.user,
    token: async () => (typeof token === "function" ? await token() : token),
    renewsToken: typeof token === "function",
    device: options.device,
    window: options.window,
    autoAck: options.autoAck ?? true,
    persistence: options.persistence,
    maxUnsaved: options.maxUnsaved ?? 64,
    transport: options.transport ?? webSocketTransport(),
    backoff: { ...defaultBackoff, ...backoff },
    maxAttempts: backoff.attempts ?? Number.POSITIVE_INFINITY,
    handlerBackoff: { ...defaultBackoff, ...options.handlerBackoff },
    pingIntervalMs: heartbeat.intervalMs ?? 25_000,
    pingTimeoutMs: heartbeat.timeoutMs ?? 10_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    maxOutbox: options.maxOutbox ?? 10_000,
    maxOutboxCharacters: options.maxOutboxCharacters ?? 64 * 1024 * 1024,
    sendWindow: options.sendWindow ?? 1024,
    environment: options.environment ?? systemEnvironment,
  };
}
