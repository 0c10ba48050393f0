/**
 * One nick's user: its application and its connection. The application is there or away; its persistence stays in both
 * cases, so that it resumes where it was. What it is told to do, it does in order (`#work`); being cut off happens to it
 * at any time. What it gets and learns, it tells its witness.
 */
import {
  type Client,
  createClient,
  memoryPersistence,
  type Reset,
  type SendResult,
  type StateChange,
} from "@parley/client";
import type { Network } from "./network.ts";
import type { DeliveredMessage, LogPosition, SentMessage } from "./sent-message.ts";

/** Who writes down what a participant gets: the scene of the file that is played. */
export interface Witness {
  delivered(user: string, message: DeliveredMessage): void;
  acknowledged(result: SendResult): void;
  refused(clientId: string, why: string): void;
  /** The server said where delivery of logs goes on. */
  told(user: string, positions: readonly LogPosition[]): void;
  /** Something that should not happen, in words. */
  trouble(what: string): void;
}

export interface ParticipantOptions {
  /** The user's name. */
  readonly name: string;
  readonly url: string;
  readonly network: Network;
}

const device = "replay";
/** How long a goodbye may take. */
const closeTimeoutMs = 2_000;
/** Longer than any outage of the run. */
const requestTimeoutMs = 300_000;
const backoff = { baseMs: 50, capMs: 1_000 };

export class Participant {
  readonly name: string;
  /** The folded name: the user's log. */
  readonly key: string;
  readonly #url: string;
  readonly #network: Network;
  readonly #persistence = memoryPersistence();
  #witness: Witness | undefined;
  #client: Client | undefined;
  #live = Promise.withResolvers<void>();
  #work: Promise<void> = Promise.resolve();
  #tasks = 0;

  constructor({ name, url, network }: ParticipantOptions) {
    this.name = name;
    this.key = name.toLowerCase();
    this.#url = url;
    this.#network = network;
  }

  /** Whether it has something to do that it cannot do while it is cut off. */
  get isBusy(): boolean {
    return this.#tasks > 0 || (this.#client?.pendingSends ?? 0) > 0;
  }

  /** Messages that arrived, repeats included. */
  get received(): number {
    return this.#network.received;
  }

  /** From now on `witness` is told. */
  enter(witness: Witness): void {
    this.#witness = witness;
  }

  /** Starts the application, if it is away. */
  appear(): Promise<void> {
    return this.#do(async () => {
      this.#start();
    });
  }

  /** The same; resolves when it has been connected. */
  arrive(): Promise<void> {
    return this.#do(async () => {
      await this.#start().connect();
    });
  }

  /** Starts the application, if it is away, and lets it join the room. */
  join(room: string): Promise<void> {
    return this.#do(async () => {
      const position = await this.#start().join(room);
      this.#witness?.told(this.key, [position]);
    });
  }

  leave(room: string): Promise<void> {
    return this.#do(async () => this.#client?.leave(room));
  }

  /** Sends, after what it was told to do before; the answer goes to the witness. */
  say(to: string, { clientId, body, type }: SentMessage): Promise<void> {
    return this.#do(async () => {
      const options = { clientId, ...(type === undefined ? {} : { type }) };
      // The outcome comes by event, also where the application has been away in between.
      this.#start()
        .send(to, body, options)
        .catch(() => {});
    });
  }

  /** Ends the application in good order, once everything it said was answered. */
  vanish(): Promise<void> {
    return this.#do(async () => {
      await this.#client?.flush();
      await this.#stop();
    });
  }

  /** Ends the application and starts it again; resolves when it has been handed everything there is. */
  async drain(): Promise<void> {
    await this.#do(async () => {
      await this.#stop();
      this.#start();
    });
    await this.#live.promise;
  }

  /** Destroys the connection without a goodbye; none can be made until `mend`. */
  cut(): void {
    this.#network.cut();
  }

  /** Ends being cut off; with `restart`, the application was away as well. */
  mend(restart: boolean): void {
    if (!this.#network.isCut) return;
    // Not in the middle of a task: that may be waiting for the network.
    if (!restart || !this.#client || this.#tasks > 0) {
      this.#mended();
      return;
    }
    void this.#do(async () => {
      await this.#stop();
      this.#mended();
      this.#start();
    });
  }

  #mended(): void {
    this.#network.mend();
    this.#client?.retryNow();
  }

  /** Runs `task` after those before it. Rejects as it does; the next one runs all the same. */
  #do(task: () => Promise<void>): Promise<void> {
    this.#tasks += 1;
    const done = this.#work.then(task).finally(() => {
      this.#tasks -= 1;
    });
    this.#work = done.catch((error: unknown) => this.#witness?.trouble(`task: ${String(error)}`));
    return done;
  }

  #start(): Client {
    if (this.#client) return this.#client;
    const { name, key } = this;
    const client = createClient({
      url: this.#url,
      user: name,
      device,
      transport: this.#network,
      persistence: this.#persistence,
      backoff,
      requestTimeoutMs,
    });
    this.#live = Promise.withResolvers();
    const { resolve } = this.#live;
    client.on("message", (message) => this.#witness?.delivered(key, message));
    client.on("sent", (result) => this.#witness?.acknowledged(result));
    client.on("rejected", ({ clientId, error }) => {
      if (error.code !== "closed") this.#witness?.refused(clientId, `${error.code}: ${error.message}`);
    });
    client.on("live", () => resolve());
    client.on("state", (change) => this.#changed(change));
    client.on("gap", ({ reason }) => this.#witness?.trouble(`a gap: ${reason}`));
    client.on("reset", (reset) => this.#reset(reset));
    client.on("error", (problem) => this.#witness?.trouble(`${problem.type}: ${String(problem.error)}`));
    client.connect().catch(() => {});
    this.#client = client;
    return client;
  }

  async #stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.close({ timeoutMs: closeTimeoutMs });
  }

  #changed(change: StateChange): void {
    if (change.state === "online") this.#witness?.told(this.key, change.welcome.positions);
    if (change.state === "closed" && change.error) this.#witness?.trouble(`closed: ${String(change.error)}`);
  }

  /** Of a log that is new to the session, it tells where delivery begins: the answer to the `join` went to an older one. */
  #reset({ log, epoch, seq, previous }: Reset): void {
    if (previous) this.#witness?.trouble(`reset of ${log} from seq ${previous.seq} to seq ${seq}`);
    else this.#witness?.told(this.key, [{ log, epoch, seq }]);
  }
}
