/** Rooms: joining, leaving, membership that lasts, and what the user's other sessions learn (PROTOCOL.md, `join`, `leave`). */
import assert from "node:assert/strict";
import { it } from "node:test";
import { overEachCarrier } from "./carriers.ts";
import { startNativeServer } from "./native-server.ts";
import { Peer } from "./peer.ts";

overEachCarrier("join", (carrier) => {
  it("makes the room, tells where delivery goes on, and changes nothing the second time", async (t) => {
    const alice = await Peer.login(carrier, await startNativeServer(t), "alice");
    const { positions: [position] = [], ...rest } = await alice.ask({ op: "join", ref: "1", room: "#General" }, "ok");
    assert.deepEqual(rest, { op: "ok", ref: "1" });
    assert.partialDeepStrictEqual(position, { log: "#general", seq: 0 });
    await alice.deliver("#general", "1");
    await alice.deliver("#general", "2");
    await alice.ask({ op: "join", ref: "2", room: "#ＧＥＮＥＲＡＬ" }, "ok", { ref: "2" });
    const { rooms } = await alice.ask({ op: "rooms" }, "rooms");
    assert.deepEqual(rooms, [{ room: "#General", members: 1, joined: true }]);
    await alice.silence();
  });

  it("delivers what comes after it; what came before is history", async (t) => {
    const server = await startNativeServer(t);
    const alice = await Peer.login(carrier, server, "alice");
    await alice.ask({ op: "join", room: "#room" }, "ok");
    await alice.deliver("#room", "before");
    const bob = await Peer.login(carrier, server, "bob");
    await bob.ask({ op: "join", room: "#room" }, "ok");
    await bob.silence();
    await alice.deliver("#room", "after");
    await bob.expect("message", { log: "#room", seq: 2, body: "after" });
    const { messages } = await bob.ask({ op: "history", log: "#room" }, "page");
    assert.deepEqual(
      messages.map(({ body }) => body),
      ["before", "after"],
    );
  });

  it("tells its position before the first message, however busy the room is", async (t) => {
    const server = await startNativeServer(t);
    const alice = await Peer.login(carrier, server, "alice");
    await alice.ask({ op: "join", room: "#room" }, "ok");
    const bob = await Peer.login(carrier, server, "bob");
    const others = await Peer.login(carrier, server, "bob", { device: "other" });
    alice.send(...Array.from({ length: 200 }, (_, n) => ({ op: "send", to: "#room", body: `${n}` })));
    bob.send({ op: "join", room: "#room" });
    const joined = await bob.expect("ok");
    const reset = await others.expect("reset", { log: "#room" });
    await alice.told();
    for (const [peer, start] of [
      [bob, joined.positions?.[0]?.seq ?? -1],
      [others, reset.seq],
    ] as const) {
      const seqs = (await peer.told()).flatMap((message) => (message.op === "message" ? [message.seq] : []));
      assert.deepEqual(
        seqs,
        Array.from({ length: 200 - start }, (_, n) => start + 1 + n),
      );
    }
  });

  it("is for the user: other sessions learn of the log by reset and read it too", async (t) => {
    const server = await startNativeServer(t);
    const [phone, laptop] = [
      await Peer.login(carrier, server, "alice", { device: "phone" }),
      await Peer.login(carrier, server, "alice", { device: "laptop" }),
    ];
    const { positions } = await phone.ask({ op: "join", room: "#room" }, "ok");
    assert.deepEqual(await laptop.next(), { op: "reset", ...positions?.[0] });
    await phone.deliver("#room", "hi");
    await laptop.expect("message", { log: "#room", seq: 1, body: "hi" });
    laptop.send({ op: "ack", log: "#room", seq: 1 });
    for (const peer of [phone, laptop]) await peer.silence();
  });

  it("lasts over connections, devices and a restart of the server", async (t) => {
    const running = await startNativeServer(t, { engine: "level" });
    const bob = await Peer.login(carrier, running, "bob");
    await bob.ask({ op: "join", room: "#Room" }, "ok");
    await (await Peer.login(carrier, running, "alice")).ask({ op: "join", room: "#room" }, "ok");
    await running.stop();
    const restarted = await startNativeServer(t, { engine: "level" });
    const alice = await Peer.login(carrier, restarted, "alice", { device: "another" });
    await alice.deliver("#room", "still here");
    const back = await Peer.connect(carrier, restarted);
    const { positions } = await back.hello({ user: "bob" });
    assert.deepEqual(
      positions.map(({ log, seq }) => [log, seq]),
      [
        ["bob", 0],
        ["#room", 0],
        ["*", 0],
      ],
    );
    await back.expect("message", { log: "#room", to: "#Room", body: "still here" });
  });

  for (const room of ["room", "#", "##", "#two words", "*", "#a/b", "#x".padEnd(66, "x")]) {
    it(`refuses ${JSON.stringify(room)}`, async (t) => {
      const alice = await Peer.login(carrier, await startNativeServer(t), "alice");
      for (const op of ["join", "leave"])
        await alice.ask({ op, ref: "r", room }, "error", { ref: "r", code: "bad_name" });
      assert.deepEqual((await alice.ask({ op: "rooms" }, "rooms")).rooms, []);
    });
  }
});

overEachCarrier("leave", (carrier) => {
  it("ends delivery to all sessions of the user; the room is not theirs to send to or read any more", async (t) => {
    const server = await startNativeServer(t);
    const bob = await Peer.login(carrier, server, "bob");
    await bob.ask({ op: "join", room: "#room" }, "ok");
    const phone = await Peer.login(carrier, server, "alice", { device: "phone" });
    const laptop = await Peer.login(carrier, server, "alice", { device: "laptop" });
    await phone.ask({ op: "join", room: "#room" }, "ok");
    await laptop.expect("reset");
    assert.deepEqual(await laptop.ask({ op: "leave", ref: "1", room: "#ROOM" }, "ok"), { op: "ok", ref: "1" });
    await bob.deliver("#room", "without alice");
    for (const peer of [phone, laptop]) {
      await peer.silence();
      await peer.ask({ op: "leave", ref: "2", room: "#room" }, "error", { ref: "2", code: "not_member" });
      await peer.ask({ op: "send", to: "#room", body: "" }, "error", { code: "not_member" });
      await peer.ask({ op: "history", log: "#room" }, "error", { code: "forbidden" });
      await peer.ask({ op: "ack", log: "#room", seq: 0 }, "error", { code: "forbidden" });
    }
    const { rooms } = await phone.ask({ op: "rooms" }, "rooms");
    assert.deepEqual(rooms, [{ room: "#room", members: 1, joined: false }]);
    const back = await Peer.connect(carrier, server);
    assert.deepEqual(
      (await back.hello({ user: "alice", device: "phone" })).positions.map(({ log }) => log),
      ["alice", "*"],
    );
  });

  it("forgets the cursors: who joins again starts at the end, whatever was read or not before", async (t) => {
    const server = await startNativeServer(t);
    const bob = await Peer.login(carrier, server, "bob");
    await bob.ask({ op: "join", room: "#room" }, "ok");
    const alice = await Peer.login(carrier, server, "alice", { device: "d" });
    await alice.ask({ op: "join", room: "#room" }, "ok");
    for (const body of ["1", "2", "3"]) await bob.deliver("#room", body);
    await alice.expectBodies("1", "2", "3");
    alice.send({ op: "ack", log: "#room", seq: 1 });
    await alice.ask({ op: "leave", room: "#room" }, "ok");
    for (const body of ["4", "5"]) await bob.deliver("#room", body);
    const { positions } = await alice.ask({ op: "join", room: "#room" }, "ok");
    assert.equal(positions?.[0]?.seq, 5);
    await bob.deliver("#room", "6");
    await alice.expectBodies("6");
    await alice.cut();
    const back = await Peer.connect(carrier, server);
    assert.equal(
      (await back.hello({ user: "alice", device: "d" })).positions.find(({ log }) => log === "#room")?.seq,
      5,
    );
    await back.expectBodies("6");
  });

  it("is refused for a room that is not there", async (t) => {
    const alice = await Peer.login(carrier, await startNativeServer(t), "alice");
    await alice.ask({ op: "leave", ref: "r", room: "#none" }, "error", { ref: "r", code: "unknown_room" });
  });

  it("and join, sent in one breath, are carried out in order", async (t) => {
    const alice = await Peer.login(carrier, await startNativeServer(t), "alice");
    const ops = ["join", "leave", "join", "leave", "leave", "join"];
    alice.send(...ops.map((op, n) => ({ op, ref: `${n}`, room: "#room" })));
    for (const [n] of ops.entries()) await alice.expect(n === 4 ? "error" : "ok", { ref: `${n}` });
    const { rooms } = await alice.ask({ op: "rooms" }, "rooms");
    assert.deepEqual(rooms, [{ room: "#room", members: 1, joined: true }]);
  });
});
