/**
 * One connection of `parley.v1`, whatever carries it: `hello` first, then commands; the time limits; what ends it. The
 * carriers (`websocket.ts`, `tcp.ts`) give it frames as text and a way to write and close. Hot path.
 */
import { type ClientMessage, type ErrorCode, errors, type Fault, fail, helloFrameBytes } from "@parley/protocol";
import { parseClientMessage } from "@parley/protocol/validate";
import type { Connection, CoreEvent } from "../../core/connection.ts";
import type { Core } from "../../core/core.ts";
import { type About, errorEvent } from "../../core/error-event.ts";
import { rateLimited } from "../../core/limits/limiter.ts";
import type { Run } from "../../core/run.ts";
import type { Session } from "../../core/session.ts";
import type { EndReason, OpenConnection, Watched } from "../../core/traffic.ts";
import { StorageUnavailable } from "../../engine/engine.ts";
import type { EntryEncoder } from "../../engine/entry.ts";
import { FlowGate } from "../flow-gate.ts";
import type { GatewayLog } from "../gateway.ts";
import type { Wire } from "../wire.ts";
import { encodeEvent } from "./codec.ts";

/** What `parley.v1` needs of a carrier beside its wire. */
export interface Carrier {
  /** Makes a whole frame of an entry, to be shared by the carrier's connections. One function per carrier. */
  readonly encodeShared: EntryEncoder;
  limitFrames(maxBytes: number): void;
}

const normalClosure = 1000;
/** When somebody may come back whose frames were not of the protocol. */
const garbageRetryMs = 10_000;

export class NativeConnection implements Connection, Watched {
  readonly info: Connection["info"];
  readonly #core: Core;
  readonly #wire: Wire;
  readonly #carrier: Carrier;
  readonly #log: GatewayLog;
  #helloTimer: NodeJS.Timeout | undefined;
  #session: Session | undefined;
  #greeting = false;
  #ended = false;
  readonly #gate: FlowGate;
  readonly #open: OpenConnection;
  /** Sweeps of `IdleSweep` in a row that heard nothing. */
  silentSweeps = 0;

  constructor(core: Core, wire: Wire, carrier: Carrier, log: GatewayLog) {
    this.info = wire.info;
    this.#core = core;
    this.#wire = wire;
    this.#carrier = carrier;
    this.#log = log;
    this.#gate = new FlowGate(wire, wire.outbox);
    this.#open = core.traffic.connected(this);
    carrier.limitFrames(helloFrameBytes);
    const { loginMs } = core.policy;
    this.#helloTimer = setTimeout(
      () => this.#fatal(fail("hello_timeout", `no hello within ${loginMs / 1000} s`).fault),
      loginMs,
    );
  }

  /** One frame from the peer, which was `bytes` long. */
  receive(text: string, bytes = text.length): void {
    if (this.#ended) return;
    const parsed = parseClientMessage(text);
    if (!parsed.ok) return this.#garbage(parsed.fault, text, bytes);
    const message = parsed.value;
    switch (message.op) {
      case "ack":
        if (this.#session === undefined) break;
        this.#charge(bytes);
        return this.#core.handle(this.#session, message);
      case "ping":
        this.#charge(bytes);
        return this.#write({ op: "pong", ...refOf(message), ts: this.#core.now() });
      case "bye":
        return this.#end(normalClosure, "bye");
      case "hello":
        if (this.#mayAsk(message, bytes)) this.#hello(message);
        return;
      default:
        if (!this.#session) break;
        if (this.#mayAsk(message, bytes)) this.#core.handle(this.#session, message);
        return;
    }
    this.#charge(bytes);
    this.refuse(fail("hello_required", `say hello before ${message.op}`).fault, message as { ref?: string });
  }

  /** Whether a request is within the rates; one that is not is answered with when to repeat it. */
  #mayAsk(message: ClientMessage, bytes: number): boolean {
    const { allowance } = this.#wire;
    const wait = allowance === undefined ? 0 : allowance.ask(bytes);
    if (allowance === undefined || wait === 0) return true;
    if (message.op === "send")
      this.#core.traffic.sendRefused("rate_limited", { clientId: message.clientId, user: this.#session?.user.name });
    this.refuse(rateLimited(wait), message as About);
    this.#slow(allowance.refused());
    return false;
  }

  /** Counts a frame that cannot be refused: who sends too many of them is not read from for a while. */
  #charge(bytes: number): void {
    const { allowance } = this.#wire;
    if (allowance) this.#slow(allowance.charge(bytes));
  }

  #slow(ms: number): void {
    if (ms > 0) this.#gate.pauseFor(ms);
  }

  /** A frame of the carrier's own came: a ping or a pong of WebSocket. */
  controlled(): void {
    this.#charge(0);
  }

  /** Answers a frame that is not of the protocol; ends the connection of who sends nothing else. */
  #garbage(fault: Fault, text: string, bytes: number): void {
    this.#charge(bytes);
    if (this.#wire.allowance?.faulty() === false)
      return this.#fatal(fail("rate_limited", "too many frames that are not of this protocol", garbageRetryMs).fault);
    this.refuse(fault, fault.code === "bad_json" ? {} : aboutOf(text));
  }

  #hello(message: Parameters<Core["login"]>[1] & { readonly ref?: string }): void {
    if (this.#session || this.#greeting) {
      this.refuse(fail("hello_twice", "this connection has said hello already").fault, message);
      return;
    }
    this.#greeting = true;
    this.#login(message)
      .catch((error: unknown) => {
        if (!(error instanceof StorageUnavailable)) this.#log.error("bug in hello", error);
        const code = error instanceof StorageUnavailable ? "storage_unavailable" : "internal";
        this.refuse(fail(code, "hello could not be carried out", 1000).fault, message);
      })
      .finally(() => {
        this.#greeting = false;
      });
  }

  async #login(message: Parameters<Core["login"]>[1] & { readonly ref?: string }): Promise<void> {
    const result = await this.#core.login(this, message);
    if (!result.ok) return this.refuse(result.fault, message);
    const { session, welcome, resets } = result.value;
    if (this.#ended) return session.end();
    clearTimeout(this.#helloTimer);
    this.#helloTimer = undefined;
    this.#session = session;
    this.#open.user = session.user.name;
    this.#wire.allowance?.isOf(this.#core.limiter.user(session.user.key));
    this.#carrier.limitFrames(this.#core.limits.maxFrameBytes);
    this.#write({ ...welcome, ...refOf(message) });
    for (const reset of resets) this.#write(reset);
    session.start();
  }

  /** Answers a fault; ends the connection where the error table says so. */
  refuse(fault: Fault, about: About = {}): void {
    if (errors[fault.code].closes) this.#fatal(fault);
    else this.#write(errorEvent(fault, about));
  }

  #fatal(fault: Fault): void {
    const { code } = fault;
    this.#write(lastWords(fault));
    this.#end(errors[code].wsClose, code);
  }

  /** The peer sent something, a frame or a part of one. */
  heard(): void {
    this.silentSweeps = 0;
  }

  probe(): void {
    if (!this.#ended) this.#wire.probe();
  }

  /** Nothing was heard for too long. */
  idle(): void {
    this.#fatal(fail("idle", `nothing was received for ${this.#core.limits.idleMs} ms`).fault);
  }

  get waitingBytes(): number {
    return this.#wire.outbox.waitingBytes;
  }

  deliver(event: CoreEvent, shared: boolean): "queued" | "full" {
    const { outbox } = this.#wire;
    const full = outbox.full;
    if (event.op === "message") {
      if (full) return "full";
      outbox.push(shared ? event.encodedBy(this.#carrier.encodeShared) : encodeEvent(event));
      return "queued";
    }
    if (full && event.op === "presence" && event.ref === undefined) return "full";
    outbox.push(encodeEvent(event));
    this.#gate.answered();
    return full ? "full" : "queued";
  }

  deliverAll(run: Run, shared: boolean): boolean {
    const { outbox } = this.#wire;
    if (outbox.full) return false;
    if (shared) outbox.push(run.encodedBy(this.#carrier.encodeShared));
    else for (const entry of run.entries) outbox.push(encodeEvent(entry));
    return true;
  }

  #write(message: object): void {
    if (!this.#ended) this.#wire.outbox.push(JSON.stringify(message));
  }

  /** The carrier's outbox has room again. */
  drained(): void {
    this.#gate.drained();
    this.#session?.drained();
  }

  pause(): void {
    this.#gate.pause();
  }

  resume(): void {
    this.#gate.resume();
  }

  close(code: ErrorCode, message: string): void {
    const reconnect = errors[code].retry === "reconnect";
    this.#write({ op: "bye", code, message, reconnect });
    this.#end(errors[code].wsClose, code);
  }

  #end(code: number, reason: EndReason): void {
    if (this.#ended) return;
    this.#open.ended(reason);
    this.gone();
    this.#wire.outbox.close();
    this.#wire.end(code, reason);
  }

  /** The gateway stops: whoever is not logged in is told here, sessions are told by the core. */
  stop(): void {
    if (!this.#session) this.close("shutting_down", "the server is going down");
  }

  /** The carrier has lost the peer. */
  gone(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#open.ended("gone");
    clearTimeout(this.#helloTimer);
    this.#session?.end();
  }
}

/** The `error` with which a connection ends, or is not let in. */
export function lastWords(fault: Fault): object {
  return { ...errorEvent(fault), reconnect: errors[fault.code].retry !== "no" };
}

/** What of a refused request tells the peer which one it was, where that can be read. */
function aboutOf(text: string): About {
  const { op, ref, clientId } = JSON.parse(text) as Record<string, unknown>;
  const isRef = typeof ref === "string" && ref !== "" && ref.length <= 64;
  const isClientId = op === "send" && typeof clientId === "string" && /^[!-~]{1,64}$/.test(clientId);
  return { ...(isRef ? { ref } : {}), ...(isClientId ? { clientId } : {}) };
}

function refOf({ ref }: { readonly ref?: string }): { readonly ref?: string } {
  return ref === undefined ? {} : { ref };
}
