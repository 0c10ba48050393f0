/** Who there is and who is online (PROTOCOL.md, `users`, `rooms`, `watch`, `unwatch`, `presence`). */
import assert from "node:assert/strict";
import { it } from "node:test";
import { overEachCarrier } from "./carriers.ts";
import type { Carrier } from "./link.ts";
import { type NativeServer, startNativeServer } from "./native-server.ts";
import { Peer, type Sent } from "./peer.ts";

/** Connects each of them once. */
async function known(carrier: Carrier, server: NativeServer, ...users: readonly string[]): Promise<void> {
  for (const user of users) await (await Peer.login(carrier, server, user)).cut();
}

/** Alice, told of these users, or of everybody, from now on; what was in the making when she asked has been told. */
async function watching(carrier: Carrier, server: NativeServer, users: readonly string[] | undefined): Promise<Peer> {
  const alice = await Peer.login(carrier, server, "alice");
  await alice.ask({ op: "watch", users: users && [...users, "marker"] }, "ok");
  const marker = await Peer.login(carrier, server, "marker");
  await alice.untilPresence("marker", true);
  await marker.cut();
  await alice.untilPresence("marker", false);
  return alice;
}

overEachCarrier("users", (carrier) => {
  it("lists all who are known in order of their folded names, with the first spelling and their presence", async (t) => {
    const server = await startNativeServer(t);
    const before = Date.now();
    await known(carrier, server, "Zoe", "élan", "bob", "Ada");
    const bob = await Peer.login(carrier, server, "BOB");
    const { users, ...rest } = await bob.ask({ op: "users", ref: "u" }, "presence");
    assert.deepEqual(rest, { op: "presence", ref: "u" });
    assert.deepEqual(
      users.map(({ user, online }) => [user, online]),
      [
        ["Ada", false],
        ["bob", true],
        ["Zoe", false],
        ["élan", false],
      ],
    );
    for (const { online, lastSeen } of users) {
      if (online) assert.equal(lastSeen, undefined);
      else assert.ok(lastSeen !== undefined && lastSeen >= before && lastSeen <= Date.now());
    }
  });

  it("comes in pages", async (t) => {
    const server = await startNativeServer(t);
    await known(carrier, server, "a", "b", "c", "d");
    const e = await Peer.login(carrier, server, "e");
    const page = async (more: Sent) => {
      const { users, next } = await e.ask({ op: "users", ...more }, "presence");
      return [users.map(({ user }) => user).join(""), next];
    };
    assert.deepEqual(await page({ limit: 2 }), ["ab", "b"]);
    assert.deepEqual(await page({ limit: 2, after: "B" }), ["cd", "d"]);
    assert.deepEqual(await page({ limit: 2, after: "d" }), ["e", undefined]);
    assert.deepEqual(await page({ limit: 5 }), ["abcde", undefined]);
    assert.deepEqual(await page({ after: "bb" }), ["cde", undefined]);
    assert.deepEqual(await page({ after: "e" }), ["", undefined]);
    await e.ask({ op: "users", ref: "r", after: "#e" }, "error", { ref: "r", code: "bad_name" });
  });

  it("may be those of a room", async (t) => {
    const server = await startNativeServer(t);
    await known(carrier, server, "outsider");
    const bob = await Peer.login(carrier, server, "bob");
    const alice = await Peer.login(carrier, server, "alice");
    for (const peer of [bob, alice]) await peer.ask({ op: "join", room: "#room" }, "ok");
    await bob.cut();
    await alice.told();
    const { users } = await alice.ask({ op: "users", room: "#ROOM" }, "presence");
    assert.deepEqual(
      users.map(({ user, online }) => [user, online]),
      [
        ["alice", true],
        ["bob", false],
      ],
    );
    assert.equal((await alice.ask({ op: "users", room: "#room", limit: 1 }, "presence")).next, "alice");
    await alice.ask({ op: "users", ref: "r", room: "#none" }, "error", { ref: "r", code: "unknown_room" });
    await alice.ask({ op: "users", ref: "r", room: "room" }, "error", { ref: "r", code: "bad_name" });
  });

  it("knows when somebody was last seen over a restart of the server", async (t) => {
    const running = await startNativeServer(t, { engine: "level" });
    await known(carrier, running, "bob");
    const alice = await Peer.login(carrier, running, "alice");
    const bobIn = async (peer: Peer) => (await peer.ask({ op: "users", limit: 2 }, "presence")).users[1];
    await alice.told();
    const bob = await bobIn(alice);
    assert.equal(bob?.online, false);
    await running.stop();
    const restarted = await startNativeServer(t, { engine: "level" });
    assert.deepEqual(await bobIn(await Peer.login(carrier, restarted, "alice")), bob);
  });
});

overEachCarrier("rooms", (carrier) => {
  it("lists all rooms in order, in pages, with members and whether one is among them", async (t) => {
    const server = await startNativeServer(t);
    const bob = await Peer.login(carrier, server, "bob");
    const alice = await Peer.login(carrier, server, "alice");
    assert.deepEqual(await alice.ask({ op: "rooms", ref: "r" }, "rooms"), { op: "rooms", ref: "r", rooms: [] });
    for (const room of ["#Zoo", "#b", "#a"]) await bob.ask({ op: "join", room }, "ok");
    await alice.ask({ op: "join", room: "#B" }, "ok");
    const list = [
      { room: "#a", members: 1, joined: false },
      { room: "#b", members: 2, joined: true },
      { room: "#Zoo", members: 1, joined: false },
    ];
    assert.deepEqual(await alice.ask({ op: "rooms" }, "rooms"), { op: "rooms", rooms: list });
    const page = await alice.ask({ op: "rooms", limit: 2 }, "rooms");
    assert.deepEqual(page, { op: "rooms", rooms: list.slice(0, 2), next: "#b" });
    const rest = await alice.ask({ op: "rooms", limit: 2, after: page.next }, "rooms");
    assert.deepEqual(rest, { op: "rooms", rooms: list.slice(2) });
    await alice.ask({ op: "rooms", ref: "r", after: "b" }, "error", { ref: "r", code: "bad_name" });
  });
});

overEachCarrier("watch", (carrier) => {
  it("of a list is answered with ok, then the present state, unknown users included", async (t) => {
    const server = await startNativeServer(t);
    await known(carrier, server, "Bob");
    const carol = await Peer.login(carrier, server, "carol");
    const alice = await Peer.login(carrier, server, "alice");
    assert.deepEqual(await alice.ask({ op: "watch", ref: "w", users: ["bob", "CAROL", "nobody"] }, "ok"), {
      op: "ok",
      ref: "w",
    });
    const { users } = await alice.expect("presence");
    const lastSeen = users[0]?.lastSeen;
    assert.ok(lastSeen !== undefined && lastSeen <= Date.now());
    assert.deepEqual(users, [
      { user: "Bob", online: false, lastSeen },
      { user: "carol", online: true },
      { user: "nobody", online: false },
    ]);
    await carol.silence();
  });

  it("tells every change of those who are watched, with lastSeen, and of nobody else", async (t) => {
    const server = await startNativeServer(t);
    await known(carrier, server, "bob", "carol");
    const alice = await watching(carrier, server, ["bob", "dave"]);
    const before = Date.now();
    const bob = await Peer.login(carrier, server, "BOB", { device: "1" });
    assert.deepEqual(await alice.expect("presence"), { op: "presence", users: [{ user: "bob", online: true }] });
    await Peer.login(carrier, server, "carol");
    const second = await Peer.login(carrier, server, "bob", { device: "2" });
    await bob.cut();
    await Peer.login(carrier, server, "Dave");
    assert.deepEqual(await alice.expect("presence"), { op: "presence", users: [{ user: "Dave", online: true }] });
    await second.cut();
    const { users } = await alice.expect("presence");
    const lastSeen = users[0]?.lastSeen ?? 0;
    assert.deepEqual(users, [{ user: "bob", online: false, lastSeen }]);
    assert.ok(lastSeen >= before && lastSeen <= Date.now());
    await alice.silence();
  });

  it("is right however short after a change it was asked", async (t) => {
    const server = await startNativeServer(t);
    const bob = await Peer.login(carrier, server, "bob");
    const alice = await Peer.login(carrier, server, "alice");
    await alice.ask({ op: "watch", users: ["bob"] }, "ok");
    await alice.untilPresence("bob", true);
    await bob.cut();
    await alice.untilPresence("bob", false);
  });

  it("of everybody tells all changes, of users who are new too", async (t) => {
    const server = await startNativeServer(t);
    const alice = await watching(carrier, server, undefined);
    const bob = await Peer.login(carrier, server, "bob");
    await alice.expect("presence", { users: [{ user: "bob", online: true }] });
    await bob.cut();
    await alice.expect("presence", { users: [{ user: "bob", online: false }] });
  });

  it("adds to what is watched; unwatch takes back the named ones, or all", async (t) => {
    const server = await startNativeServer(t);
    const alice = await watching(carrier, server, ["bob"]);
    const watch = async (op: string, users?: readonly string[]) => {
      await alice.ask({ op, ref: "w", users }, "ok", { ref: "w" });
      if (op === "watch") await alice.expect("presence");
    };
    /** Who of them is told of when all come and go, in this order. */
    const toldOf = async (...users: readonly string[]) => {
      const names = new Set<string>();
      const untilLast = async () => {
        for (let last = false; !last; ) {
          const { users: told } = await alice.expect("presence");
          for (const { user } of told) names.add(user);
          last = told.some(({ user }) => user === users.at(-1));
        }
      };
      const peers: Peer[] = [];
      for (const user of users) peers.push(await Peer.login(carrier, server, user));
      await untilLast();
      for (const peer of peers) await peer.cut();
      await untilLast();
      return [...names].sort();
    };
    await watch("watch", ["carol", "dave"]);
    await watch("watch", ["last"]);
    assert.deepEqual(await toldOf("bob", "carol", "dave", "eve", "last"), ["bob", "carol", "dave", "last"]);
    await watch("unwatch", ["CAROL", "nobody"]);
    assert.deepEqual(await toldOf("bob", "carol", "dave", "eve", "last"), ["bob", "dave", "last"]);
    await watch("unwatch");
    await watch("watch", ["last"]);
    assert.deepEqual(await toldOf("bob", "carol", "dave", "eve", "last"), ["last"]);
    await alice.ask({ op: "watch" }, "ok");
    assert.deepEqual(await toldOf("bob", "eve"), ["bob", "eve"]);
    await watch("unwatch");
    await watch("watch", ["last"]);
    assert.deepEqual(await toldOf("bob", "last"), ["last"]);
  });

  it("ends with the connection", async (t) => {
    const server = await startNativeServer(t);
    const first = await Peer.login(carrier, server, "alice", { device: "d" });
    await first.ask({ op: "watch" }, "ok");
    await first.cut();
    const second = await Peer.login(carrier, server, "alice", { device: "d" });
    const other = await watching(carrier, server, ["bob"]);
    await Peer.login(carrier, server, "bob");
    await other.expect("presence", { users: [{ user: "bob", online: true }] });
    await second.silence();
  });

  it("is refused where a name is none, and then watches nobody", async (t) => {
    const server = await startNativeServer(t);
    const alice = await Peer.login(carrier, server, "alice");
    for (const op of ["watch", "unwatch"])
      await alice.ask({ op, ref: "r", users: ["bob", "no name"] }, "error", { ref: "r", code: "bad_name" });
    const other = await watching(carrier, server, ["bob"]);
    await Peer.login(carrier, server, "bob");
    await other.expect("presence", { users: [{ user: "bob", online: true }] });
    await alice.silence();
  });
});
