/** The rules that no session asks for, and what a restriction does to a session, also when it changes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RoomKey, UserKey } from "@parley/protocol";
import { login, openCore, TestConnection, turns } from "../../testing/core-fixture.ts";
import { type Action, type Actor, authorise, permissionsOf, type Targets } from "./authorisation.ts";
import type { User } from "./directory.ts";
import { Few } from "./few.ts";
import { type Authenticate, everydayRights, type Identity, type Rights, takeAtTheirWord } from "./identity.ts";

const [ann, bob] = ["ann" as UserKey, "bob" as UserKey];

function actor(rights: Partial<Rights> = {}, isServer = false): Actor {
  const rooms = new Map([["#team" as RoomKey, { seq: 0, epoch: "e" }]]);
  const user: User = {
    kind: "user",
    key: ann,
    name: "Ann",
    createdAt: 0,
    lastSeen: 0,
    everyoneSeq: 0,
    sessions: new Few(),
    rooms,
  };
  return { user, permissions: permissionsOf({ ...everydayRights, ...rights }, ann), isServer };
}

const actors = {
  everyday: actor(),
  administrator: actor({ administer: true }),
  restricted: actor({ send: ["bob"], read: ["#team"], join: ["#team-*"] }),
  "restricted administrator": actor({ administer: true, read: [] }),
};

type Line<A extends Action = Action> = {
  [Each in A]: [action: Each, target: Targets[Each], who: (keyof typeof actors)[]];
}[A];

const room = (name: string) => ({ kind: "room", key: name as RoomKey, name }) as const;
const everybody = Object.keys(actors) as (keyof typeof actors)[];
const unrestricted = ["everyday", "administrator"] as const;
const administrators = ["administrator", "restricted administrator"] as const;

const lines: Line[] = [
  ["sendAs", ann, everybody],
  ["sendAs", bob, []],
  ["send", { kind: "user", key: bob, name: "bob" }, everybody],
  ["send", { kind: "user", key: ann, name: "Ann" }, ["everyday", "administrator", "restricted administrator"]],
  ["send", room("#team"), ["everyday", "administrator", "restricted administrator"]],
  ["send", room("#other"), []],
  ["join", room("#other"), ["everyday", "administrator", "restricted administrator"]],
  ["join", room("#team-x"), everybody],
  ["addMembers", { ...room("#team"), exists: true }, ["everyday", "administrator", "restricted administrator"]],
  ["addMembers", { ...room("#other"), exists: true }, []],
  ["addMembers", { ...room("#team-new"), exists: false }, everybody],
  ["read", ann, [...unrestricted]],
  ["read", "#team" as RoomKey, ["everyday", "administrator", "restricted"]],
  ["read", bob, []],
  ["seeUser", bob, [...unrestricted]],
  ["seeUser", ann, everybody],
  ["seeEverybody", undefined, [...unrestricted]],
  ["seeRoom", "#team" as RoomKey, ["everyday", "administrator", "restricted"]],
  ["seeDeadLetters", ann, [...unrestricted]],
  ["seeDeadLetters", bob, [...administrators]],
  ["seeDeadLetters", undefined, [...administrators]],
  ["settleDeadLetters", ann, [...administrators]],
  ["manageUser", ann, [...unrestricted, "restricted administrator"]],
  ["manageUser", bob, [...administrators]],
  ["manageUser", undefined, [...administrators]],
  ["manageAccounts", undefined, [...administrators]],
  ["inspectLog", bob, [...administrators]],
  ["operate", undefined, [...administrators]],
];

describe("the rule of", () => {
  for (const [action, target, allowed] of lines) {
    it(`${action} ${JSON.stringify(target) ?? ""}`, () => {
      const done = everybody.filter((who) => authorise(actors[who], action, target).ok);
      assert.deepEqual(done.sort(), [...allowed].sort());
    });
  }

  it("send lets the server itself into every room", () => {
    assert.ok(authorise(actor({}, true), "send", room("#other")).ok);
  });
});

/** Whoever logs in has these rights by the token of that name. */
function byTokens(rights: Readonly<Record<string, Partial<Rights>>>): Authenticate {
  return async (credentials, from) => {
    const taken = await takeAtTheirWord(credentials, from);
    const own = { ...everydayRights, ...rights[credentials.token ?? ""] };
    return taken.ok ? { ok: true, value: { ...taken.value, rights: own } } : taken;
  };
}

const rights = { team: { read: ["#team"], send: ["#team"] }, all: {} };

describe("a session with a restricted token", () => {
  it("is not given what it may not read, which waits for the next that may", async () => {
    const fixture = await openCore({ authenticate: byTokens(rights) });
    const sender = await login(fixture, "bob");
    const first = await login(fixture, "ann");
    for (const each of [sender, first]) each.do({ op: "join", room: "#team" });
    await turns();
    first.session.end();
    const restricted = await login(fixture, "ann", { token: "team" });
    await sender.send("ann", "private");
    await sender.send("#team", "public");
    assert.deepEqual(restricted.connection.told(), ["live", "#team 1 public"]);
    restricted.do({ op: "ack", log: "ann", seq: 1 });
    assert.deepEqual(restricted.connection.told(), ["error forbidden"]);
    restricted.session.end();
    const later = await login(fixture, "ann", { token: "all" });
    assert.ok(later.connection.told().includes("ann 1 private"));
  });

  it("hears neither of users nor of rooms that it may not see", async () => {
    const fixture = await openCore({ authenticate: byTokens(rights) });
    const other = await login(fixture, "bob");
    other.do({ op: "join", room: "#secret" });
    await turns();
    const { connection, ...restricted } = await login(fixture, "ann", { token: "team" });
    connection.take();
    restricted.do({ op: "users" });
    restricted.do({ op: "users", room: "#secret" });
    restricted.do({ op: "rooms" });
    restricted.do({ op: "watch" });
    restricted.do({ op: "watch", users: ["bob"] });
    restricted.do({ op: "send", to: "nobody", body: "is there one?" });
    const [users, secret, rooms, ...refused] = connection.take();
    assert.ok(users?.op === "presence" && rooms?.op === "rooms");
    assert.deepEqual([users.users.map(({ user }) => user), rooms.rooms], [["ann"], []]);
    assert.deepEqual(
      [secret, ...refused].map((event) => event?.op === "error" && event.code),
      ["forbidden", "forbidden", "forbidden", "forbidden"],
    );
    other.session.end();
    await turns();
    assert.deepEqual(connection.told(), []);
  });

  it("may join what it may not read, and is told where its reading would begin", async () => {
    const fixture = await openCore({ authenticate: byTokens(rights) });
    const { connection, session, ...restricted } = await login(fixture, "ann", { token: "team" });
    connection.take();
    restricted.do({ op: "join", room: "#other", ref: "j" });
    await turns();
    assert.deepEqual(connection.take(), [{ op: "ok", ref: "j", positions: [{ log: "#other", epoch: "e1", seq: 0 }] }]);
    assert.deepEqual([...session.subscriptions.keys()], []);
  });

  it("loses what its renewed token does not allow any more, and gets what it allows anew", async () => {
    const fixture = await openCore({ authenticate: byTokens(rights) });
    const sender = await login(fixture, "bob");
    const { session, connection, ...ann } = await login(fixture, "ann");
    for (const each of [sender, ann]) each.do({ op: "join", room: "#team" });
    ann.do({ op: "watch" });
    await turns();
    const renew = (token: string): Identity => ({
      ...session.identity,
      rights: { ...everydayRights, ...rights[token as "all"] },
    });
    session.identity = renew("team");
    await turns();
    connection.take();
    await sender.send("ann", "while restricted");
    await sender.send("#team", "public");
    assert.deepEqual(connection.told(), ["#team 1 public"]);
    assert.equal(session.watching, undefined);
    session.identity = renew("all");
    await turns();
    const told = connection.told();
    assert.ok(told.includes("ann 1 while restricted"), told.join());
    await sender.send("ann", "again");
    assert.ok(connection.told().includes("ann 2 again"));
  });

  it("is asked of those who act without one as well", async () => {
    const fixture = await openCore({ authenticate: byTokens(rights) });
    await login(fixture, "bob");
    const proved = await fixture.core.authenticate({ user: "ann", token: "team" }, new TestConnection().info);
    assert.ok(proved.ok);
    const { actor } = proved.value;
    const refused = await fixture.core.post(actor, { to: "bob", body: "x" });
    assert.equal(!refused.ok && refused.fault.code, "forbidden");
    assert.deepEqual(fixture.core.online(undefined, actor), []);
    assert.deepEqual(fixture.core.online(), ["bob"]);
  });
});
