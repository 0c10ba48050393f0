/** Each check of the book is shown to pass on a run without fault, and to catch its planted fault. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Book } from "./book.ts";
import { type Fault, faults } from "./findings.ts";
import type { DeliveredMessage, SentMessage } from "./sent-message.ts";

const room = "#room";
const epoch = "e1";

const hello: SentMessage = { clientId: "run.1", sender: "alice", log: room, line: 1, body: "hello", type: undefined };
const again: SentMessage = { clientId: "run.2", sender: "alice", log: room, line: 2, body: "again", type: "action" };
const direct: SentMessage = {
  clientId: "run.2.d",
  sender: "alice",
  log: "bob",
  line: 2,
  body: "psst",
  type: undefined,
};
const binary: SentMessage = { ...hello, clientId: "run.3", line: 3, body: Buffer.from("\xff\x00", "latin1") };

function arrival(sent: SentMessage, seq: number, changes: Partial<DeliveredMessage> = {}): DeliveredMessage {
  const { log, sender: from, clientId, type } = sent;
  const bytes = Buffer.from(sent.body);
  const content =
    typeof sent.body === "string"
      ? ({ body: sent.body, encoding: undefined } as const)
      : ({ body: bytes.toString("base64"), encoding: "base64" } as const);
  return { log, epoch, seq, from, clientId, type, bytes, ...content, ...changes };
}

/** Alice, Bob and Carol are members from the beginning; Dave never is. */
function create(shared = false): Book {
  const book = new Book({ room, runPrefix: "run.", shared });
  for (const user of ["alice", "bob", "carol", "dave"]) book.enlist(user);
  for (const user of ["alice", "bob", "carol"]) {
    book.memberships.joining(user);
    book.memberships.told(user, { log: room, epoch, seq: 0 });
  }
  return book;
}

function acknowledged(book: Book, sent: SentMessage, seq: number): void {
  book.send(sent);
  book.acknowledge(sent.clientId, [{ log: sent.log, epoch, seq }], false);
}

/** A run without fault: two lines and a direct message, to all who should have them. */
function played(): Book {
  const book = create();
  acknowledged(book, hello, 1);
  acknowledged(book, again, 2);
  acknowledged(book, direct, 1);
  for (const user of ["bob", "carol"]) {
    book.deliver(user, arrival(hello, 1));
    book.deliver(user, arrival(again, 2));
  }
  book.deliver("bob", arrival(direct, 1));
  return book;
}

/** Checks that exactly these faults are found. */
function assertFaults(book: Book, expected: Partial<Record<Fault, number>>): void {
  const findings = book.compare();
  const found = Object.fromEntries(faults.flatMap((f) => (findings.counts[f] > 0 ? [[f, findings.counts[f]]] : [])));
  assert.deepEqual(found, expected);
  assert.equal(findings.isClean, Object.keys(expected).length === 0);
  assert.deepEqual(new Set(findings.examples.keys()), new Set(Object.keys(expected)));
}

test("a run without fault is clean", () => {
  const book = played();
  assertFaults(book, {});
  const { sent, room: toRoom, direct: toUsers, acknowledged: answered, delivered } = book.compare().counts;
  assert.deepEqual([sent, toRoom, toUsers, answered, delivered], [3, 2, 1, 3, 5]);
});

test("lost: acknowledged for a member, or to an addressee, and never delivered", () => {
  const book = create();
  acknowledged(book, hello, 1);
  acknowledged(book, direct, 1);
  book.deliver("bob", arrival(hello, 1));
  assertFaults(book, { lost: 2 });
});

test("lost: a message that was never acknowledged is none, but unanswered", () => {
  const book = create();
  book.send(hello);
  assertFaults(book, { unanswered: 1 });
});

test("duplicated: the same message again, in the same place or stored twice", () => {
  const repeated = played();
  repeated.deliver("carol", arrival(hello, 1));
  assertFaults(repeated, { duplicated: 1 });
  const storedTwice = played();
  storedTwice.deliver("carol", arrival(again, 3));
  assertFaults(storedTwice, { duplicated: 1 });
  const ofAnEarlierFile = played();
  ofAnEarlierFile.deliver("carol", arrival({ ...hello, clientId: "run.0" }, 1));
  assertFaults(ofAnEarlierFile, { duplicated: 1 });
});

test("reordered: a lower seq after a higher one", () => {
  const book = create();
  acknowledged(book, hello, 1);
  acknowledged(book, { ...again, sender: "carol" }, 2);
  book.deliver("bob", arrival({ ...again, sender: "carol" }, 2));
  book.deliver("bob", arrival(hello, 1));
  book.deliver("carol", arrival(hello, 1));
  book.deliver("alice", arrival({ ...again, sender: "carol" }, 2));
  assertFaults(book, { reordered: 1 });
});

test("reordered: one sender's lines stored in another order than said", () => {
  const book = create();
  acknowledged(book, again, 1);
  acknowledged(book, hello, 2);
  for (const user of ["bob", "carol"]) {
    book.deliver(user, arrival(again, 1));
    book.deliver(user, arrival(hello, 2));
  }
  assertFaults(book, { reordered: 2 });
});

test("reordered: at another place for one reader than for the sender", () => {
  const book = create();
  acknowledged(book, hello, 1);
  book.deliver("bob", arrival(hello, 1));
  book.deliver("carol", arrival(hello, 2));
  assertFaults(book, { reordered: 1 });
});

test("reordered: an answer without a place in the log it is about, and a place of another epoch", () => {
  const nowhere = create();
  nowhere.send(hello);
  nowhere.acknowledge(hello.clientId, [{ log: "alice", epoch, seq: 1 }], false);
  assertFaults(nowhere, { reordered: 1 });
  const elsewhere = create();
  acknowledged(elsewhere, hello, 1);
  elsewhere.deliver("bob", arrival(hello, 1));
  elsewhere.deliver("carol", arrival(hello, 1, { epoch: "e2" }));
  assertFaults(elsewhere, { reordered: 1 });
});

test("the first answer to a send counts, and no other", () => {
  const book = create();
  book.send(direct);
  book.send(again);
  assert.equal(book.open, 2);
  book.acknowledge(direct.clientId, [{ log: "bob", epoch, seq: 1 }], true);
  book.acknowledge(direct.clientId, [{ log: "bob", epoch, seq: 1 }], true);
  book.refuse(direct.clientId, "no");
  book.refuse(again.clientId, "no");
  book.refuse(again.clientId, "no");
  assert.equal(book.open, 0);
  book.deliver("bob", arrival(direct, 1));
  assertFaults(book, { refused: 1 });
  const { acknowledged: answered, repeatedSends } = book.compare().counts;
  assert.deepEqual([answered, repeatedSends], [1, 1]);
});

test("misdelivered: to one who is no member, not the addressee, the sender, or in the wrong log", () => {
  for (const [user, message] of [
    ["dave", arrival(hello, 1)],
    ["carol", arrival(direct, 1)],
    ["alice", arrival(hello, 1)],
    ["carol", arrival(hello, 1, { log: "carol" })],
  ] as const) {
    const book = played();
    book.deliver(user, message);
    assertFaults(book, { misdelivered: 1 });
  }
});

test("a swapped recipient is both misdelivered and lost", () => {
  const book = create();
  acknowledged(book, direct, 1);
  book.deliver("carol", arrival(direct, 1));
  assertFaults(book, { misdelivered: 1, lost: 1 });
});

test("invented: what nobody sent, or was refused, or is not what was sent", () => {
  const unknown = played();
  unknown.deliver("bob", arrival({ ...hello, clientId: "other" }, 3));
  assertFaults(unknown, { invented: 1 });
  const refused = played();
  refused.send(binary);
  refused.refuse(binary.clientId, "too_large");
  refused.deliver("bob", arrival(binary, 3));
  assertFaults(refused, { invented: 1, refused: 1 });
});

test("invented: altered in body, type, sender or encoding", () => {
  const changes = [{ body: "hallo" }, { type: "action" }, { from: "bob" }, { encoding: "base64" }] as const;
  for (const change of changes) {
    const book = create();
    acknowledged(book, hello, 1);
    book.deliver("bob", arrival(hello, 1, change));
    book.deliver("carol", arrival(hello, 1));
    assertFaults(book, { invented: 1 });
  }
});

test("bytes are compared as bytes", () => {
  const book = create();
  acknowledged(book, binary, 1);
  book.deliver("bob", arrival(binary, 1));
  book.deliver("carol", arrival(binary, 1, { bytes: Buffer.from("\xff\x01", "latin1") }));
  assertFaults(book, { invented: 1 });
});

test("what others send is no fault on a server that others use", () => {
  const book = create(true);
  book.deliver("bob", arrival({ ...hello, clientId: "other" }, 3));
  assertFaults(book, {});
});

test("a member gets what comes after the join and up to the leave, neither more nor less", () => {
  const stay = (seqs: readonly number[]) => {
    const book = create();
    book.memberships.joining("dave");
    book.memberships.told("dave", { log: room, epoch, seq: 1 });
    for (let seq = 1; seq <= 4; seq += 1) {
      const sent = { ...hello, clientId: `run.${seq}`, line: seq };
      acknowledged(book, sent, seq);
      for (const user of ["bob", "carol"]) book.deliver(user, arrival(sent, seq));
      if (seqs.includes(seq)) book.deliver("dave", arrival(sent, seq));
      if (seq === 3) book.memberships.left("dave", book.lastSeq);
    }
    return book;
  };
  assertFaults(stay([2, 3]), {});
  assertFaults(stay([1, 2, 3]), { misdelivered: 1 });
  assertFaults(stay([2, 3, 4]), { misdelivered: 1 });
  assertFaults(stay([3]), { lost: 1 });
  assertFaults(stay([2]), { lost: 1 });
});

test("a room's log that begins anew is a fault", () => {
  const book = played();
  book.memberships.told("bob", { log: room, epoch: "e2", seq: 0 });
  assertFaults(book, { resets: 1 });
});

test("a device that does not drain is a fault", () => {
  const book = played();
  book.undrained("bob");
  assertFaults(book, { undrained: 1 });
});

test("findings of several files add up", () => {
  const total = played().compare();
  const other = played();
  other.deliver("carol", arrival(hello, 1));
  total.add(other.compare());
  assert.equal(total.counts.sent, 6);
  assert.equal(total.counts.duplicated, 1);
  assert.equal(total.examples.get("duplicated")?.length, 1);
  assert.equal(total.isClean, false);
});
