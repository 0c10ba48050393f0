/**
 * Keeps one connection to the server alive: connects, says `hello`, watches the heartbeat, and after a loss waits
 * (exponential back-off, full jitter, the server's `retryAfter`) and tries again, until closed or told that trying again
 * does not help. Each attempt is a `Link` of its own, so that late callbacks of a former one change nothing.
 */
import { errors, isErrorCode, type ServerMessage } from "@parley/protocol";
import type { Backoff } from "./backoff.ts";
import type { CancelTimer, Environment } from "./environment.ts";
import { answeredError, asParleyError, ParleyError } from "./errors.ts";
import type { State, StateChange, Welcome } from "./events.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Transport, TransportConnection } from "./transport.ts";
import { parseServerText } from "./wire.ts";

export interface ConnectionOptions {
  readonly url: string;
  readonly transport: Transport;
  readonly environment: Environment;
  readonly backoff: Backoff;
  /** Attempts in a row that may fail before giving up. */
  readonly maxAttempts: number;
  /** Time from the start of an attempt to `welcome`. */
  readonly connectTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  /** Whether `token` gives a new one each time, so that a token that expired is no reason to stop. */
  readonly renewsToken: boolean;
  /** Asked before each attempt. */
  readonly token: () => Promise<string | undefined>;
  /** The text of the `hello`; asked when it is about to leave. */
  readonly hello: (token: string | undefined) => string;
  readonly handler: ConnectionHandler;
}

export interface ConnectionHandler {
  /** Throws to refuse this server for good. */
  welcomed(welcome: Welcome): void;
  /** Any message after `welcome`. Hot path. */
  received(message: ServerMessage): void;
  /** Follows `welcomed`; the connection is gone. */
  disconnected(): void;
  changed(change: StateChange): void;
}

interface Link {
  socket: TransportConnection | undefined;
  online: boolean;
  heartbeat: Heartbeat | undefined;
  cancelTimeout: CancelTimer | undefined;
  /** What the server said about the end that is coming. */
  verdict: Verdict | undefined;
}

interface Verdict {
  readonly error: ParleyError;
  readonly reconnect: boolean;
}

const byeText = JSON.stringify({ op: "bye" });
const pingText = JSON.stringify({ op: "ping" });

export class Connection {
  readonly #options: ConnectionOptions;
  #state: State = "offline";
  #link: Link | undefined;
  #cancelRetry: CancelTimer | undefined;
  #closing: (() => void) | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get state(): State {
    return this.#state;
  }

  /** Makes the first attempt, or the next one without waiting for the back-off. */
  connect(): void {
    if (this.#state !== "offline" || this.#closing) return;
    this.#cancelRetry?.();
    this.#attempt();
  }

  /** Sends a text if online, and says whether it did. Hot path. */
  send(text: string): boolean {
    if (this.#state !== "online") return false;
    this.#link?.socket?.send(text);
    return true;
  }

  /** Says `bye` and waits at most `timeoutMs` for the server to close. No new attempt follows. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#state === "closed") return;
    this.#cancelRetry?.();
    const link = this.#link;
    if (link?.online) {
      await new Promise<void>((resolve) => {
        const cancel = this.#options.environment.after(timeoutMs, resolve);
        this.#closing = () => {
          cancel();
          resolve();
        };
        link.socket?.send(byeText);
        link.socket?.close();
      });
    }
    this.#finish(undefined);
  }

  /** Ends for good, with the reason. */
  fail(error: ParleyError): void {
    this.#finish(error);
  }

  #attempt(): void {
    const { environment, connectTimeoutMs, token, backoff } = this.#options;
    const link: Link = {
      socket: undefined,
      online: false,
      heartbeat: undefined,
      cancelTimeout: environment.after(connectTimeoutMs, () =>
        this.#drop(link, new ParleyError("timeout", `no welcome within ${connectTimeoutMs} ms`)),
      ),
      verdict: undefined,
    };
    this.#link = link;
    this.#change({ state: "connecting", attempt: backoff.failures + 1 });
    token().then(
      (value) => this.#open(link, value),
      (error: unknown) => this.#drop(link, asParleyError(error, "disconnected")),
    );
  }

  #open(link: Link, token: string | undefined): void {
    if (this.#link !== link) return;
    const { transport, url, hello } = this.#options;
    const isCurrent = () => this.#link === link;
    try {
      link.socket = transport.connect(url, {
        opened: () => {
          if (isCurrent()) link.socket?.send(hello(token));
        },
        received: (text) => {
          if (isCurrent()) this.#received(link, text);
        },
        closed: (reason) => {
          if (isCurrent()) this.#lost(link, new ParleyError("disconnected", reason));
        },
      });
    } catch (error) {
      this.#finish(asParleyError(error, "bad_argument"));
    }
  }

  #received(link: Link, text: string): void {
    link.heartbeat?.heard();
    const message = parseServerText(text);
    if (message === undefined) return;
    if (message === "bad") {
      this.#drop(link, new ParleyError("bad_answer", "the server sent an invalid message"));
      return;
    }
    if (message.op === "bye") link.verdict = this.#verdictOf(message, message.reconnect);
    else if (!link.online) this.#greeted(link, message);
    else {
      // What ends the connection and answers no request is told with the state that follows.
      if (message.op === "error" && this.#noteEnd(link, message) && message.ref === undefined) return;
      this.#options.handler.received(message);
    }
  }

  /** The answer to `hello`. */
  #greeted(link: Link, message: ServerMessage): void {
    if (message.op === "error") {
      const error = answeredError(message);
      const { reconnect } = this.#verdictOf(
        message,
        message.reconnect ?? (helps(error.code) || message.retryAfter !== undefined),
      );
      this.#drop(link, error, reconnect);
    } else if (message.op === "welcome") this.#welcomed(link, message);
    // else: nothing else has a meaning before welcome
  }

  #welcomed(link: Link, { op: _, ref: __, ...welcome }: Welcome & { op: string; ref?: string }): void {
    const { handler, environment, backoff, pingTimeoutMs } = this.#options;
    try {
      handler.welcomed(welcome);
    } catch (error) {
      this.#finish(asParleyError(error, "bad_argument"));
      return;
    }
    link.online = true;
    link.cancelTimeout?.();
    backoff.reset();
    const idleMs = welcome.limits?.idleMs || Number.POSITIVE_INFINITY;
    link.heartbeat = new Heartbeat({
      environment,
      intervalMs: Math.min(this.#options.pingIntervalMs, idleMs / 3),
      timeoutMs: pingTimeoutMs,
      ping: () => link.socket?.send(pingText),
      dead: () => this.#drop(link, new ParleyError("disconnected", `nothing heard for ${pingTimeoutMs} ms`)),
    });
    this.#change({ state: "online", welcome });
  }

  /** Whether the server closes after this error; remembers what it said about it. */
  #noteEnd(link: Link, message: { code: string; message: string; retryAfter?: number; reconnect?: boolean }): boolean {
    const closes = message.reconnect !== undefined || (isErrorCode(message.code) && errors[message.code].closes);
    if (!closes) return false;
    const renewable = message.code === "unauthorized" && this.#options.renewsToken;
    const reconnect = message.reconnect ?? (renewable || helps(message.code));
    link.verdict = this.#verdictOf(message, reconnect);
    return true;
  }

  /** What an end means that the server announced: with the same token again it would only be told the same. */
  #verdictOf(message: { code: string; message: string; retryAfter?: number }, reconnect: boolean): Verdict {
    const helpless = message.code === "token_expired" && !this.#options.renewsToken;
    return { error: answeredError(message), reconnect: reconnect && !helpless };
  }

  /** Gives a link up from this side. */
  #drop(link: Link, error: ParleyError, reconnect = true): void {
    if (this.#link !== link) return;
    link.socket?.abort();
    link.verdict ??= { error, reconnect };
    this.#lost(link, error);
  }

  #lost(link: Link, reason: ParleyError): void {
    const { error, reconnect } = link.verdict ?? { error: reason, reconnect: true };
    this.#detach(link);
    if (this.#closing) {
      this.#closing();
      return;
    }
    if (!reconnect) {
      this.#finish(error);
      return;
    }
    const { backoff, maxAttempts, environment } = this.#options;
    if (!link.online && backoff.failures + 1 >= maxAttempts) {
      const message = `gave up after ${maxAttempts} ${maxAttempts === 1 ? "attempt" : "attempts"}: ${error.message}`;
      this.#finish(new ParleyError("unreachable", message, { cause: error }));
      return;
    }
    const retryInMs = backoff.next(error.retryAfter);
    this.#cancelRetry = environment.after(retryInMs, () => this.connect());
    this.#change({ state: "offline", error, retryInMs });
  }

  #detach(link: Link): void {
    link.cancelTimeout?.();
    link.heartbeat?.stop();
    this.#link = undefined;
    if (link.online) {
      this.#state = "offline";
      this.#options.handler.disconnected();
    }
  }

  #finish(error: ParleyError | undefined): void {
    if (this.#state === "closed") return;
    this.#cancelRetry?.();
    const link = this.#link;
    if (link) {
      link.socket?.abort();
      this.#detach(link);
    }
    this.#change(error ? { state: "closed", error } : { state: "closed" });
  }

  #change(change: StateChange): void {
    this.#state = change.state;
    this.#options.handler.changed(change);
  }
}

/** Whether trying again helps; a code that is newer than this client counts as `no` (PROTOCOL.md, "Errors"). */
function helps(code: string): boolean {
  return isErrorCode(code) && errors[code].retry !== "no";
}
