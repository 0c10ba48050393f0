/** Sending without a session: as a user, as the server; and that nobody can be mistaken for the server. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { login, openCore, TestConnection, turns } from "../../testing/core-fixture.ts";
import { actorOf } from "./authorisation.ts";
import type { User } from "./directory.ts";
import { everydayRights } from "./identity.ts";
import { parsePayload } from "./message.ts";
import { systemNames } from "./reserved-names.ts";

describe("a post", () => {
  it("is delivered, and answered with where it is and who gets it at once", async () => {
    const fixture = await openCore();
    const bob = await login(fixture, "bob");
    const ann = await fixture.core.register("Ann");
    assert.ok(ann.ok);
    const posted = await fixture.core.post(actorOf(ann.value, { rights: everydayRights }), {
      to: "bob",
      body: "hi",
      copy: false,
    });
    assert.ok(posted.ok);
    assert.deepEqual(posted.value.recipients, [{ to: "bob", state: "online" }]);
    await turns();
    const [, message] = bob.connection.take();
    assert.ok(message?.op === "message");
    assert.equal(parsePayload(message.payload).from, "Ann");
  });

  it("from the server bears its name, and reaches who is away when they come", async () => {
    const fixture = await openCore();
    assert.ok((await fixture.core.register("bob")).ok);
    const posted = await fixture.core.post("broker", { to: "bob", body: "kept" });
    assert.ok(posted.ok);
    assert.deepEqual(posted.value.recipients, [{ to: "bob", state: "stored" }]);
    assert.ok(!(await fixture.engine.logs("", 10)).some((log) => log === "broker"), "the server keeps no copy");
    const bob = await login(fixture, "bob");
    assert.deepEqual(bob.connection.told(), ["bob 1 kept", "live"]);
  });

  it("from the server reaches rooms that it is no member of; from a user or from `push` it does not", async () => {
    const fixture = await openCore();
    const [bob, eve] = [await login(fixture, "bob"), await login(fixture, "eve")];
    assert.ok((await fixture.core.join(bob.session, "#room")).ok);
    for (const outsider of [eve.session, "push"] as const) {
      const refused = await fixture.core.post(outsider, { to: "#room", body: "x" });
      assert.equal(!refused.ok && refused.fault.code, "not_member");
    }
    assert.ok((await fixture.core.post("server", { to: "#room", body: "news", type: "system" })).ok);
    assert.deepEqual(bob.connection.told(), ["live", "reset #room 0", "#room 1 news"]);
    assert.deepEqual(eve.connection.told(), ["live"]);
  });

  it("is refused as a send is", async () => {
    const { core } = await openCore();
    const refused = await core.post("push", { to: "nobody", body: "x" });
    assert.equal(!refused.ok && refused.fault.code, "unknown_user");
  });
});

describe("names that nobody can choose", () => {
  it("are nobody's to log in with, in whatever spelling, and nobody's to send to", async () => {
    const { core } = await openCore();
    for (const name of [...systemNames, "BROKER", "ｓerver", "guest-7", "GUEST-7"]) {
      const result = await core.register(name);
      assert.equal(!result.ok && result.fault.code, "forbidden", name);
      assert.equal(core.user(name), undefined);
    }
  });

  it("are those of guests, each of whom is somebody new", async () => {
    const fixture = await openCore();
    const guests = [await fixture.core.newGuest(), await fixture.core.newGuest()];
    assert.deepEqual(
      guests.map(({ name }) => name),
      ["guest-1", "guest-2"],
    );
    const result = await fixture.core.login(new TestConnection(), { user: guests[0] as User });
    assert.equal(result.ok && result.value.welcome.user, "guest-1");
    const again = await openCore({ engine: fixture.engine });
    assert.equal((await again.core.newGuest()).name, "guest-3");
    assert.equal((await again.core.register("guest-1")).ok, false);
  });
});
