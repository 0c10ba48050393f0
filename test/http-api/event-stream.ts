/** A reader of `GET /v1/stream`: parses server-sent events as the HTML standard says, remembers the last id. */
import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { Patience } from "../support/patience.ts";
import { basic } from "./api-server.ts";

export interface StreamEvent {
  readonly name: string;
  readonly data: Record<string, unknown>;
  /** The last id that was sent with it or before. */
  readonly id: string;
}

export interface StreamOptions {
  readonly as: string;
  /** `device=web&watch=*`. */
  readonly query?: string;
  readonly lastEventId?: string | undefined;
}

export class EventStream {
  readonly response: IncomingMessage;
  /** Events that `next` has not taken. */
  readonly received: StreamEvent[] = [];
  comments = 0;
  /** The longest wait that the server has asked for before a reconnection, in ms. */
  retryMs = 0;
  lastEventId: string;
  ended = false;
  readonly #request: ClientRequest;
  readonly #patience = new Patience();
  #rest = "";

  private constructor(sent: ClientRequest, response: IncomingMessage, lastEventId: string) {
    this.#request = sent;
    this.response = response;
    this.lastEventId = lastEventId;
    response.setEncoding("utf8");
    response.on("data", (text: string) => this.#take(text));
    const end = () => {
      this.ended = true;
      this.#patience.wake();
    };
    response.on("error", end).on("close", end);
  }

  /** Opens a stream; resolves when its headers have come. Rejects where nobody listens, or it is refused. */
  static async open(url: string, { as, query = "", lastEventId }: StreamOptions): Promise<EventStream> {
    const headers = { authorization: basic(as), ...(lastEventId ? { "last-event-id": lastEventId } : {}) };
    const sent = request(`${url}/v1/stream?${query}`, { headers, agent: false }).end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    sent.on("error", () => {});
    if (response.statusCode !== 200) throw new Error(`the stream was refused: ${response.statusCode}`);
    return new EventStream(sent, response, lastEventId ?? "");
  }

  #take(text: string): void {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    for (const block of blocks) this.#block(block);
    this.#patience.wake();
  }

  #block(block: string): void {
    let [name, data] = ["message", ""];
    for (const line of block.split("\n")) {
      if (line.startsWith(":")) this.comments += 1;
      const [field = "", value = ""] = line.split(/: ?(.*)/s);
      if (field === "event") name = value;
      if (field === "data") data += value;
      if (field === "id") this.lastEventId = value;
      if (field === "retry") this.retryMs = Math.max(this.retryMs, Number(value));
    }
    if (data !== "") this.received.push({ name, data: JSON.parse(data), id: this.lastEventId });
  }

  /** Takes the next event of that name, and throws away what came before it. Rejects when the stream ends before. */
  async next(name: string): Promise<StreamEvent> {
    for (;;) {
      const at = this.received.findIndex((event) => event.name === name);
      if (at !== -1) return this.received.splice(0, at + 1)[at] as StreamEvent;
      if (this.ended) throw new Error(`the stream ended before ${name}`);
      await this.#patience.change();
    }
  }

  /** Resolves when more has come, or the stream has ended. */
  change(): Promise<void> {
    return this.#patience.change();
  }

  /** Breaks the connection off. */
  break(): void {
    this.#request.destroy();
  }
}
