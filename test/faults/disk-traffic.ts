/**
 * One who sends and one who reads while the disk fails: what was answered `ok`, what was refused and with which code, what
 * came. In the end what was acknowledged is compared with what a server finds on that disk.
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { RawSession } from "../support/raw-session.ts";

const body = (number: number) => `${number} ${"x".repeat(2_000)}`;
const numberOf = (text: string) => Number(text.slice(0, text.indexOf(" ")));
const answerMs = 15_000;

/** `ok`, or the code of an error. */
type Answer = string;

export class DiskTraffic {
  readonly #sender: RawSession;
  readonly #reader: RawSession;
  readonly #name: string;
  readonly acknowledged = new Set<number>();
  readonly #arrived: number[] = [];
  readonly #waiting = new Map<string, (answer: Answer) => void>();
  #count = 0;

  private constructor(sender: RawSession, reader: RawSession, name: string) {
    this.#sender = sender;
    this.#reader = reader;
    this.#name = name;
  }

  /** Logs both in; `name` is the reader's. */
  static async start(port: number, name = "reader"): Promise<DiskTraffic> {
    const reader = await RawSession.login(port, name, { device: "d" });
    const traffic = new DiskTraffic(await RawSession.login(port, `${name}-sender`, { device: "d" }), reader, name);
    reader.onMessage((message) => {
      if (message.op !== "message") return;
      traffic.#arrived.push(numberOf(message.body));
      reader.send({ op: "ack", log: message.log, seq: message.seq });
    });
    traffic.#sender.onMessage((message) => {
      if (message.op !== "ok" && message.op !== "error") return;
      const { clientId = "" } = message;
      traffic.#waiting.get(clientId)?.(message.op === "ok" ? "ok" : message.code);
      traffic.#waiting.delete(clientId);
    });
    return traffic;
  }

  /** Sends a new message, or one again, and resolves with the answer. */
  async send(number = this.#next(), durability: "fsync" | "memory" = "fsync"): Promise<Answer> {
    const clientId = String(number);
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(clientId, resolve));
    this.#sender.send({ op: "send", clientId, to: this.#name, body: body(number), copy: false, durability });
    const told = await Promise.race([answer, sleep(answerMs, "no answer", { ref: false })]);
    if (told === "ok" && durability === "fsync") this.acknowledged.add(number);
    return told;
  }

  #next(): number {
    this.#count += 1;
    return this.#count;
  }

  get last(): number {
    return this.#count;
  }

  /** Sends one after the other until one is answered by something else than `unless`; resolves with that answer. */
  async sendWhile(unless: Answer, timeoutMs = 30_000): Promise<Answer> {
    for (const end = Date.now() + timeoutMs; ; ) {
      const answer = await this.send();
      if (answer !== unless) return answer;
      assert.ok(Date.now() < end, `still ${unless} after ${timeoutMs} ms`);
      if (unless !== "ok") await sleep(50);
    }
  }

  /** What a new connection reads of the log: the numbers, in its order. */
  async stored(port: number): Promise<number[]> {
    const session = await RawSession.login(port, this.#name, { device: "history" });
    const numbers: number[] = [];
    for (let after = 0; ; ) {
      session.send({ op: "history", log: this.#name, after, limit: 500 });
      const page = await Promise.race([session.next("page"), session.next("error")]);
      if (page.op === "error") assert.fail(`history was answered ${page.code}: ${page.message}`);
      for (const message of page.messages) numbers.push(numberOf(message.body));
      after = page.messages.at(-1)?.seq ?? after;
      if (page.next === undefined) break;
    }
    session.close();
    return numbers;
  }

  /** Sends without an end, `inFlight` at a time, until the connection is gone. */
  flood(inFlight: number): void {
    const next = () => {
      if (!this.#sender.closed) void this.send().then(next);
    };
    for (let n = 0; n < inFlight; n++) next();
  }

  /** What was told to be on disk, or has come to the reader, and is not in the log. */
  lost(stored: readonly number[]): number[] {
    const there = new Set(stored);
    return [...new Set([...this.acknowledged, ...this.#arrived])].filter((number) => !there.has(number));
  }

  /** Nothing is lost, nothing is there twice. */
  check(stored: readonly number[]): void {
    assert.equal(new Set(stored).size, stored.length, "stored twice");
    assert.deepEqual(this.lost(stored), [], "lost");
  }

  close(): void {
    this.#sender.close();
    this.#reader.close();
  }
}
