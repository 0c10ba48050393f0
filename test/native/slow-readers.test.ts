/** Peers that do not read (PROTOCOL.md, "Life of a connection" 6): nothing is lost or reordered, and nobody else waits. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { overEachCarrier } from "./carriers.ts";
import { startNativeServer } from "./native-server.ts";
import { Peer } from "./peer.ts";

const limits = { "limits.maxOutboxBytes": 65_536 };
/** More than sockets and kernel take for a peer that does not read. */
const count = 400;
const body = (n: number) => `${n} ${"x".repeat(40_000)}`;

overEachCarrier("a peer that does not read", (carrier) => {
  it("gets everything in order when it reads again, then live; others are not delayed", async (t) => {
    const server = await startNativeServer(t, limits);
    const slow = await Peer.login(carrier, server, "slow");
    const quick = await Peer.login(carrier, server, "quick");
    const alice = await Peer.login(carrier, server, "alice");
    for (const peer of [slow, quick, alice]) await peer.ask({ op: "join", room: "#room" }, "ok");
    slow.link.pause();
    for (let n = 1; n <= count; n++) {
      await alice.deliver("#room", body(n));
      await quick.expect("message", { seq: n });
    }
    await alice.deliver("slow", "for slow alone");
    await quick.silence();
    slow.link.resume();
    const seqs: number[] = [];
    const rest: unknown[] = [];
    for (let message = await slow.next(); message.op !== "live"; message = await slow.next()) {
      if (message.op === "message" && message.log === "#room") seqs.push(message.seq);
      else rest.push(message.op === "message" ? message.body : message);
    }
    assert.deepEqual(
      seqs,
      Array.from({ length: count }, (_, at) => at + 1),
    );
    assert.deepEqual(rest, ["for slow alone"]);
    await alice.deliver("slow", "live again");
    await slow.expectBodies("live again");
    await slow.silence();
  });

  it("and asks on and on is not asked what it wants next; it gets every answer when it reads", async (t) => {
    const server = await startNativeServer(t, limits);
    const alice = await Peer.login(carrier, server, "alice");
    const slow = await Peer.login(carrier, server, "slow");
    for (let n = 1; n <= 25; n++) await alice.deliver("*", body(n));
    for (let n = 1; n <= 25; n++) await slow.expect("message", { seq: n });
    slow.link.pause();
    const refs = Array.from({ length: 40 }, (_, n) => `${n}`);
    slow.send(...refs.map((ref) => ({ op: "history", ref, log: "*" })), { op: "users", ref: "last" });
    for (let n = 0; n < 50; n++) await alice.told();
    slow.link.resume();
    const answered = new Set<string | undefined>();
    while (answered.size < refs.length + 1) {
      const answer = await slow.next();
      assert.ok(answer.op === "page" || answer.op === "presence");
      if (answer.op === "page") assert.equal(answer.messages.length, 25);
      answered.add(answer.ref);
    }
    assert.deepEqual(
      [...answered].filter((ref) => ref !== "last"),
      refs,
    );
    await slow.silence();
  });

  it("is told of presence as it is then, not of every change", async (t) => {
    const server = await startNativeServer(t, limits);
    const bob = await Peer.login(carrier, server, "bob");
    const alice = await Peer.login(carrier, server, "alice");
    const slow = await Peer.login(carrier, server, "slow");
    await slow.ask({ op: "watch", users: ["bob"] }, "ok");
    await slow.untilPresence("bob", true);
    slow.link.pause();
    for (let n = 1; n <= count; n++) await alice.deliver("slow", body(n), { copy: false });
    const other = await Peer.login(carrier, server, "other");
    await other.ask({ op: "watch", users: ["bob"] }, "ok");
    await other.expect("presence");
    await bob.cut();
    await other.untilPresence("bob", false);
    const again = await Peer.login(carrier, server, "bob");
    await other.untilPresence("bob", true);
    await again.cut();
    await other.untilPresence("bob", false);
    slow.link.resume();
    const told: boolean[] = [];
    let seq = 0;
    for (let message = await slow.next(); message.op !== "live"; message = await slow.next()) {
      if (message.op === "message") assert.equal(message.seq, ++seq);
      else if (message.op === "presence") told.push(...message.users.map(({ online }) => online));
    }
    assert.equal(seq, count);
    for (const message of await slow.told())
      if (message.op === "presence") told.push(...message.users.map(({ online }) => online));
    // The state of the beginning may have been told a second time, before the peer was slow.
    assert.deepEqual(told.slice(told[0] ? 1 : 0), [false]);
  });

  it("and is not read from any more ends as soon as it reads, when it has been replaced", async (t) => {
    const server = await startNativeServer(t, limits);
    const alice = await Peer.login(carrier, server, "alice");
    const slow = await Peer.login(carrier, server, "slow", { device: "d" });
    for (let n = 1; n <= 25; n++) await alice.deliver("*", body(n));
    for (let n = 1; n <= 25; n++) await slow.expect("message", { seq: n });
    slow.link.pause();
    slow.send(...Array.from({ length: 40 }, () => ({ op: "history", log: "*" })));
    for (let n = 0; n < 50; n++) await alice.told();
    const newer = await Peer.connect(carrier, server);
    await newer.hello({ user: "slow", device: "d" });
    const began = performance.now();
    slow.link.resume();
    let message = await slow.next();
    while (message.op === "page") message = await slow.next();
    assert.partialDeepStrictEqual(message, { op: "bye", code: "replaced" });
    await slow.endsBy("replaced");
    assert.ok(performance.now() - began < 3_000);
  });
});
