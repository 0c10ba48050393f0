/**
 * One agent: the user that it speaks for, the address that it logged in from, and what goes there. Until the address has
 * shown that it receives, no more bytes go to it than came from it, and no messages. Where a token was needed, `secret` is
 * in every later datagram, and shows both that it receives and that the datagram is its own. A message is acknowledged when
 * the operating system took its datagram; one that no datagram holds, when its dead letter is on disk. Hot path.
 */
import { timingSafeEqual } from "node:crypto";
import { type ErrorCode, fail, type Result } from "@parley/protocol";
import type { Connection, CoreEvent } from "../../core/connection.ts";
import type { Core } from "../../core/core.ts";
import type { User } from "../../core/directory.ts";
import type { Identity } from "../../core/identity.ts";
import type { Allowance } from "../../core/limits/allowance.ts";
import type { LogFields } from "../../core/log.ts";
import { messageIdOf } from "../../core/message.ts";
import type { Session } from "../../core/session.ts";
import type { EndReason, OpenConnection, Watched } from "../../core/traffic.ts";
import type { Entry } from "../../engine/entry.ts";
import { DatagramQueue, type Send } from "../datagram-queue.ts";
import type { Sweepable } from "../idle-sweep.ts";
import { isOwn } from "../rendering.ts";
import { type Task, TaskQueue } from "../task-queue.ts";
import { encodeEntry, encodeNotice } from "./codec.ts";

/** Where a datagram came from, and how many bytes it had. */
export interface Source {
  readonly address: string;
  readonly port: number;
  readonly bytes: number;
}

export interface AgentOptions {
  readonly core: Core;
  /** Where it logged in from. */
  readonly source: Source;
  /** The `sender_port`: where it receives. */
  readonly port: number;
  /** What it may still send. */
  readonly allowance: Allowance;
  /** Nobody can pretend to be at that address: there is nothing to show. */
  readonly local: boolean;
  /** What only the agent is told; undefined where login is open. */
  readonly secret: string | undefined;
  readonly send: Send;
  readonly maxDatagramBytes: number;
  readonly maxQueuedBytes: number;
  readonly onError: (error: unknown, about?: LogFields) => void;
  /** Called once, when it is offline. */
  readonly onEnd: (agent: Agent) => void;
}

/** Requests of one agent that wait or are not answered yet; what comes beyond them is refused. */
const maxPending = 1024;
/** Why somebody may not log in, or not stay. */
export const tooMany = "too many agents are logged in";
const neverPaused = { pause() {}, resume() {} };

export class Agent implements Connection, Sweepable, Watched {
  readonly info: Connection["info"];
  readonly address: string;
  readonly port: number;
  readonly #options: AgentOptions;
  readonly #queue: DatagramQueue;
  readonly #tasks: TaskQueue;
  readonly #open: OpenConnection;
  silentSweeps = 0;
  #session: Session | undefined;
  /** Bytes that came and were not answered: counted until the address is trusted. */
  #allowance = 0;
  #trusted: boolean;
  #acknowledged = false;
  #pending = 0;
  #leaving = false;
  #ended = false;
  /** Messages that were taken, in that order, and whether they have left. */
  readonly #taken: { readonly entry: Entry; left: boolean }[] = [];

  constructor(options: AgentOptions) {
    const { source, port, local, send, maxQueuedBytes, onError } = options;
    this.info = { gateway: "udp-agent", address: `${source.address}:${port}` };
    this.address = source.address;
    this.port = port;
    this.#options = options;
    this.#trusted = local;
    this.#queue = new DatagramQueue(send, maxQueuedBytes, () => this.#session?.drained());
    this.#tasks = new TaskQueue(neverPaused, { failed: onError });
    this.#open = options.core.traffic.connected(this);
  }

  /** Who acts through it; undefined until it is logged in. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** The user that it speaks for; undefined until it is logged in. */
  get user(): User | undefined {
    return this.#session?.user;
  }

  get waitingBytes(): number {
    return this.#queue.bytes;
  }

  /** Whether a datagram with that secret is the agent's. */
  owns(secret: string | undefined): boolean {
    const own = this.#options.secret;
    if (own === undefined) return true;
    const [mine, theirs] = [Buffer.from(own), Buffer.from(secret ?? "")];
    return mine.length === theirs.length && timingSafeEqual(mine, theirs);
  }

  /** Whether the address has shown that it receives. */
  get trusted(): boolean {
    return this.#trusted;
  }

  /** Whether a `log_in` from there is a repeat of this agent's. */
  isAt({ port }: Source, receivingPort: number): boolean {
    return port === this.#options.source.port && receivingPort === this.port;
  }

  /** A datagram came from the agent's address. True: this one showed that the address receives; messages follow. */
  heard({ port, bytes }: Source, isLogin = false): boolean {
    this.silentSweeps = 0;
    this.#allowance += bytes;
    const { source, secret } = this.#options;
    // Who knows the secret was told it; else it is the port that the acknowledgement went to, or came from.
    const isTold = secret === undefined ? port === source.port || port === this.port : !isLogin;
    const shows = this.#acknowledged && isTold;
    if (this.#trusted || !shows) return false;
    this.#trusted = true;
    this.#session?.start();
    return true;
  }

  /** A datagram of `bytes` bytes asks for something. Returns in how many ms it may be repeated; 0: it may be carried out. */
  ask(bytes: number): number {
    return this.#options.allowance.ask(bytes);
  }

  /** Does `task` after those before it. False: too many wait, it is not done. */
  run(task: Task): boolean {
    if (this.#pending >= maxPending) return false;
    const done = this.pending();
    this.#tasks.run(() => {
      done();
      return this.#ended ? undefined : task();
    });
    return true;
  }

  /** Counts a request that was begun, until the returned function is called. */
  pending(): () => void {
    this.#pending += 1;
    return () => {
      this.#pending -= 1;
    };
  }

  /** Begins a session. Faults and rejections: those of `core.begin`; `replaced` where it had to make room meanwhile. */
  async logIn(identity: Result<Identity>): Promise<Result<User>> {
    if (!identity.ok) return identity;
    const result = await this.#options.core.begin(this, identity.value, {});
    if (!result.ok) return result;
    const { session } = result.value;
    if (this.#ended) {
      session.end();
      return fail("replaced", tooMany);
    }
    this.#session = session;
    this.#open.user = session.user.name;
    this.#options.allowance.isOf(this.#options.core.limiter.user(session.user.key));
    return { ok: true, value: session.user };
  }

  /** Lets the session go on by a newer token of its user. */
  renew(token: string): void {
    if (this.#session) this.#options.core.handle(this.#session, { op: "renew", token });
  }

  /** Tells that it is logged in, by what `encode` makes in so many bytes; messages follow where the address is trusted. */
  acknowledge(encode: (maxBytes: number, more: object) => Buffer): void {
    const { secret } = this.#options;
    this.say(encode(this.room, secret === undefined ? {} : { session: secret }));
    if (this.#acknowledged) return;
    this.#acknowledged = true;
    if (this.#trusted) this.#session?.start();
  }

  /** The longest datagram that `say` would send now. */
  get room(): number {
    const { maxDatagramBytes } = this.#options;
    return this.#trusted ? maxDatagramBytes : Math.min(maxDatagramBytes, this.#allowance);
  }

  /** Sends an answer, or drops it where the address may not get so much, or has too much to take already. */
  say(datagram: Buffer, done?: () => void): boolean {
    if (datagram.length > this.room || this.#queue.full) return false;
    if (!this.#trusted) this.#allowance -= datagram.length;
    this.#queue.push(datagram, done);
    return true;
  }

  // As the core's connection

  deliver(event: CoreEvent, shared: boolean): "queued" | "full" {
    if (event.op !== "message") return "queued";
    if (this.#leaving || this.#queue.full) return "full";
    const taken = { entry: event, left: false };
    this.#taken.push(taken);
    if (this.#isOwn(event)) {
      // Not before the session has noted it as sent, which it does when this returns.
      queueMicrotask(() => this.#left(taken));
      return "queued";
    }
    const datagram = shared ? event.encodedBy(encodeEntry) : encodeEntry(event);
    if (datagram.length <= this.#options.maxDatagramBytes)
      this.#queue.push(datagram, (sent) => (sent ? this.#left(taken) : this.end()));
    else void this.#bury(taken);
    return "queued";
  }

  /** What the user said to others does not come back, from whatever connection it was said. */
  #isOwn(entry: Entry): boolean {
    const { user } = this;
    return user !== undefined && isOwn(entry, { user, since: Number.POSITIVE_INFINITY });
  }

  async #bury(taken: { readonly entry: Entry; left: boolean }): Promise<void> {
    const { core, onError } = this.#options;
    try {
      await core.undelivered("too_large", taken.entry, this.user as User);
      this.#left(taken);
    } catch (error) {
      // It stays in the log, and is met again by the next session.
      onError(error, { messageId: messageIdOf(taken.entry.payload), user: this.user?.name });
      this.end();
    }
  }

  /** Acknowledges in the order in which messages were taken, because one acknowledgement covers all before it. */
  #left(taken: { left: boolean }): void {
    taken.left = true;
    const { core } = this.#options;
    while (this.#taken[0]?.left && this.#session) {
      const { log, seq } = (this.#taken.shift() as { entry: Entry }).entry;
      core.handle(this.#session, { op: "ack", log, seq });
    }
  }

  /** Datagrams come whether they are wanted or not: `run` bounds them. */
  pause(): void {}
  resume(): void {}

  /** Where it may be the agent's own doing, it is told why: a token has an end. */
  close(code: ErrorCode, reason: string): void {
    const { secret, send } = this.#options;
    const notice = encodeNotice(reason);
    if (secret !== undefined && code !== "shutting_down" && notice.length <= this.room) send(notice, () => {});
    this.end(code);
  }

  // The end

  /** Ends when `farewell` has left; nothing else leaves before it that does not wait already. */
  leave(farewell: Buffer): void {
    this.#leaving = true;
    if (!this.say(farewell, () => this.end("bye"))) this.end("bye");
  }

  /** Nothing was heard for too long. */
  idle(): void {
    this.end("idle");
  }

  end(reason: EndReason = "gone"): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#open.ended(reason);
    this.#queue.close();
    this.#options.allowance.end();
    this.#session?.end();
    this.#options.onEnd(this);
  }
}
