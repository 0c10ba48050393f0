/**
 * One connection of `parley.v1`, whatever carries it: `hello` first, then commands; the time limits; what ends it. The
 * carriers (`websocket.ts`, `tcp.ts`) give it frames as text and a way to write and close. Hot path.
 */
import { type ErrorCode, errors, type Fault, fail, helloFrameBytes, helloTimeoutMs } from "@parley/protocol";
import { parseClientMessage } from "@parley/protocol/validate";
import type { Connection, CoreEvent } from "../../core/connection.ts";
import type { Core } from "../../core/core.ts";
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

export class NativeConnection implements Connection, Watched {
  readonly info: Connection["info"];
  readonly #core: Core;
  readonly #wire: Wire;
  readonly #carrier: Carrier;
  readonly #log: GatewayLog;
  readonly #helloTimer: NodeJS.Timeout;
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
    this.#helloTimer = setTimeout(
      () => this.#fatal(fail("hello_timeout", "no hello within 10 s").fault),
      helloTimeoutMs,
    );
  }

  /** One frame from the peer. */
  receive(text: string): void {
    if (this.#ended) return;
    const parsed = parseClientMessage(text);
    if (!parsed.ok) return this.refuse(parsed.fault, parsed.fault.code === "bad_json" ? {} : aboutOf(text));
    const message = parsed.value;
    switch (message.op) {
      case "ping":
        return this.#write({ op: "pong", ...refOf(message), ts: this.#core.now() });
      case "bye":
        return this.#end(normalClosure, "bye");
      case "hello":
        return this.#hello(message);
      default:
        if (this.#session) this.#core.handle(this.#session, message);
        else this.refuse(fail("hello_required", `say hello before ${message.op}`).fault, message as { ref?: string });
    }
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
    this.#session = session;
    this.#open.user = session.user.name;
    this.#carrier.limitFrames(this.#core.limits.maxFrameBytes);
    this.#write({ ...welcome, ...refOf(message) });
    for (const reset of resets) this.#write(reset);
    session.start();
  }

  /** Answers a fault; ends the connection where the error table says so. */
  refuse(fault: Fault, about: { readonly ref?: string; readonly clientId?: string } = {}): void {
    if (errors[fault.code].closes) return this.#fatal(fault);
    const { code, message, retryAfterMs } = fault;
    const retry = retryAfterMs === undefined ? {} : { retryAfter: retryAfterMs };
    const id = about.clientId === undefined ? {} : { clientId: about.clientId };
    this.#write({ op: "error", ...refOf(about), ...id, code, message, ...retry });
  }

  #fatal({ code, message }: Fault): void {
    this.#write({ op: "error", code, message, reconnect: errors[code].retry === "reconnect" });
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

  #write(message: object): void {
    if (!this.#ended) this.#wire.outbox.push(JSON.stringify(message));
  }

  get waitingBytes(): number {
    return this.#wire.outbox.waitingBytes;
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

/** What of a refused request tells the peer which one it was, where that can be read. */
function aboutOf(text: string): { readonly ref?: string; readonly clientId?: string } {
  const { op, ref, clientId } = JSON.parse(text) as Record<string, unknown>;
  const isRef = typeof ref === "string" && ref !== "" && ref.length <= 64;
  const isClientId = op === "send" && typeof clientId === "string" && /^[!-~]{1,64}$/.test(clientId);
  return { ...(isRef ? { ref } : {}), ...(isClientId ? { clientId } : {}) };
}

function refOf({ ref }: { readonly ref?: string }): { readonly ref?: string } {
  return ref === undefined ? {} : { ref };
}
