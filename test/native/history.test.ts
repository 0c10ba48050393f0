/** Pages of a log, both ways (PROTOCOL.md, `history`, `page`). */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { ServerMessages } from "@parley/protocol";
import { overEachCarrier } from "./carriers.ts";
import type { Carrier } from "./link.ts";
import { type NativeServer, startNativeServer } from "./native-server.ts";
import { Peer, type Sent } from "./peer.ts";

type Page = ServerMessages["page"];

const seqsOf = ({ messages }: Page) => messages.map(({ seq }) => seq);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** Alice, whose log has `count` messages: from Bob, and copies of hers to Bob and to Carol, in turn. */
async function aliceWith(carrier: Carrier, server: NativeServer, count: number): Promise<Peer> {
  for (const user of ["carol", "alice"]) await (await Peer.login(carrier, server, user)).cut();
  const bob = await Peer.login(carrier, server, "Bob");
  const alice = await Peer.login(carrier, server, "alice", { device: "d" });
  for (let n = 0; n < count; n++) {
    if (n % 3 === 0) {
      await bob.deliver("alice", `${n + 1}`, { copy: false });
      await alice.expectBodies(`${n + 1}`);
    } else await alice.deliver(n % 3 === 1 ? "bob" : ["carol"], `${n + 1}`);
    if (n % 3 === 1) await bob.expectBodies(`${n + 1}`);
  }
  return alice;
}

function ask(peer: Peer, more: Sent): Promise<Page> {
  return peer.ask({ op: "history", ref: "r", log: "alice", ...more }, "page", { ref: "r" });
}

overEachCarrier("history", (carrier) => {
  it("has the newest without a place to start from: 50 unless asked, in ascending order", async (t) => {
    const alice = await aliceWith(carrier, await startNativeServer(t), 60);
    const page = await ask(alice, { log: "ALICE" });
    assert.deepEqual(seqsOf(page), range(11, 60));
    assert.deepEqual([page.log, page.next], ["alice", 11]);
    assert.deepEqual(seqsOf(await ask(alice, { limit: 500 })), range(1, 60));
    assert.deepEqual(seqsOf(await ask(alice, { limit: 1 })), [60]);
  });

  it("has the nearest before, or after, a seq, without that one", async (t) => {
    const alice = await aliceWith(carrier, await startNativeServer(t), 10);
    for (const [place, seqs] of [
      [{ before: 5, limit: 3 }, [2, 3, 4]],
      [{ before: 1 }, []],
      [{ before: 0 }, []],
      [{ before: 99, limit: 2 }, [9, 10]],
      [{ after: 5, limit: 3 }, [6, 7, 8]],
      [{ after: 0, limit: 2 }, [1, 2]],
      [{ after: 10 }, []],
      [{ after: 99 }, []],
    ] as const) {
      assert.deepEqual(seqsOf(await ask(alice, place)), seqs, JSON.stringify(place));
    }
  });

  for (const [direction, limit] of [
    ["before", 4],
    ["before", 7],
    ["after", 4],
    ["after", 1],
  ] as const) {
    it(`walked by next ${direction}, ${limit} at a time, has each message once`, async (t) => {
      const alice = await aliceWith(carrier, await startNativeServer(t), 12);
      const seqs: number[] = [];
      let place: Sent = direction === "after" ? { after: 0 } : {};
      for (;;) {
        const page = await ask(alice, { ...place, limit });
        assert.ok(page.messages.length <= limit);
        if (direction === "after") seqs.push(...seqsOf(page));
        else seqs.unshift(...seqsOf(page));
        if (page.next === undefined) break;
        place = { [direction]: page.next };
      }
      assert.deepEqual(seqs, range(1, 12));
    });
  }

  it("with a user has only what was exchanged with that user", async (t) => {
    const alice = await aliceWith(carrier, await startNativeServer(t), 12);
    assert.deepEqual(seqsOf(await ask(alice, { with: "BOB" })), [1, 2, 4, 5, 7, 8, 10, 11]);
    assert.deepEqual(seqsOf(await ask(alice, { with: "carol" })), [3, 6, 9, 12]);
    assert.deepEqual(seqsOf(await ask(alice, { with: "carol", limit: 2 })), [9, 12]);
    assert.deepEqual(seqsOf(await ask(alice, { with: "carol", limit: 2, after: 0 })), [3, 6]);
    assert.deepEqual(seqsOf(await ask(alice, { with: "nobody" })), []);
    await alice.ask({ op: "history", ref: "r", log: "*", with: "bob" }, "error", { ref: "r", code: "bad_message" });
    await alice.ask({ op: "history", log: "alice", with: "no name" }, "error", { code: "bad_name" });
  });

  it("has messages as they were delivered, and an epoch", async (t) => {
    const server = await startNativeServer(t);
    const bob = await Peer.login(carrier, server, "bob");
    const alice = await Peer.connect(carrier, server);
    const { positions } = await alice.hello({ user: "alice" });
    await alice.expect("live");
    await bob.deliver("alice", "hi", { clientId: "c", type: "t", contentType: "a/b", receipt: true, ttl: 60_000 });
    const message = await alice.expect("message");
    const page = await ask(alice, {});
    assert.deepEqual(page, { op: "page", ref: "r", log: "alice", epoch: positions[0]?.epoch, messages: [message] });
  });

  it("is for one's own log, one's rooms and everybody's; any other is forbidden, there or not", async (t) => {
    const server = await startNativeServer(t);
    const bob = await Peer.login(carrier, server, "bob");
    const alice = await Peer.login(carrier, server, "alice");
    for (const room of ["#bobs", "#shared"]) await bob.ask({ op: "join", room }, "ok");
    await alice.ask({ op: "join", room: "#shared" }, "ok");
    for (const log of ["alice", "#shared", "*"]) assert.deepEqual(seqsOf(await ask(alice, { log })), []);
    for (const log of ["bob", "#bobs", "#none", "nobody"]) {
      await alice.ask({ op: "history", ref: "r", log }, "error", { ref: "r", code: "forbidden" });
    }
    for (const log of ["$dead", "no name", "#"]) await alice.ask({ op: "history", log }, "error", { code: "bad_name" });
  });

  it("moves no cursor and takes nothing of the window", async (t) => {
    const server = await startNativeServer(t);
    await aliceWith(carrier, server, 7);
    const alice = await Peer.connect(carrier, server);
    await alice.hello({ user: "alice", device: "new", window: 2 });
    await alice.expectBodies("1", "2");
    assert.deepEqual(seqsOf(await ask(alice, {})), range(1, 7));
    await alice.silence();
    alice.send({ op: "ack", log: "alice", seq: 2 });
    await alice.expectBodies("3", "4");
  });

  it("stops a page at about 1 MiB, and next leads to the rest", async (t) => {
    const server = await startNativeServer(t);
    const alice = await Peer.login(carrier, server, "alice");
    await alice.ask({ op: "join", room: "#room" }, "ok");
    for (const letter of "abcde") await alice.deliver("#room", letter.repeat(400_000));
    for (const place of [{}, { after: 0 }]) {
      let found = "";
      let next: Sent | undefined = place;
      let pages = 0;
      while (next) {
        const page = await ask(alice, { log: "#room", ...next });
        const bytes = page.messages.reduce((sum, { body }) => sum + body.length, 0);
        assert.ok(bytes < 1.5 * 1024 * 1024, `${bytes}`);
        found += page.messages.map(({ body }) => body[0]).join("");
        next = page.next === undefined ? undefined : { ["after" in place ? "after" : "before"]: page.next };
        pages += 1;
      }
      assert.deepEqual([...found].sort().join(""), "abcde");
      assert.ok(pages >= 2);
    }
  });
});
