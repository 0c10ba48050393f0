/** Window, acknowledgement and `live` (PROTOCOL.md, "Life of a connection" 3 to 6, "Receiving", `ack`). */
import assert from "node:assert/strict";
import { it } from "node:test";
import { overEachCarrier } from "./carriers.ts";
import type { Carrier } from "./link.ts";
import { type NativeServer, startNativeServer } from "./native-server.ts";
import { Peer, type Sent } from "./peer.ts";

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => `${from + at}`);

/** Logs Bob in without waiting for `live`: messages may come first. */
async function bob(carrier: Carrier, server: NativeServer, hello: Sent = {}): Promise<Peer> {
  const peer = await Peer.connect(carrier, server);
  await peer.hello({ user: "bob", device: "b", ...hello });
  return peer;
}

/** Bob is known and away; Alice has sent him messages with these bodies. */
async function waiting(carrier: Carrier, server: NativeServer, bodies: readonly string[]): Promise<Peer> {
  await (await Peer.login(carrier, server, "bob", { device: "b" })).cut();
  const alice = await Peer.login(carrier, server, "alice");
  for (const body of bodies) await alice.deliver("bob", body, { copy: false });
  return alice;
}

overEachCarrier("the window", (carrier) => {
  it("is never exceeded: more is sent only as acknowledgements come, then live", async (t) => {
    const server = await startNativeServer(t);
    await waiting(carrier, server, numbers(1, 10));
    const peer = await bob(carrier, server, { window: 3 });
    await peer.expectBodies("1", "2", "3");
    await peer.silence();
    peer.send({ op: "ack", log: "bob", seq: 1 });
    await peer.expectBodies("4");
    await peer.silence();
    peer.send({ op: "ack", log: "bob", seq: 4 });
    await peer.expectBodies("5", "6", "7");
    await peer.silence();
    peer.send({ op: "ack", log: "bob", seq: 7 });
    await peer.expectBodies("8", "9", "10");
    await peer.expect("live");
    await peer.silence();
  });

  it("full while live: what comes waits in the log, and live is told again after it", async (t) => {
    const server = await startNativeServer(t);
    const alice = await waiting(carrier, server, []);
    const peer = await bob(carrier, server, { window: 2 });
    await peer.expect("live");
    for (const body of numbers(1, 5)) await alice.deliver("bob", body);
    await peer.expectBodies("1", "2");
    await peer.silence();
    peer.send({ op: "ack", log: "bob", seq: 2 });
    await peer.expectBodies("3", "4");
    await peer.silence();
    peer.send({ op: "ack", log: "bob", seq: 4 });
    await peer.expectBodies("5");
    await peer.expect("live");
    await alice.deliver("bob", "6");
    await peer.expectBodies("6");
    await peer.silence();
  });

  it("is one for all logs together", async (t) => {
    const server = await startNativeServer(t);
    const alice = await waiting(carrier, server, []);
    const peer = await bob(carrier, server, { window: 3 });
    await peer.expect("live");
    await peer.ask({ op: "join", room: "#room" }, "ok");
    await alice.ask({ op: "join", room: "#room" }, "ok");
    for (const to of ["bob", "#room", "*"]) for (const n of [1, 2]) await alice.deliver(to, `${to} ${n}`);
    await peer.expectBodies("bob 1", "bob 2", "#room 1");
    await peer.silence();
    peer.send({ op: "ack", log: "bob", seq: 2 });
    const two = [await peer.next(), await peer.next()];
    assert.deepEqual(
      two.map(({ op }) => op),
      ["message", "message"],
    );
    await peer.silence();
    peer.send({ op: "ack", log: "#room", seq: 2 }, { op: "ack", log: "*", seq: 2 });
    const rest = await peer.told();
    const bodies = [...two, ...rest].map((message) => (message.op === "message" ? message.body : message.op));
    assert.deepEqual(bodies.sort(), ["#room 2", "* 1", "* 2", "live"]);
    assert.equal(rest.at(-1)?.op, "live");
  });

  it("is not used up by one's own copies, pages of history or gaps", async (t) => {
    const server = await startNativeServer(t);
    const alice = await waiting(carrier, server, ["for bob"]);
    await (await Peer.login(carrier, server, "carol")).cut();
    const peer = await bob(carrier, server, { window: 2 });
    await peer.expectBodies("for bob");
    await peer.expect("live");
    for (const body of numbers(1, 5)) await peer.deliver("carol", body);
    await peer.ask({ op: "history", log: "bob" }, "page");
    await alice.deliver("bob", "one more", { copy: false });
    await peer.expectBodies("one more");
    await alice.deliver("bob", "too much", { copy: false });
    await peer.silence();
    peer.send({ op: "ack", log: "bob", seq: 1 });
    await peer.expectBodies("too much");
  });

  it("held by a room that is left is free for the other logs", async (t) => {
    const server = await startNativeServer(t);
    const alice = await waiting(carrier, server, []);
    const peer = await bob(carrier, server, { window: 2 });
    await peer.expect("live");
    await peer.ask({ op: "join", room: "#room" }, "ok");
    await alice.ask({ op: "join", room: "#room" }, "ok");
    for (const body of numbers(1, 3)) await alice.deliver("#room", `room ${body}`);
    await alice.deliver("bob", "for bob");
    await peer.expectBodies("room 1", "room 2");
    await peer.silence();
    peer.send({ op: "leave", room: "#room" });
    const told = [await peer.next(), await peer.next(), await peer.next()];
    assert.deepEqual(told.map(({ op }) => op).sort(), ["live", "message", "ok"]);
    await peer.silence();
  });
});

overEachCarrier("an acknowledgement", (carrier) => {
  it("is cumulative and says what the device's next session is not sent again", async (t) => {
    const server = await startNativeServer(t);
    await waiting(carrier, server, numbers(1, 5));
    const first = await bob(carrier, server);
    await first.expectBodies(...numbers(1, 5));
    await first.expect("live");
    first.send({ op: "ack", log: "bob", seq: 3 });
    await first.silence();
    await first.cut();
    const second = await bob(carrier, server);
    await second.expectBodies("4", "5");
    await second.expect("live");
  });

  it("of a lower seq changes nothing, and may name the log in any spelling", async (t) => {
    const server = await startNativeServer(t);
    await waiting(carrier, server, numbers(1, 5));
    const first = await bob(carrier, server);
    await first.expectBodies(...numbers(1, 5));
    await first.expect("live");
    first.send({ op: "ack", log: "BOB", seq: 4 }, { op: "ack", log: "bob", seq: 2 }, { op: "ack", log: "bob", seq: 0 });
    await first.silence();
    await first.cut();
    const second = await bob(carrier, server);
    await second.expectBodies("5");
  });

  it("that is missing means that everything comes again", async (t) => {
    const server = await startNativeServer(t);
    await waiting(carrier, server, numbers(1, 3));
    for (let session = 0; session < 3; session++) {
      const peer = await bob(carrier, server);
      await peer.expectBodies(...numbers(1, 3));
      await peer.expect("live");
      await peer.cut();
    }
  });

  it("of a gap is remembered like any other", async (t) => {
    const server = await startNativeServer(t);
    const alice = await waiting(carrier, server, []);
    const { ts = 0 } = await alice.deliver("bob", "old", { ttl: 1 });
    while ((await alice.ask({ op: "ping" }, "pong")).ts <= ts + 1);
    const first = await bob(carrier, server);
    await first.expect("gap", { from: 1, to: 1, reason: "expired" });
    await first.expect("live");
    first.send({ op: "ack", log: "bob", seq: 1 });
    await first.silence();
    await first.cut();
    const second = await bob(carrier, server);
    await second.expect("live");
  });

  it("is refused beyond the end of the log, for a log that is not read, and for what is no log", async (t) => {
    const server = await startNativeServer(t);
    await waiting(carrier, server, numbers(1, 2));
    const peer = await bob(carrier, server);
    await peer.expectBodies("1", "2");
    await peer.expect("live");
    for (const [ack, code] of [
      [{ log: "bob", seq: 3 }, "bad_message"],
      [{ log: "*", seq: 1 }, "bad_message"],
      [{ log: "alice", seq: 1 }, "forbidden"],
      [{ log: "#room", seq: 1 }, "forbidden"],
      [{ log: "$dead", seq: 0 }, "bad_name"],
      [{ log: "no name", seq: 0 }, "bad_name"],
    ] as const) {
      await peer.ask({ op: "ack", ...ack }, "error", { code });
    }
    await peer.cut();
    const again = await bob(carrier, server);
    await again.expectBodies("1", "2");
  });

  it("of more than was sent yet takes nothing away", async (t) => {
    const server = await startNativeServer(t);
    await waiting(carrier, server, numbers(1, 4));
    const peer = await bob(carrier, server, { window: 2 });
    await peer.expectBodies("1", "2");
    peer.send({ op: "ack", log: "bob", seq: 4 });
    await peer.expectBodies("3", "4");
    await peer.expect("live");
  });
});
