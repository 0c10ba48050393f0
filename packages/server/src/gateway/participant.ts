/**
 * One connection of a protocol that has a name, texts and nothing more: no acknowledgements, no positions, no copies. All
 * that such gateways have in common is here; a gateway adds its codec and what its commands mean. Hot path.
 */
import { type ErrorCode, errors, fail, ok, type Result } from "@parley/protocol";
import type { Actor } from "../core/authorisation.ts";
import type { Command } from "../core/commands.ts";
import type { Connection, CoreEvent } from "../core/connection.ts";
import type { Core } from "../core/core.ts";
import type { Credentials, Identity } from "../core/identity.ts";
import type { Run } from "../core/run.ts";
import type { Session } from "../core/session.ts";
import type { OpenConnection, Watched } from "../core/traffic.ts";
import type { Entry, EntryEncoder } from "../engine/entry.ts";
import { AutoAck } from "./auto-ack.ts";
import { FlowGate } from "./flow-gate.ts";
import type { GatewayLog } from "./gateway.ts";
import { isOwn } from "./rendering.ts";
import { type TaskOwner, TaskQueue } from "./task-queue.ts";
import { unexpected } from "./unexpected.ts";
import type { Wire } from "./wire.ts";

/** What the core tells beside messages: answers with the `ref` of their command, faults, presence. */
export type Told = Exclude<CoreEvent, Entry>;

/** What one protocol makes of events. */
export interface Speech {
  /** The text of a message's frame. */
  encode(entry: Entry): string;
  /** Whether `told` needs no `ok` for what went to who is connected. */
  readonly onlyStored?: true;
  /** Makes whole frames, which connections share. */
  readonly shared: EntryEncoder;
  /** False: the peer is not shown this message; it counts as received. */
  shows?(entry: Entry): boolean;
  /** Answers what a command came to. Never called with a message. */
  told(event: Told): void;
  /** The connection is about to be closed by the server: the last chance to say why. */
  closing?(code: ErrorCode, message: string): void;
}

/** What is done on the way into a session, each where it is needed. */
export interface OnLogin {
  /** It is known who it is, and no log is read yet: the place to make it a member of something. */
  prepare?(actor: Actor): Promise<void>;
  /** Before the first message. */
  beforeStart?(session: Session): void;
}

export class Participant implements Connection, Watched, TaskOwner {
  readonly info: Connection["info"];
  readonly tasks: TaskQueue;
  readonly #core: Core;
  readonly #wire: Wire;
  readonly #gate: FlowGate;
  readonly #open: OpenConnection;
  readonly #speech: Speech;
  readonly #log: GatewayLog;
  /** So much time is given to log in, where that is asked for. */
  #loginTimer: NodeJS.Timeout | undefined;
  #session: Session | undefined;
  #acks: AutoAck<Session> | undefined;
  /** Called when the session is no longer behind, or nothing can be told to the peer any more. */
  #whenLive: (() => void) | undefined;
  /** Whether a login was begun on it. */
  hasNamedItself = false;
  /** The peer is gone; what it asked before that is still carried out. */
  #lost = false;
  #ended = false;
  /** Sweeps of `IdleSweep` in a row that heard nothing. */
  silentSweeps = 0;

  constructor(core: Core, wire: Wire, speech: Speech, log: GatewayLog) {
    this.info = wire.info;
    this.#core = core;
    this.#wire = wire;
    this.#speech = speech;
    this.#log = log;
    this.#gate = new FlowGate(wire, wire.outbox);
    this.#open = core.traffic.connected(this);
    this.tasks = new TaskQueue(this.#gate, this);
    if (!core.openLogin) this.#awaitLogin("no token");
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /**
   * From now on the connection speaks for whom these credentials prove, or for whom `who` finds, and gets what waited. A
   * session that it had ends when its peer has been given all that there was. Faults: those of `core.identify` and
   * `core.begin`, `storage_unavailable`.
   */
  async login(
    who: Credentials | (() => Promise<Result<Identity>>),
    { prepare, beforeStart }: OnLogin = {},
  ): Promise<Result<Session>> {
    this.hasNamedItself = true;
    try {
      const identity = await (typeof who === "function" ? who() : this.#core.identify(who, this.info));
      if (!identity.ok) return identity;
      if (prepare) {
        const actor = await this.#core.actor(identity.value);
        if (!actor.ok) return actor;
        await prepare(actor.value);
      }
      const result = await this.#core.begin(this, identity.value, { window: this.#core.limits.maxWindow });
      if (!result.ok) return result;
      const { session } = result.value;
      while (this.#session?.behind && !this.#lost) await new Promise<void>((resolve) => (this.#whenLive = resolve));
      if (this.#ended) {
        session.end();
        return fail("shutting_down", "the connection is gone");
      }
      this.logout();
      clearTimeout(this.#loginTimer);
      this.#loginTimer = undefined;
      this.#session = session;
      this.#open.user = session.user.name;
      this.#wire.allowance?.isOf(this.#core.limiter.user(session.user.key));
      const acks = new AutoAck(this.#core, session);
      this.#acks = acks;
      this.#wire.outbox.observe(acks);
      beforeStart?.(session);
      session.start();
      return ok(session);
    } catch (error) {
      return unexpected(error, this.info.gateway, this.#log);
    }
  }

  /** The connection speaks for nobody. */
  logout(): void {
    this.#session?.end();
    this.#session = undefined;
  }

  /** Carries out a command for the user; what comes of it is told to the speech. False: nobody is logged in. */
  handle(command: Command): boolean {
    if (!this.#session) return false;
    this.#core.handle(this.#session, command);
    return true;
  }

  /**
   * A frame of `bytes` bytes came, whatever is in it. The protocol has no word for "too fast": a peer that is, is not read from
   * until it has kept to its rates, which refuses and loses nothing.
   */
  counted(bytes: number): void {
    const pause = this.#wire.allowance?.charge(bytes) ?? 0;
    if (pause > 0) this.#gate.pauseFor(pause);
  }

  /** A frame of the carrier's own came. */
  controlled(): void {
    this.counted(0);
  }

  /** A frame came that is not of the protocol: the connection of who sends nothing else is closed. */
  faulty(): void {
    if (this.#wire.allowance?.faulty() === false)
      this.close("rate_limited", "too many frames that are not of this protocol");
  }

  /** Closes the connection unless somebody is logged in on it in time: as it is anyhow where a token is needed. */
  awaitLogin(): void {
    if (this.#core.openLogin) this.#awaitLogin("nobody logged in");
  }

  #awaitLogin(missed: string): void {
    const { loginMs } = this.#core.policy;
    const tooLate = () => this.close("hello_timeout", `${missed} within ${loginMs / 1000} seconds`);
    this.#loginTimer = setTimeout(tooLate, loginMs);
  }

  /** Puts a frame into the outbox. */
  say(frame: string): void {
    if (this.#lost) return;
    this.#wire.outbox.push(frame);
    this.#gate.answered();
  }

  // As the core's connection

  get hearsOnlyStored(): boolean {
    return this.#speech.onlyStored ?? false;
  }

  get waitingBytes(): number {
    return this.#wire.outbox.waitingBytes;
  }

  deliver(event: CoreEvent, shared: boolean): "queued" | "full" {
    const { outbox } = this.#wire;
    if (event.op === "message") return this.#deliverMessage(event, shared);
    if (event.op === "presence" && event.ref === undefined && outbox.full) return "full";
    if (event.op === "live") this.#whenLive?.();
    this.#speech.told(event);
    return outbox.full ? "full" : "queued";
  }

  #deliverMessage(entry: Entry, shared: boolean): "queued" | "full" {
    const { outbox } = this.#wire;
    if (outbox.full || this.#lost) return "full";
    if (!this.#shows(entry)) {
      this.#acks?.skipped(entry);
      return "queued";
    }
    const speech = this.#speech;
    outbox.push(shared ? entry.encodedBy(speech.shared) : speech.encode(entry));
    this.#acks?.queued(entry.log, entry.seq);
    return "queued";
  }

  deliverAll(run: Run, shared: boolean): boolean {
    const { outbox } = this.#wire;
    const speech = this.#speech;
    if (outbox.full || this.#lost || speech.shows) return false;
    if (shared) outbox.push(run.encodedBy(speech.shared));
    else for (const entry of run.entries) outbox.push(speech.encode(entry));
    this.#acks?.queued(run.log, run.last);
    return true;
  }

  #shows(entry: Entry): boolean {
    if (this.#session && isOwn(entry, this.#session)) return false;
    return this.#speech.shows?.(entry) ?? true;
  }

  pause(): void {
    this.#gate.pause();
  }

  resume(): void {
    this.#gate.resume();
  }

  /** Closes from the server's side, with the reason told where the protocol can. */
  close(code: ErrorCode, message: string): void {
    if (this.#ended || this.#lost) return;
    this.#open.ended(code);
    this.#speech.closing?.(code, message);
    this.#lose();
    this.#end();
    this.#wire.outbox.close();
    this.#wire.end(errors[code].wsClose, code);
  }

  // As the owner of its tasks

  failed(error: unknown): void {
    this.#log.error(`bug in ${this.info.gateway}`, error);
  }

  // As the wire's

  heard(): void {
    this.silentSweeps = 0;
  }

  probe(): void {
    if (!this.#lost) this.#wire.probe();
  }

  /** Nothing was heard for too long. */
  idle(): void {
    this.close("idle", `nothing was received for ${this.#core.limits.idleMs} ms`);
  }

  drained(): void {
    this.#gate.drained();
    this.#session?.drained();
  }

  /** The gateway stops: who is not logged in is told here, sessions are told by the core. */
  stop(): void {
    if (!this.#session) this.close("shutting_down", "the server is going down");
  }

  /** The peer is gone. What it asked before that is carried out first, as if it were there. */
  gone(): void {
    if (this.#lost) return;
    this.#open.ended("gone");
    this.#lose();
    this.tasks.run(() => this.#end());
  }

  #lose(): void {
    this.#lost = true;
    clearTimeout(this.#loginTimer);
    this.#whenLive?.();
  }

  #end(): undefined {
    this.#ended = true;
    this.logout();
  }
}
