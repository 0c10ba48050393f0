/**
 * A session's connection as server-sent events (HTML standard, section 9.2): over the outbox of all streams, so that a
 * reader that does not read costs bounded memory. A message counts as acknowledged when its bytes were handed to the
 * operating system; what was under way then comes again to whoever resumes by `Last-Event-ID` (P4).
 */
import type { ServerResponse } from "node:http";
import { type ErrorCode, errors } from "@parley/protocol";
import type { Connection, CoreEvent } from "../../core/connection.ts";
import type { Core } from "../../core/core.ts";
import type { LoggedIn } from "../../core/login.ts";
import type { Session } from "../../core/session.ts";
import { AutoAck } from "../../gateway/auto-ack.ts";
import type { Framing } from "../../gateway/frames.ts";
import { Outbox } from "../../gateway/outbox.ts";
import { lingerMs } from "../../gateway/wire.ts";
import { encodeMessage } from "./message-json.ts";
import { StreamPositions } from "./stream-positions.ts";

/** Events are whole texts. */
const plain: Framing = { headerBytes: () => 0, writeHeader: () => {} };
/** How long an `EventSource` waits that had better not come back. */
const stayAwayMs = 3_600_000;

export class StreamConnection implements Connection {
  readonly info: Connection["info"];
  readonly #response: ServerResponse;
  readonly #outbox: Outbox;
  readonly #positions = new StreamPositions();
  #session: Session | undefined;
  #acks: AutoAck<Session> | undefined;
  /** What was written since the last `id`, and how long that was. */
  #bytesSinceId = Number.POSITIVE_INFINITY;
  #idLength = 0;
  #ended = false;
  /** Sweeps of `IdleSweep` in a row in which the peer took nothing. */
  silentSweeps = 0;

  /** `onGone` is called once, when the peer has gone or was told to. */
  constructor(response: ServerResponse, info: Connection["info"], maxOutboxBytes: number, onGone: () => void) {
    this.info = info;
    this.#response = response;
    this.#outbox = new Outbox(response, plain, maxOutboxBytes, { drained: () => this.#session?.drained() });
    response.on("error", () => response.destroy());
    response.once("close", () => {
      this.#ended = true;
      this.#session?.end();
      onGone();
    });
  }

  /** Whether the peer has gone. */
  get ended(): boolean {
    return this.#ended;
  }

  get waitingBytes(): number {
    return this.#outbox.waitingBytes;
  }

  /** Begins to tell what the session gets. */
  start(core: Core, { session, welcome, resets }: LoggedIn): void {
    this.#session = session;
    const acks = new AutoAck(core, session);
    this.#acks = acks;
    this.#outbox.observe({
      left: () => {
        this.silentSweeps = 0;
        acks.left();
      },
      writing: () => acks.writing(),
      written: () => {
        this.silentSweeps = 0;
        acks.written();
      },
    });
    for (const { topic, sent } of session.subscriptions.values()) this.#positions.set(topic.log, topic.epoch, sent);
    this.#tell(welcome);
    for (const reset of resets) this.#tell(reset);
    session.start();
  }

  deliver(event: CoreEvent): "queued" | "full" {
    const full = this.#outbox.full;
    if (event.op === "message") {
      if (full || this.#ended) return "full";
      this.#positions.passed(event.log, event.seq);
      this.#event("message", encodeMessage(event));
      this.#acks?.queued(event.log, event.seq);
      return "queued";
    }
    if (full && event.op === "presence") return "full";
    // The answer to what was asked when the stream began.
    if (event.op !== "ok") this.#tell(event);
    return full ? "full" : "queued";
  }

  #tell(event: Exclude<CoreEvent, { op: "message" }>): void {
    if (event.op === "gap") this.#positions.passed(event.log, event.to);
    if (event.op === "reset") this.#positions.set(event.log, event.epoch, event.seq);
    const { op, ...data } = event;
    this.#event(op, JSON.stringify(data));
  }

  /** JSON has no line breaks. Ids are long where somebody is in many rooms: they never make up more than half of what is sent. */
  #event(name: string, data: string): void {
    let text = `event: ${name}\n`;
    if (this.#bytesSinceId >= this.#idLength || name === "live") {
      const id = this.#session && this.#positions.id(this.#session.subscriptions);
      if (id !== undefined) {
        text += `id: ${id}\n`;
        this.#idLength = id.length;
        this.#bytesSinceId = 0;
      }
    }
    text += `data: ${data}\n\n`;
    this.#bytesSinceId += text.length;
    this.#outbox.push(text);
  }

  /** Shows the peer, and what is between, that the stream lives. */
  probe(): void {
    if (!this.#outbox.full) this.#outbox.push(":\n\n");
  }

  /** The peer took nothing for too long. */
  idle(): void {
    this.close("idle", "nothing was taken for too long");
    this.#response.destroy();
  }

  // There is nothing to read from this peer.
  pause(): void {}
  resume(): void {}

  close(code: ErrorCode, message: string): void {
    if (this.#ended) return;
    const { retry } = errors[code];
    const wait = retry === "no" ? `retry: ${stayAwayMs}\n` : "";
    this.#outbox.push(
      `event: bye\n${wait}data: ${JSON.stringify({ code, message, reconnect: retry === "reconnect" })}\n\n`,
    );
    this.#outbox.close();
    this.#ended = true;
    this.#response.end();
    const late = setTimeout(() => this.#response.destroy(), lingerMs);
    this.#response.once("close", () => clearTimeout(late));
  }
}
