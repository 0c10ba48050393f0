/** Who gets what is sent to a user, a room, everybody or several, and what the sender is told (PROTOCOL.md, "Sending"). */
import assert from "node:assert/strict";
import { it } from "node:test";
import { overEachCarrier } from "./carriers.ts";
import { everybody, placesOf, statesOf } from "./everybody.ts";
import { startNativeServer } from "./native-server.ts";
import { Peer, type Sent } from "./peer.ts";

overEachCarrier("a recipient", (carrier) => {
  it("a user gets it on every device, and the sender's other devices get a copy", async (t) => {
    const server = await startNativeServer(t);
    const { phone, laptop, bob, carol } = await everybody(carrier, server);
    const bobsOther = await Peer.login(carrier, server, "bob", { device: "other" });
    assert.deepEqual(placesOf(await phone.deliver("bob", "hi")), [
      ["bob", 1],
      ["alice", 1],
    ]);
    for (const peer of [bob, bobsOther]) await peer.expect("message", { log: "bob", to: "Bob", body: "hi" });
    await laptop.expect("message", { log: "alice", from: "Alice", to: "Bob", body: "hi" });
    for (const peer of [phone, laptop, bob, bobsOther, carol]) await peer.silence();
  });

  it("copy: false leaves the copy out", async (t) => {
    const { phone, laptop, bob } = await everybody(carrier, await startNativeServer(t));
    assert.deepEqual(placesOf(await phone.deliver("bob", "hi", { copy: false })), [["bob", 1]]);
    await bob.expect("message", { body: "hi" });
    await laptop.silence();
    assert.deepEqual((await laptop.ask({ op: "history", log: "alice" }, "page")).messages, []);
  });

  it("oneself: written once, for every device, the sending one included", async (t) => {
    const { phone, laptop } = await everybody(carrier, await startNativeServer(t));
    phone.send({ op: "send", to: "alice", body: "note" });
    await phone.expect("message", { log: "alice", seq: 1, body: "note" });
    const ok = await phone.expect("ok");
    assert.deepEqual([placesOf(ok), statesOf(ok)], [[["alice", 1]], [["Alice", "online"]]]);
    await laptop.expect("message", { log: "alice", seq: 1, body: "note" });
    phone.send({ op: "send", to: ["bob", "alice"], body: "both" });
    await phone.expect("message", { log: "alice", seq: 2, body: "both" });
    assert.deepEqual(placesOf(await phone.expect("ok")), [
      ["bob", 1],
      ["alice", 2],
    ]);
    await laptop.expect("message", { log: "alice", seq: 2 });
    await laptop.silence();
  });

  it("a room: its members get it, and the sender's other devices; nobody else, and not the sending device", async (t) => {
    const { phone, laptop, bob, carol } = await everybody(carrier, await startNativeServer(t));
    await bob.ask({ op: "join", room: "#Room" }, "ok");
    await phone.ask({ op: "join", room: "#room" }, "ok");
    await laptop.expect("reset", { log: "#room", seq: 0 });
    assert.deepEqual(placesOf(await phone.deliver("#ROOM", "hi")), [["#room", 1]]);
    for (const peer of [laptop, bob]) await peer.expect("message", { log: "#room", to: "#Room", body: "hi" });
    for (const peer of [phone, laptop, bob, carol]) await peer.silence();
  });

  it("everybody: all who have ever connected, now or when they return; not the sending device, not who comes later", async (t) => {
    const server = await startNativeServer(t);
    const { phone, laptop, bob, carol } = await everybody(carrier, server);
    await carol.cut();
    assert.deepEqual(placesOf(await phone.deliver("*", "all")), [["*", 1]]);
    for (const peer of [laptop, bob]) await peer.expect("message", { log: "*", to: "*", from: "Alice", body: "all" });
    for (const peer of [phone, laptop, bob]) await peer.silence();
    const back = await Peer.connect(carrier, server);
    await back.hello({ user: "carol", device: "c" });
    await back.expectBodies("all");
    const later = await Peer.connect(carrier, server);
    assert.deepEqual(
      (await later.hello({ user: "dave" })).positions.map(({ log, seq }) => [log, seq]),
      [
        ["dave", 0],
        ["*", 1],
      ],
    );
    await later.expect("live");
    await later.silence();
  });

  it("several: each log once under one id, whatever spelling and however often they are named", async (t) => {
    const { phone, laptop, bob, carol } = await everybody(carrier, await startNativeServer(t));
    await bob.ask({ op: "join", room: "#room" }, "ok");
    await phone.ask({ op: "join", room: "#room" }, "ok");
    await laptop.expect("reset");
    const ok = await phone.deliver(["carol", "#room", "BOB", "bob", "Carol", "*"], "list");
    const logs = ["carol", "#room", "bob", "*"];
    assert.deepEqual(
      placesOf(ok),
      [...logs, "alice"].map((log) => [log, 1]),
    );
    assert.deepEqual(statesOf(ok), [
      ["carol", "online"],
      ["#room", "online"],
      ["Bob", "online"],
      ["*", "online"],
    ]);
    const { id } = ok;
    const to = ["carol", "#room", "Bob", "*"];
    for (const log of ["#room", "bob", "*"]) await bob.expect("message", { log, id, to });
    for (const log of ["carol", "*"]) await carol.expect("message", { log, id, to });
    for (const log of ["#room", "*", "alice"]) await laptop.expect("message", { log, id, to });
    for (const peer of [phone, laptop, bob, carol]) await peer.silence();
  });

  it("may be one of 100, and each gets it", async (t) => {
    const server = await startNativeServer(t);
    const names = Array.from({ length: 100 }, (_, n) => `user-${n}`);
    for (const name of names) await (await Peer.login(carrier, server, name)).cut();
    const alice = await Peer.login(carrier, server, "alice");
    const ok = await alice.deliver(names, "to all of you");
    assert.deepEqual(
      statesOf(ok),
      names.map((name) => [name, "stored"]),
    );
    const last = await Peer.connect(carrier, server);
    await last.hello({ user: "user-99" });
    await last.expectBodies("to all of you");
  });

  it("is online when a session other than the sending one is there, else stored", async (t) => {
    const server = await startNativeServer(t);
    const { phone, laptop, bob, carol } = await everybody(carrier, server);
    const stateOf = async (to: string, more: Sent = {}) => {
      phone.send({ op: "send", to, body: "", ...more });
      for (;;) {
        const message = await phone.next();
        if (message.op === "ok") return message.recipients?.[0]?.state;
      }
    };
    await phone.ask({ op: "join", room: "#room" }, "ok");
    await bob.ask({ op: "join", room: "#room" }, "ok");
    assert.deepEqual(
      [await stateOf("bob"), await stateOf("#room"), await stateOf("*")],
      ["online", "online", "online"],
    );
    await bob.cut();
    await carol.told();
    assert.deepEqual(
      [await stateOf("bob"), await stateOf("#room"), await stateOf("*")],
      ["stored", "stored", "online"],
    );
    await carol.cut();
    await laptop.told();
    assert.deepEqual([await stateOf("*"), await stateOf("alice")], ["stored", "online"]);
    await laptop.cut();
    await phone.told();
    assert.equal(await stateOf("alice"), "stored");
  });
});
