/** One log as one session reads it: seqs, skips, gaps, acknowledgements, receipts. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogName, UserKey } from "@parley/protocol";
import { Entry } from "../engine/entry.ts";
import type { User } from "./directory.ts";
import { Few } from "./few.ts";
import { Run } from "./run.ts";
import { type Reader, Subscription } from "./subscription.ts";

const log = "alice" as LogName;
const own = "alice/phone";

interface EntryFields {
  readonly origin?: string;
  readonly expiresAt?: number;
  readonly from?: string;
  readonly to?: string | readonly string[];
  readonly clientId?: string;
  readonly receipt?: boolean;
}

function entry(seq: number, { origin = "", expiresAt = 0, receipt = false, ...more }: EntryFields = {}): Entry {
  const fields = { id: `id-${seq}`, from: "bob", to: "Alice", ...more };
  const payload = JSON.stringify({ ...fields, ...(receipt ? { receipt } : {}) });
  return new Entry(log, "e1", seq, payload, origin, expiresAt);
}

class TestReader implements Reader {
  readonly user = { key: "alice" as UserKey, name: "Alice" } as User;
  readonly origin = own;
  readonly heard: string[] = [];
  open = true;
  /** For how many entries at once. */
  room = Number.POSITIVE_INFINITY;
  time = 1000;

  push({ seq }: Entry): boolean {
    this.heard.push(`${seq}`);
    return true;
  }

  pushAll({ first, last }: Run): boolean {
    if (this.room < last - first + 1) return false;
    this.heard.push(`${first}-${last} at once`);
    return true;
  }

  now(): number {
    return this.time;
  }

  async expired({ seq }: Entry): Promise<void> {
    this.heard.push(`expired ${seq}`);
  }

  gap(_: LogName, from: number, to: number, reason: string): void {
    this.heard.push(`gap ${from}-${to} ${reason}`);
  }

  isBehind(): void {
    this.heard.push("behind");
  }
}

function subscribe(position = 0, live = true): { reader: TestReader; subscription: Subscription } {
  const reader = new TestReader();
  const topic = { log, epoch: "e1", tail: position, joining: 0, subscribers: new Few<never>(), settled: [] };
  const subscription = new Subscription(topic, reader, position);
  subscription.live = live;
  return { reader, subscription };
}

/** Offers entries that were settled together. */
function offer(subscription: Subscription, ...entries: readonly Entry[]): void {
  subscription.offer(new Run(entries), false);
}

describe("a live subscription", () => {
  it("sends each entry as it is offered, and none twice", () => {
    const { reader, subscription } = subscribe(5);
    for (const seq of [4, 5, 6, 7, 6, 7, 8]) offer(subscription, entry(seq));
    assert.deepEqual(reader.heard, ["6", "7", "8"]);
    assert.deepEqual([subscription.sent, subscription.acked, subscription.unacked], [8, 5, 3]);
  });

  it("falls behind at a hole, and takes nothing offered until it has caught up", () => {
    const { reader, subscription } = subscribe();
    for (const seq of [1, 3, 4]) offer(subscription, entry(seq));
    assert.deepEqual(reader.heard, ["1", "behind"]);
    assert.deepEqual([subscription.sent, subscription.live], [1, false]);
  });

  it("falls behind where there is no room", () => {
    const { reader, subscription } = subscribe();
    reader.open = false;
    for (const seq of [1, 2]) offer(subscription, entry(seq));
    assert.deepEqual([reader.heard, subscription.sent, subscription.live], [["behind"], 0, false]);
  });

  it("skips what its own device sent, room or no room; what nobody has to acknowledge counts as acknowledged", () => {
    const { reader, subscription } = subscribe();
    offer(subscription, entry(1));
    reader.open = false;
    offer(subscription, entry(2, { origin: own }));
    assert.deepEqual([subscription.sent, subscription.acked], [2, 0]);
    assert.equal(subscription.ack(1), 1);
    assert.equal(subscription.acked, 2);
    offer(subscription, entry(3, { origin: own }));
    assert.deepEqual([subscription.sent, subscription.acked, subscription.live], [3, 3, true]);
    assert.deepEqual(reader.heard, ["1"]);
  });

  it("tells a gap for what has expired", () => {
    const { reader, subscription } = subscribe();
    offer(subscription, entry(1, { expiresAt: 1000 }));
    offer(subscription, entry(2, { expiresAt: 1001 }));
    assert.deepEqual(reader.heard, ["expired 1", "gap 1-1 expired", "2"]);
  });
});

describe("a live subscription that is offered a run", () => {
  const from = (origin: string, ...seqs: number[]) => seqs.map((seq) => entry(seq, { origin }));

  it("takes all of it at once, once", () => {
    const { reader, subscription } = subscribe(5);
    for (let time = 0; time < 2; time++) offer(subscription, ...from("bob/phone", 6, 7, 8));
    assert.deepEqual(reader.heard, ["6-8 at once"]);
    assert.deepEqual([subscription.sent, subscription.unacked], [8, 3]);
    assert.equal(subscription.ack(7), 2);
    assert.deepEqual([subscription.hasInFlight(7), subscription.hasInFlight(8), subscription.acked], [false, true, 7]);
  });

  it("looks at each entry where one is of its own user, has no origin, expires, or is waited for", () => {
    const special = [{ origin: own }, { origin: "" }, { expiresAt: 5000 }, { receipt: true }];
    for (const fields of special) {
      const { reader, subscription } = subscribe();
      offer(subscription, entry(1, { origin: "bob/phone" }), entry(2, { origin: "bob/phone", ...fields }));
      assert.deepEqual(reader.heard, fields.origin === own ? ["1"] : ["1", "2"]);
    }
  });

  it("looks at each where a part of it is known, and falls behind where one is missing", () => {
    const { reader, subscription } = subscribe(1);
    offer(subscription, ...from("bob/phone", 1, 2));
    offer(subscription, ...from("bob/phone", 3, 5));
    assert.deepEqual(reader.heard, ["2", "3", "behind"]);
  });

  it("takes as many as there is room for", () => {
    const { reader, subscription } = subscribe();
    reader.room = 1;
    offer(subscription, ...from("bob/phone", 1, 2));
    assert.deepEqual(reader.heard, ["1", "2"]);
  });
});

describe("a subscription that catches up", () => {
  it("tells expired entries in a row together, in their place among the others", () => {
    const { reader, subscription } = subscribe(0, false);
    const old = { expiresAt: 1 };
    const entries = [
      entry(1, old),
      entry(2, old),
      entry(3),
      entry(4, old),
      entry(5, { ...old, origin: own }),
      entry(6, old),
    ];
    for (const one of entries) assert.equal(subscription.take(one, false), true);
    subscription.tellExpired();
    subscription.tellExpired();
    assert.deepEqual(
      reader.heard.filter((heard) => !heard.startsWith("expired")),
      ["gap 1-2 expired", "3", "gap 4-4 expired", "gap 6-6 expired"],
    );
    subscription.take(entry(7, old), false);
    subscription.miss(9, "lost");
    assert.deepEqual(reader.heard.slice(-2), ["gap 7-7 expired", "gap 8-9 lost"]);
    assert.equal(subscription.sent, 9);
  });

  it("leaves what has no room where it is", () => {
    const { reader, subscription } = subscribe(0, false);
    subscription.take(entry(1), false);
    reader.open = false;
    assert.equal(subscription.take(entry(2), false), false);
    assert.deepEqual([subscription.sent, subscription.unacked], [1, 1]);
  });
});

describe("acknowledging", () => {
  it("is cumulative, frees each message once and never goes back", () => {
    const { subscription } = subscribe();
    for (let seq = 1; seq <= 5; seq++) offer(subscription, entry(seq));
    const freed = [3, 2, 3, 4, 5, 5].map((seq) => subscription.ack(seq));
    assert.deepEqual(freed, [3, 0, 0, 1, 1, 0]);
    assert.deepEqual([subscription.acked, subscription.unacked], [5, 0]);
  });

  it("goes over seqs that were never sent", () => {
    const { subscription } = subscribe();
    offer(subscription, entry(1));
    offer(subscription, entry(2, { origin: own }));
    offer(subscription, entry(3));
    assert.equal(subscription.ack(2), 1);
    assert.deepEqual([subscription.acked, subscription.unacked], [2, 1]);
  });

  it("keeps count over many thousand messages", () => {
    const { subscription } = subscribe();
    let freed = 0;
    for (let seq = 1; seq <= 10_000; seq++) {
      offer(subscription, entry(seq));
      if (seq > 100) freed += subscription.ack(seq - 100);
    }
    assert.deepEqual([freed, subscription.unacked, subscription.acked], [9900, 100, 9900]);
  });
});

describe("receipts", () => {
  const receipt = { receipt: true };

  it("are due once when delivered and once when read, for those who asked", () => {
    const { subscription } = subscribe();
    offer(subscription, entry(1, { ...receipt, clientId: "c" }));
    offer(subscription, entry(2));
    offer(subscription, entry(3, receipt));
    const due = (seq: number, read: boolean) => subscription.receipts(seq, read).map(({ seq }) => seq);
    const [first] = subscription.receipts(2, false);
    assert.deepEqual([first?.id, first?.clientId, first?.from], ["id-1", "c", "bob"]);
    assert.deepEqual([due(3, false), due(3, false)], [[3], []]);
    assert.deepEqual([due(1, true), due(3, true), due(3, true)], [[1], [3], []]);
  });

  it("are not due for copies of what the user sent to others, but for what was sent to oneself", () => {
    const { subscription } = subscribe();
    offer(subscription, entry(1, { ...receipt, from: "Alice", to: "bob" }));
    offer(subscription, entry(2, { ...receipt, from: "Alice", to: ["bob", "#alice"] }));
    offer(subscription, entry(3, { ...receipt, from: "Alice", to: "Alice" }));
    offer(subscription, entry(4, { ...receipt, from: "Alice", to: ["bob", "Alice"] }));
    assert.deepEqual(
      subscription.receipts(4, false).map(({ seq }) => seq),
      [3, 4],
    );
  });

  it("are given up for the oldest where too many were never read", () => {
    const { subscription } = subscribe();
    for (let seq = 1; seq <= 1030; seq++) offer(subscription, entry(seq, receipt));
    const read = subscription.receipts(1030, true);
    assert.deepEqual([read.length, read[0]?.seq], [1024, 7]);
  });
});
