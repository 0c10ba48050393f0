/**
 * What was attempted, what the sender was told, what the receivers got; and the comparison. A body says who sent it to
 * whom and its number, so that nothing else is needed to judge it. The words are those of `reliability`: lost = told
 * `ok` and not there; duplicated = stored twice, or another position told for a repeat; the rest must never happen.
 */
import type { Position } from "@parley/protocol";

export interface Received {
  readonly receiver: string;
  /** The connection it came on, counted per receiver. */
  readonly connection: number;
  readonly log: string;
  readonly epoch: string;
  readonly seq: number;
  readonly body: string;
}

export interface Report {
  readonly sent: number;
  readonly acknowledged: number;
  readonly received: number;
  /** Received again by the same device: allowed. */
  readonly redelivered: number;
  readonly lost: readonly string[];
  readonly duplicated: readonly string[];
  readonly reordered: readonly string[];
  readonly misdelivered: readonly string[];
  readonly invented: readonly string[];
}

export interface Body {
  readonly sender: string;
  readonly to: string;
  readonly number: number;
}

export function encodeBody({ sender, to, number }: Body): string {
  return `${sender}>${to}>${number}`;
}

function decodeBody(body: string): Body | undefined {
  const [, sender, to, number] = /^([^>]+)>([^>]+)>(\d+)$/.exec(body) ?? [];
  return sender && to && number ? { sender, to, number: Number(number) } : undefined;
}

export class Ledger {
  readonly #attempted = new Set<string>();
  readonly #told = new Map<string, string>();
  readonly #received: Received[] = [];
  readonly #contradicted: string[] = [];
  /** Which receivers read a log. */
  readonly #readers: ReadonlyMap<string, readonly string[]>;

  constructor(readers: ReadonlyMap<string, readonly string[]>) {
    this.#readers = readers;
  }

  attempted(body: string): void {
    this.#attempted.add(body);
  }

  /** The sender was told `ok`. */
  told(body: string, positions: readonly Position[]): void {
    const place = positions.map(({ log, epoch, seq }) => `${log}:${epoch}:${seq}`).join(" ");
    const before = this.#told.get(body);
    if (before !== undefined && before !== place) this.#contradicted.push(`${body}: told ${before}, then ${place}`);
    this.#told.set(body, place);
  }

  received(received: Received): void {
    this.#received.push(received);
  }

  get acknowledged(): number {
    return this.#told.size;
  }

  report(): Report {
    const distinct = new Map<string, Received>();
    for (const one of this.#received)
      distinct.set(`${one.receiver} ${one.log}:${one.epoch}:${one.seq}:${one.body}`, one);
    const all = [...distinct.values()];
    return {
      sent: this.#attempted.size,
      acknowledged: this.#told.size,
      received: all.length,
      redelivered: this.#received.length - all.length,
      lost: this.#lost(all),
      duplicated: [...this.#contradicted, ...duplicated(all)],
      reordered: [...outOfSeq(this.#received), ...outOfNumber(all)],
      misdelivered: all.filter(({ receiver, log, body }) => !this.#isFor(receiver, log, body)).map(describe),
      invented: all.filter(({ body }) => !this.#attempted.has(body)).map(describe),
    };
  }

  #isFor(receiver: string, log: string, body: string): boolean {
    const to = decodeBody(body)?.to;
    return to === log && (this.#readers.get(to)?.includes(receiver) ?? false);
  }

  #lost(all: readonly Received[]): string[] {
    const got = new Set(all.map(({ receiver, body }) => `${receiver} ${body}`));
    return [...this.#told.keys()].flatMap((body) => {
      const readers = this.#readers.get(decodeBody(body)?.to ?? "") ?? [];
      return readers
        .filter((reader) => !got.has(`${reader} ${body}`))
        .map((reader) => `${body} to ${reader}, stored at ${this.#told.get(body)}`);
    });
  }
}

function describe({ receiver, log, seq, body }: Received): string {
  return `${receiver} got ${body} at ${log}:${seq}`;
}

/** One body at two places, or two bodies at one place. */
function duplicated(all: readonly Received[]): string[] {
  const places = new Map<string, Set<string>>();
  const note = (key: string, value: string) => places.set(key, (places.get(key) ?? new Set()).add(value));
  for (const { log, epoch, seq, body } of all) {
    note(`${body} in ${log}`, `${epoch}:${seq}`);
    note(`${log}:${epoch}:${seq}`, body);
  }
  return [...places]
    .filter(([, values]) => values.size > 1)
    .map(([key, values]) => `${key} is at ${[...values].join(", ")}`);
}

/** Within one connection, the seqs of a log ascend. */
function outOfSeq(received: readonly Received[]): string[] {
  const last = new Map<string, number>();
  const faults: string[] = [];
  for (const one of received) {
    const key = `${one.receiver} ${one.connection} ${one.log} ${one.epoch}`;
    if (one.seq <= (last.get(key) ?? 0)) faults.push(`${describe(one)} after seq ${last.get(key)}`);
    last.set(key, one.seq);
  }
  return faults;
}

/** In a log's order, each sender's numbers ascend. */
function outOfNumber(all: readonly Received[]): string[] {
  const last = new Map<string, number>();
  const faults: string[] = [];
  for (const one of all.toSorted((a, b) => a.seq - b.seq)) {
    const body = decodeBody(one.body);
    if (!body) continue;
    const key = `${one.receiver} ${one.log} ${one.epoch} ${body.sender}`;
    if (body.number < (last.get(key) ?? 0)) faults.push(`${describe(one)} after number ${last.get(key)}`);
    last.set(key, body.number);
  }
  return faults;
}
