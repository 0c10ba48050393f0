/** The stream of events: what it tells, that nothing is missing after it broke, that who does not read costs little. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RawSession } from "../support/raw-session.ts";
import { type ApiServer, startApiServer } from "./api-server.ts";
import { EventStream } from "./event-stream.ts";

async function post({ ask }: ApiServer, as: string, body: object): Promise<void> {
  const { status, text } = await ask("/messages", { as, method: "POST", body });
  assert.equal(status, 201, text);
}

async function knows({ ask }: ApiServer, ...users: string[]): Promise<void> {
  for (const as of users) await ask("/me", { as });
}

describe("the stream", () => {
  it("tells who one is, what waits, what comes, and where one is in each log", async (t) => {
    const server = await startApiServer(t);
    await knows(server, "alice", "bob");
    await post(server, "bob", { to: "alice", body: "waited\nwith a line" });
    const stream = await EventStream.open(server.url, { as: "alice" });
    assert.match(String(stream.response.headers["content-type"]), /^text\/event-stream/);
    assert.equal((await stream.next("welcome")).data.user, "alice");
    const { data } = await stream.next("message");
    assert.deepEqual([data.log, data.seq, data.from, data.body], ["alice", 1, "bob", "waited\nwith a line"]);
    await stream.next("live");
    await post(server, "bob", { to: "*", body: "to all" });
    const all = await stream.next("message");
    assert.deepEqual([all.data.log, all.data.body], ["*", "to all"]);
    assert.match(all.id, /^alice:[a-z0-9]+:1,\*:[a-z0-9]+:1$/);
    stream.break();
  });

  it("goes on after the last event that one had, whatever was acknowledged", async (t) => {
    const server = await startApiServer(t);
    await knows(server, "alice", "bob");
    await server.ask("/rooms", { as: "alice", method: "POST", body: { room: "#Новости", members: ["bob"] } });
    const first = await EventStream.open(server.url, { as: "alice", query: "device=web" });
    await first.next("live");
    for (const to of ["alice", "#Новости", "alice", "#Новости"]) await post(server, "bob", { to, body: to });
    const ids = [];
    for (let n = 0; n < 4; n++) ids.push((await first.next("message")).id);
    first.break();
    for (const [had, id] of ids.entries()) {
      // As `EventSource` does, and as a page does that was loaded again.
      const how = had % 2 === 0 ? { lastEventId: id } : { query: `device=web&lastEventId=${encodeURIComponent(id)}` };
      const from = await EventStream.open(server.url, { as: "alice", ...how });
      const bodies = [];
      for (let n = had + 1; n < 4; n++) bodies.push((await from.next("message")).data.body);
      assert.equal(bodies.length, 3 - had);
      assert.deepEqual(bodies.toSorted(), ["alice", "#Новости", "alice", "#Новости"].slice(had + 1).toSorted());
      assert.equal((await from.next("live")).name, "live");
      from.break();
    }
  });

  it("says where an id is of a log that was lost, and refuses what is no id", async (t) => {
    const server = await startApiServer(t);
    await knows(server, "alice");
    const stream = await EventStream.open(server.url, { as: "alice", lastEventId: "alice:other:9,*:other:1,bob:x:1" });
    const { data } = await stream.next("reset");
    assert.deepEqual([data.log, data.seq], ["alice", 0]);
    assert.equal((await stream.next("reset")).data.log, "*");
    stream.break();
    for (const id of ["nonsense", "alice:e:x", "a b:e:1", "alice:e:99999999999999999", "%zz:e:1", "$dead:e:1"]) {
      const { status, json } = await server.ask("/stream", { as: "alice", headers: { "last-event-id": id } });
      assert.deepEqual([status, (json as { code: string }).code], [400, "bad_message"], id);
    }
  });

  it("tells presence and receipts, rooms that are joined meanwhile, and why it ends", async (t) => {
    const server = await startApiServer(t);
    await knows(server, "alice", "bob");
    const stream = await EventStream.open(server.url, { as: "alice", query: "watch=bob,carol&device=web" });
    const { session } = (await stream.next("welcome")).data;
    const { users } = (await stream.next("presence")).data as { users: { user: string; online: boolean }[] };
    assert.deepEqual(
      users.map(({ user, online }) => [user, online]),
      [
        ["bob", false],
        ["carol", false],
      ],
    );
    await post(server, "alice", { to: "bob", body: "read this", receipt: true });
    const bob = await RawSession.login(server.tcpPort, "bob", { device: "phone" });
    assert.equal(((await stream.next("presence")).data.users as object[]).length, 1);
    const { seq } = await bob.next("message");
    bob.send({ op: "ack", log: "bob", seq });
    assert.equal((await stream.next("receipt")).data.state, "delivered");
    await server.ask("/rooms/later/members/alice", { as: "alice", method: "PUT" });
    assert.equal((await stream.next("reset")).data.log, "#later");
    const closed = await server.ask(`/sessions/${session}`, { as: "alice", method: "DELETE" });
    assert.equal(closed.status, 204);
    assert.deepEqual((await stream.next("bye")).data, { code: "closed", message: "closed by alice", reconnect: false });
    assert.ok(stream.retryMs > 1_000_000);
    while (!stream.ended) await stream.change();
    bob.close();
  });

  it("ends for a device that connects again, and with the server", async (t) => {
    const server = await startApiServer(t);
    const first = await EventStream.open(server.url, { as: "alice", query: "device=web" });
    await first.next("live");
    const second = await EventStream.open(server.url, { as: "alice", query: "device=web" });
    assert.equal((await first.next("bye")).data.code, "replaced");
    await second.next("live");
    const stopped = server.stop();
    assert.deepEqual((await second.next("bye")).data.reconnect, true);
    await stopped;
  });

  it("shows that it lives", async (t) => {
    const server = await startApiServer(t, { "limits.idleMs": 300 });
    const stream = await EventStream.open(server.url, { as: "alice" });
    while (stream.comments < 6) await stream.change();
    assert.equal(stream.ended, false);
    stream.break();
  });

  it("holds little for who does not read, who gets all of it later", async (t) => {
    const server = await startApiServer(t, { "limits.maxOutboxBytes": 65_536 });
    await knows(server, "alice", "bob");
    const stream = await EventStream.open(server.url, { as: "alice" });
    await stream.next("live");
    stream.response.pause();
    const sender = await RawSession.login(server.tcpPort, "bob");
    const body = "x".repeat(100_000);
    const count = 200;
    for (let n = 0; n < count; n++) sender.send({ op: "send", to: "alice", body, copy: false });
    for (let n = 0; n < count; n++) await sender.next("ok");
    const { json } = await server.ask("/sessions?user=alice", { as: "alice" });
    const [session] = (json as { sessions: { outboxBytes: number; behind: boolean }[] }).sessions;
    assert.ok(session && session.outboxBytes < 65_536 + 4 * body.length, JSON.stringify(session));
    assert.equal(session.behind, true);
    stream.response.resume();
    for (let seq = 1; seq <= count; seq++) assert.equal((await stream.next("message")).data.seq, seq);
    await stream.next("live");
    stream.break();
    sender.close();
  });
});
