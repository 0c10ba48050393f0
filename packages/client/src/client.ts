/**
 * The client: what an application holds. It starts and ends the parts (`parts.ts`) and gives the application its
 * methods; it has no state of its own beside its life cycle: created → connect → … → closed.
 */
import type { Position } from "@parley/protocol";
import { Backoff } from "./backoff.ts";
import { Connection } from "./connection.ts";
import { Emitter, type Listener, type Unsubscribe } from "./emitter.ts";
import { randomName, within } from "./environment.ts";
import { asParleyError, closedError, ParleyError } from "./errors.ts";
import type { ClientEvents, SendResult, State, StateChange, Welcome } from "./events.ts";
import { helloText } from "./hello.ts";
import { type HistoryOptions, type HistoryPage, readPage, readPages } from "./history.ts";
import { type ListingOptions, type RoomPage, readRooms, readUsers, type UserPage } from "./listings.ts";
import { join, leave } from "./membership.ts";
import type { AckOptions, Message } from "./message.ts";
import { HandlerConsumer, type MessageHandler } from "./message-handler.ts";
import { MessageStream } from "./message-stream.ts";
import { type ClientOptions, completeOptions, type Settings } from "./options.ts";
import type { Outcome } from "./outbox.ts";
import { createParts, type Parts } from "./parts.ts";
import { Router } from "./router.ts";
import { createSend, type SendOptions } from "./send.ts";

/** How long a `bye` may take. */
const byeTimeoutMs = 1000;
const defaultCloseTimeoutMs = 5000;

/** Made by `createClient`. One user, one device, one connection at a time; not usable again after `closed`. */
export class Client {
  readonly #settings: Settings;
  readonly #parts: Parts;
  readonly #router: Router;
  readonly #connection: Connection;
  readonly #idPrefix: string;
  #nextId = 1;
  #device: string | undefined;
  #handler: HandlerConsumer | undefined;
  #welcomed: PromiseWithResolvers<Welcome> | undefined;
  #starting: Promise<void> = Promise.resolve();
  #loaded = false;
  #closing: Promise<void> | undefined;
  /** Why this client is at its end; undefined while it lives. */
  #end: ParleyError | undefined;
  #released: Promise<void> = Promise.resolve();

  constructor(options: ClientOptions) {
    const settings = completeOptions(options);
    const emitter = new Emitter<ClientEvents>({
      failed: (error, event) => this.#listenerFailed(error, event),
      unheard: (name, event) => {
        if (name === "error") console.error("parley: a problem that no error listener took", event);
      },
    });
    this.#settings = settings;
    this.#device = settings.device;
    this.#idPrefix = randomName(settings.environment);
    this.#parts = createParts(settings, emitter, (text) => this.#connection.send(text));
    this.#router = new Router(this.#parts);
    this.#connection = new Connection({
      ...settings,
      backoff: new Backoff(settings.backoff, settings.environment),
      hello: (token) => this.#hello(token),
      handler: {
        welcomed: (welcome) => this.#router.welcomed(welcome),
        received: (message) => this.#router.received(message),
        disconnected: () => {
          this.#parts.outbox.disconnected();
          this.#parts.renewal.stop();
        },
        changed: (change) => this.#changed(change),
      },
    });
  }

  get state(): State {
    return this.#connection.state;
  }

  /** Who the server said we are, with session and limits; undefined before the first connection. */
  get welcome(): Welcome | undefined {
    return this.#router.welcome;
  }

  /** Sends that have no answer yet. */
  get pendingSends(): number {
    return this.#parts.outbox.size;
  }

  /** Up to where the application has handled each log. */
  get positions(): Position[] {
    return this.#parts.cursors.handledPositions();
  }

  /**
   * Loads the persistence, connects, and stays connected. Resolves when online for the first time; attempts go on in the
   * background until then. Rejects only where trying again does not help (refused login, wrong user, attempts used up, closed),
   * when the persistence is free again.
   */
  connect(): Promise<Welcome> {
    if (this.#end) return Promise.reject(this.#end);
    if (!this.#welcomed) {
      this.#welcomed = Promise.withResolvers();
      this.#starting = this.#start();
    }
    return this.#welcomed.promise;
  }

  /** Attempts to connect at once instead of when the back-off is over, e.g. because the network is back. */
  retryNow(): void {
    if (this.#loaded) this.#connection.connect();
  }

  /**
   * Sends a message; also while offline (it waits, in order). Resolves when the server has stored it, with how durably;
   * rejects with the server's error, with `outbox_full`, or `closed`. Over reconnects, and with a persistence over restarts
   * of the process, it is repeated under the same `clientId` until answered, and stored once.
   */
  send(to: string | readonly string[], body: string | Uint8Array, options: SendOptions = {}): Promise<SendResult> {
    const { outbox, ledger } = this.#parts;
    if (this.#end || this.#closing) return Promise.reject(this.#end ?? closedError());
    if (outbox.isFull) {
      const message = `${outbox.size} sends wait for an answer; more than maxOutbox or maxOutboxCharacters allow`;
      return Promise.reject(new ParleyError("outbox_full", message));
    }
    return new Promise((resolve, reject) => {
      const clientId = options.clientId ?? `${this.#idPrefix}-${(this.#nextId++).toString(36)}`;
      const send = createSend(to, body, clientId, options);
      ledger.write({ type: "queued", send });
      outbox.add(send, this.#outcome(clientId, resolve, reject));
    });
  }

  /** Resolves when every send has its answer. */
  flush(): Promise<void> {
    return this.#parts.outbox.emptied();
  }

  /** Resolves when everything so far (sends, handled positions) is in the persistence. */
  saved(): Promise<void> {
    this.#parts.acks.flush();
    return this.#parts.ledger.saved();
  }

  /**
   * Delivered messages, each log in order, each once. Asking for the next message acknowledges the former one. Leaving
   * the loop does not: the message in hand goes to the next consumer, unless `message.ack()` was called. Ends with `close()`,
   * throws if the client was closed by a fault. One consumer at a time: this or `on("message")`.
   */
  messages(): AsyncIterableIterator<Message, undefined> {
    return new MessageStream(this.#parts.inbox);
  }

  /**
   * Subscribes. For `message` there is one handler at a time; it may return a promise, gets the next message when that
   * has resolved, and the message is acknowledged then. If it fails, an `error` event tells, and the message is handed
   * again after a back-off (without end; other logs go on meanwhile), so that nothing is lost to a fault of the handler.
   */
  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): Unsubscribe {
    if (name !== "message") return this.#parts.emitter.on(name, listener);
    const handler = new HandlerConsumer(this.#parts.inbox, listener as MessageHandler);
    this.#handler = handler;
    return () => handler.detach();
  }

  /** Acknowledges everything in a log up to `seq`; with `read`, says that a person has seen it. */
  ack(log: string, seq: number, options: AckOptions = {}): void {
    const cursor = this.#parts.cursors.get(log);
    if (cursor) this.#parts.acks.acknowledge(cursor, seq, options);
  }

  /** Becomes a member of a room (made if new). Resolves with the position after which its messages are delivered. */
  join(room: string): Promise<Position> {
    return join(this.#parts.requests, room);
  }

  /** Ends the membership; what was delivered before is still handed out. */
  leave(room: string): Promise<void> {
    return leave(this.#parts, room, (log) => this.#router.forget(log));
  }

  /** One page of a log, messages in ascending order; without bounds the newest. */
  history(log: string, options: HistoryOptions = {}): Promise<HistoryPage> {
    return readPage((question) => this.#parts.requests.ask<"history">(question), log, options);
  }

  /** Page after page of a log: backwards from the end (or from `before`), or forwards from `after`. */
  historyPages(log: string, options: HistoryOptions = {}): AsyncGenerator<HistoryPage, void, undefined> {
    return readPages((question) => this.#parts.requests.ask<"history">(question), log, options);
  }

  /** Known users, or the members of a room, with their presence. */
  users(options: ListingOptions & { readonly room?: string } = {}): Promise<UserPage> {
    return readUsers(this.#parts.requests, options);
  }

  rooms(options: ListingOptions = {}): Promise<RoomPage> {
    return readRooms(this.#parts.requests, options);
  }

  /** Asks for `presence` events of these users (their present state comes first), or of everybody. Lasts over reconnects. */
  watch(users?: readonly string[]): Promise<void> {
    return this.#parts.watches.watch(users);
  }

  /** Ends watches; without `users` all of them. */
  unwatch(users?: readonly string[]): Promise<void> {
    return this.#parts.watches.unwatch(users);
  }

  /**
   * Hands out no more messages, waits (bounded) for open sends and the running handler, saves and acknowledges what was
   * handled, says `bye`. Sends without an answer reject with `closed`; with a persistence they are repeated by the next
   * client. Do not await it inside a message handler.
   */
  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeoutMs ?? defaultCloseTimeoutMs);
    return this.#closing;
  }

  async #start(): Promise<void> {
    const { ledger, outbox } = this.#parts;
    const { user, persistence, environment } = this.#settings;
    try {
      const state = await ledger.load();
      this.#loaded = true;
      this.#router.restore(state, user);
      this.#device ??= state.device ?? (persistence ? randomName(environment) : undefined);
      outbox.restore(state.outbox, ({ clientId }) => this.#outcome(clientId));
    } catch (error) {
      return this.#connection.fail(asParleyError(error, "persistence_failed"));
    }
    if (!this.#closing) this.#connection.connect();
  }

  async #close(timeoutMs: number): Promise<void> {
    const { inbox, outbox, acks, ledger } = this.#parts;
    inbox.close(undefined);
    await within(this.#settings.environment, timeoutMs, this.#starting);
    const answers = this.state === "online" ? outbox.emptied() : undefined;
    await within(this.#settings.environment, timeoutMs, Promise.all([this.#handler?.idle(), answers]));
    acks.flush();
    if (this.#loaded) await within(this.#settings.environment, timeoutMs, ledger.saved());
    await this.#connection.close(byeTimeoutMs);
    await this.#released;
  }

  #hello(token: string | undefined): string {
    const { user, window } = this.#settings;
    const device = this.#device ?? this.#router.welcome?.device;
    return helloText({ user, token, device, window }, this.#parts.cursors.resumePositions());
  }

  #changed(change: StateChange): void {
    if (change.state === "online") {
      this.#router.online();
      if (this.#settings.renewsToken) this.#parts.renewal.begin(change.welcome.expiresIn);
    }
    if (change.state === "closed") this.#ended(change.error);
    this.#parts.emitter.emit("state", change);
    if (change.state === "online") this.#welcomed?.resolve(change.welcome);
  }

  #ended(error: ParleyError | undefined): void {
    const { inbox, outbox, requests, acks } = this.#parts;
    this.#end = error ?? closedError();
    acks.flush();
    inbox.close(error);
    outbox.close(this.#end);
    requests.close(this.#end);
    const refuse = () => this.#welcomed?.reject(this.#end);
    this.#released = this.#release();
    // Whoever tries again then, with the same persistence, finds that nobody uses it.
    this.#released.then(refuse, refuse);
  }

  async #release(): Promise<void> {
    const { ledger } = this.#parts;
    if (this.#loaded) await within(this.#settings.environment, defaultCloseTimeoutMs, ledger.saved());
    await ledger.close();
  }

  /** What becomes of a send is told by event, and to who holds the promise, if anybody does. */
  #outcome(clientId: string, resolve?: (result: SendResult) => void, reject?: (error: ParleyError) => void): Outcome {
    return {
      resolve: (result) => {
        resolve?.(result);
        this.#parts.emitter.emit("sent", result);
      },
      reject: (error) => {
        reject?.(error);
        this.#parts.emitter.emit("rejected", { clientId, error });
      },
    };
  }

  #listenerFailed(error: unknown, event: keyof ClientEvents): void {
    if (event === "error") console.error("parley: a listener of error events threw", error);
    else this.#parts.emitter.emit("error", { type: "listener", error, event });
  }
}

/** Makes a client; nothing happens until `connect()`. */
export function createClient(options: ClientOptions): Client {
  return new Client(options);
}
