/** Groups that somebody puts together: who is in them, from when on, and who may not. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { login, openCore, turns } from "../../testing/core-fixture.ts";

describe("a group", () => {
  it("has its creator and all who are known as members, who get what is sent from then on", async () => {
    const fixture = await openCore();
    const [ann, bob] = [await login(fixture, "Ann"), await login(fixture, "bob")];
    const away = await login(fixture, "away");
    away.session.end();
    const made = await fixture.core.addMembers(ann.session, "#Team", ["BOB", "away", "nobody", "no name"]);
    assert.ok(made.ok);
    assert.deepEqual(made.value, { room: "#Team", members: ["Ann", "bob", "away"], unknown: ["nobody", "no name"] });
    await ann.send("#team", "hello");
    assert.deepEqual(bob.connection.told(), ["live", "reset #team 0", "#team 1 hello", "live"].slice(0, 3));
    const back = await login(fixture, "away");
    assert.deepEqual(back.connection.told(), ["#team 1 hello", "live"]);
  });

  it("may be enlarged by its members only, and keeps those that it has", async () => {
    const fixture = await openCore();
    const [ann, bob, eve] = [await login(fixture, "ann"), await login(fixture, "bob"), await login(fixture, "eve")];
    const { core } = fixture;
    assert.ok((await core.addMembers(ann.session, "#team", [])).ok);
    const refused = await core.addMembers(eve.session, "#team", ["eve"]);
    assert.equal(!refused.ok && refused.fault.code, "not_member");
    assert.ok((await core.addMembers(ann.session, "#team", ["bob"])).ok);
    const again = await core.addMembers(bob.session, "#team", ["ann"]);
    assert.deepEqual(again.ok && again.value.members, ["ann", "bob"]);
    assert.deepEqual(core.online("#team").sort(), ["ann", "bob"]);
    bob.session.end();
    await turns();
    assert.deepEqual(core.online("#team"), ["ann"]);
    assert.deepEqual(core.online("#none"), []);
    assert.deepEqual(core.online().sort(), ["ann", "eve"]);
  });

  it("has a room's name", async () => {
    const fixture = await openCore();
    const ann = await login(fixture, "ann");
    const refused = await fixture.core.addMembers(ann.session, "no room", []);
    assert.equal(!refused.ok && refused.fault.code, "bad_name");
  });
});

describe("a membership by the core", () => {
  it("ends with the process where it is not to last, and the room stays", async () => {
    const fixture = await openCore();
    const [ann, bob] = [await login(fixture, "ann"), await login(fixture, "bob")];
    assert.ok((await fixture.core.join(ann.session, "#room", false)).ok);
    assert.ok((await fixture.core.join(bob.session, "#Room", true)).ok);
    await bob.send("#room", "hello");
    assert.deepEqual(ann.connection.told(), ["live", "reset #room 0", "#room 1 hello"]);
    assert.deepEqual(fixture.core.online("#room").sort(), ["ann", "bob"]);
    const restarted = await openCore({ engine: fixture.engine });
    for (const name of ["ann", "bob"]) await login(restarted, name);
    assert.deepEqual(restarted.core.online("#room"), ["bob"]);
  });

  it("keeps a room whose only members were not to last", async () => {
    const fixture = await openCore();
    const ann = await login(fixture, "ann");
    assert.ok((await fixture.core.join(ann.session, "#room", false)).ok);
    const restarted = await openCore({ engine: fixture.engine });
    assert.ok((await restarted.core.post("server", { to: "#room", body: "x" })).ok);
  });

  it("ends when the core is asked to, and only then where it was", async () => {
    const fixture = await openCore();
    const ann = await login(fixture, "ann");
    const { user } = ann.session;
    assert.ok((await fixture.core.join(ann.session, "#room")).ok);
    assert.ok((await fixture.core.leave(user, "#room")).ok);
    const again = await fixture.core.leave(user, "#room");
    assert.equal(!again.ok && again.fault.code, "not_member");
    const bad = await fixture.core.join(ann.session, "room");
    assert.equal(!bad.ok && bad.fault.code, "bad_name");
    assert.deepEqual([...user.rooms.keys()], []);
  });
});

describe("numbers that are given out once", () => {
  it("go up, each counter for itself, also over a restart", async () => {
    const first = await openCore();
    const numbers = await Promise.all([1, 2, 3].map(() => first.core.nextNumber("guest", 1)));
    assert.deepEqual(numbers, [1, 2, 3]);
    assert.equal(await first.core.nextNumber("device", 100), 100);
    const second = await openCore({ engine: first.engine });
    assert.equal(await second.core.nextNumber("guest", 1), 4);
    assert.equal(await second.core.nextNumber("device", 100), 101);
  });
});
