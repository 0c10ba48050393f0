/** `hello` and what comes before it (PROTOCOL.md, "Life of a connection" 1 and 2, `hello`, `welcome`). */
import assert from "node:assert/strict";
import { it } from "node:test";
import { helloFrameBytes, parseDevice } from "@parley/protocol";
import { overEachCarrier } from "./carriers.ts";
import { startNativeServer } from "./native-server.ts";
import { Peer } from "./peer.ts";

/** A `ping` that is exactly `bytes` long. */
function pingOf(bytes: number): string {
  const [head, tail] = ['{"op":"ping","pad":"', '"}'];
  return head + "x".repeat(bytes - head.length - tail.length) + tail;
}

const beforeHello = [
  { op: "send", ref: "r", clientId: "c", to: "alice", body: "" },
  { op: "ack", log: "alice", seq: 0 },
  { op: "join", ref: "r", room: "#room" },
  { op: "leave", ref: "r", room: "#room" },
  { op: "history", ref: "r", log: "alice" },
  { op: "users", ref: "r" },
  { op: "rooms", ref: "r" },
  { op: "watch", ref: "r" },
  { op: "unwatch", ref: "r" },
];

const refused = [
  [{}, "bad_message"],
  [{ user: "" }, "bad_message"],
  [{ user: "x".repeat(257) }, "bad_message"],
  [{ user: "x".repeat(65) }, "bad_name"],
  [{ user: "two words" }, "bad_name"],
  [{ user: "#room" }, "bad_name"],
  [{ user: "*" }, "bad_name"],
  [{ user: "bell\u0007" }, "bad_name"],
  [{ user: "zero\u200bwidth" }, "bad_name"],
  [{ user: "ann", device: "a/b" }, "bad_name"],
  [{ user: "ann", device: "" }, "bad_message"],
  [{ user: "ann", window: 0 }, "bad_message"],
  [{ user: "ann", window: 65_537 }, "bad_message"],
  [{ user: "ann", window: 1.5 }, "bad_message"],
  [{ user: "ann", positions: [{ log: "ann", epoch: "e" }] }, "bad_message"],
  [{ user: "ann", positions: [{ log: "ann", epoch: "e", seq: -1 }] }, "bad_message"],
  [{ user: "ann", token: "t".repeat(8193) }, "bad_message"],
] as const;

overEachCarrier("hello", (carrier) => {
  it("is answered by a welcome with everything the page names, then live", async (t) => {
    const server = await startNativeServer(t, { "limits.idleMs": 60_000, "limits.maxBodyBytes": 5000 });
    const peer = await Peer.connect(carrier, server);
    const welcome = await peer.hello({ ref: "1", user: "Alice", device: "Phone", window: 7, token: "not looked at" });
    const [{ epoch } = { epoch: "" }] = welcome.positions;
    assert.deepEqual(welcome, {
      op: "welcome",
      user: "Alice",
      device: "phone",
      session: welcome.session,
      positions: [
        { log: "alice", epoch, seq: 0 },
        { log: "*", epoch, seq: 0 },
      ],
      limits: {
        maxFrameBytes: 8_388_608,
        maxBodyBytes: 5000,
        maxRecipients: 100,
        window: 7,
        idleMs: 60_000,
        maxRooms: 1000,
        maxWatched: 10_000,
        messagesPerSecond: 10_000,
        bytesPerSecond: 33_554_432,
      },
      ref: "1",
    });
    await peer.expect("live");
    await peer.silence();
  });

  it("shows the spelling that connected first, and folds the device", async (t) => {
    const server = await startNativeServer(t);
    const first = await Peer.connect(carrier, server);
    assert.equal((await first.hello({ user: "Straße" })).user, "Straße");
    const again = await Peer.connect(carrier, server);
    const welcome = await again.hello({ user: "ＳＴＲＡßＥ", device: "ＰＨＯＮＥ" });
    assert.equal(welcome.user, "Straße");
    assert.equal(welcome.device, "phone");
    assert.equal(welcome.positions[0]?.log, "straße");
    await first.expect("live");
    assert.equal((await first.ask({ op: "users" }, "presence")).users.length, 1);
  });

  it("gives a connection without a device one of its own", async (t) => {
    const server = await startNativeServer(t);
    const devices = new Set<string>();
    for (let i = 0; i < 3; i++) {
      const { device } = await (await Peer.connect(carrier, server)).hello({ user: "alice" });
      assert.deepEqual(parseDevice(device), { ok: true, value: device });
      devices.add(device);
    }
    assert.equal(devices.size, 3);
  });

  it("uses a window of 1024 unless asked, and never more than the server allows", async (t) => {
    const server = await startNativeServer(t, { "limits.maxWindow": 2000 });
    const windowFor = async (hello: object) =>
      (await (await Peer.connect(carrier, server)).hello({ user: "alice", ...hello })).limits.window;
    assert.deepEqual(
      [await windowFor({}), await windowFor({ window: 1 }), await windowFor({ window: 65_536 })],
      [1024, 1, 2000],
    );
  });

  it("may be tried again after it failed, and leaves nothing behind", async (t) => {
    const peer = await Peer.connect(carrier, await startNativeServer(t));
    for (const [hello, code] of refused) {
      const { message } = await peer.ask({ op: "hello", ref: "r", ...hello }, "error", { ref: "r", code });
      assert.notEqual(message, "", JSON.stringify(hello));
    }
    await peer.hello({ user: "bob" });
    await peer.expect("live");
    const { users } = await peer.ask({ op: "users" }, "presence");
    assert.deepEqual(users, [{ user: "bob", online: true }]);
  });

  it("is required before anything but ping and bye, and of what came before nothing is done", async (t) => {
    const peer = await Peer.connect(carrier, await startNativeServer(t));
    for (const message of beforeHello) {
      const { op: _, to: _to, body: _body, ...fields } = { to: "", body: "", ...message };
      const about = "ref" in fields ? { ref: fields.ref, ...("clientId" in fields ? { clientId: "c" } : {}) } : {};
      await peer.ask(message, "error", { code: "hello_required", ...about });
    }
    await peer.ask({ op: "ping", ref: "p" }, "pong", { ref: "p" });
    const { positions } = await peer.hello({ user: "alice" });
    assert.deepEqual(
      positions.map(({ log, seq }) => [log, seq]),
      [
        ["alice", 0],
        ["*", 0],
      ],
    );
  });

  it("takes no requests before welcome was told", async (t) => {
    const peer = await Peer.connect(carrier, await startNativeServer(t));
    peer.send({ op: "hello", user: "alice" }, { op: "users", ref: "early" });
    await peer.expect("error", { ref: "early", code: "hello_required" });
    await peer.expect("welcome");
    await peer.expect("live");
    await peer.ask({ op: "users", ref: "now" }, "presence", { ref: "now" });
  });

  it("is taken once: a second one changes nothing", async (t) => {
    const peer = await Peer.connect(carrier, await startNativeServer(t));
    peer.send({ op: "hello", user: "alice", device: "a" }, { op: "hello", ref: "2", user: "bob" });
    await peer.expect("error", { ref: "2", code: "hello_twice" });
    await peer.expect("welcome", { user: "alice", device: "a" });
    await peer.expect("live");
    await peer.ask({ op: "hello", ref: "3", user: "bob" }, "error", { ref: "3", code: "hello_twice" });
    const { users } = await peer.ask({ op: "users" }, "presence");
    assert.deepEqual(users, [{ user: "alice", online: true }]);
  });

  it("ignores positions in logs that the user does not read, and in what is no log", async (t) => {
    const server = await startNativeServer(t);
    const bob = await Peer.login(carrier, server, "bob");
    await bob.ask({ op: "join", room: "#bobs" }, "ok");
    const peer = await Peer.connect(carrier, server);
    const positions = ["bob", "#bobs", "#none", "no name", "__proto__"].map((log) => ({ log, epoch: "e", seq: 1 }));
    const welcome = await peer.hello({ user: "alice", positions });
    assert.deepEqual(
      welcome.positions.map(({ log }) => log),
      ["alice", "*"],
    );
    await peer.expect("live");
  });
});

overEachCarrier("before welcome", (carrier) => {
  it(`a frame has at most ${helloFrameBytes} bytes; a longer one ends the connection`, async (t) => {
    const peer = await Peer.connect(carrier, await startNativeServer(t));
    peer.sendTexts(pingOf(helloFrameBytes));
    await peer.expect("pong");
    peer.sendTexts('{"op":"ping","ref":"before"}', pingOf(helloFrameBytes + 1), '{"op":"ping","ref":"after"}');
    await peer.expect("pong", { ref: "before" });
    await peer.expect("error", { code: "frame_too_large", reconnect: false });
    await peer.endsBy("frame_too_large");
  });

  it("the limit is for one frame, not for all of them together", async (t) => {
    const peer = await Peer.connect(carrier, await startNativeServer(t));
    const pings = new Array(40).fill(pingOf(5000));
    peer.sendTexts(...pings);
    for (const _ of pings) await peer.expect("pong");
    peer.sendTexts(pingOf(helloFrameBytes));
    await peer.expect("pong");
    await peer.hello({ user: "alice" });
  });

  it("welcome raises it", async (t) => {
    const peer = await Peer.login(carrier, await startNativeServer(t, { "limits.maxFrameBytes": 200_000 }), "alice");
    peer.sendTexts(pingOf(200_000));
    await peer.expect("pong");
    peer.sendTexts(pingOf(200_001));
    if (carrier.name === "TCP") await peer.expect("error", { code: "frame_too_large", reconnect: false });
    await peer.endsBy("frame_too_large");
  });

  it("bye closes, and what comes after it is not taken", async (t) => {
    const server = await startNativeServer(t);
    const peer = await Peer.connect(carrier, server);
    peer.send({ op: "ping", ref: "1" }, { op: "bye" }, { op: "ping", ref: "2" }, { op: "hello", user: "ghost" });
    await peer.expect("pong", { ref: "1" });
    await peer.endsBy("bye");
    const other = await Peer.login(carrier, server, "alice");
    const { users } = await other.ask({ op: "users" }, "presence");
    assert.deepEqual(users, [{ user: "alice", online: true }]);
  });
});
