/** `send`: what arrives, what is refused, durability and expiry (PROTOCOL.md, "Sending", `send`, `ok`, `message`). */
import assert from "node:assert/strict";
import { it } from "node:test";
import { overEachCarrier } from "./carriers.ts";
import { everybody, placesOf } from "./everybody.ts";
import { startNativeServer } from "./native-server.ts";
import { Peer } from "./peer.ts";

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

overEachCarrier("a message", (carrier) => {
  it("arrives as it was sent, with what the server adds and nothing else", async (t) => {
    const { phone, bob } = await everybody(carrier, await startNativeServer(t));
    const before = Date.now();
    const ok = await phone.deliver("bob", "plain", { copy: false });
    const after = Date.now();
    const [epoch = ""] = (ok.positions ?? []).map(({ epoch }) => epoch);
    const { id = "", ts = 0 } = ok;
    assert.deepEqual(ok, {
      op: "ok",
      id,
      ts,
      durability: "fsync",
      positions: [{ log: "bob", epoch, seq: 1 }],
      recipients: [{ to: "Bob", state: "online" }],
    });
    assert.match(id, uuidV7);
    const made = Number.parseInt(id.replace("-", "").slice(0, 12), 16);
    assert.ok(before <= made && made <= ts && ts <= after, `${before} ${made} ${ts} ${after}`);
    const expected = { op: "message", log: "bob", seq: 1, id, from: "Alice", to: "Bob", ts, body: "plain" };
    assert.deepEqual(await bob.next(), expected);
  });

  it("keeps every field that the sender may set", async (t) => {
    const { phone, bob } = await everybody(carrier, await startNativeServer(t));
    const fields = { clientId: "!~c", contentType: "image/png", type: "pic", encoding: "base64", receipt: true };
    const ok = await phone.deliver(["BOB"], "AAEC/w==", { ...fields, ref: "é", ttl: 60_000, copy: false });
    assert.deepEqual([ok.ref, ok.clientId], ["é", "!~c"]);
    const { id, ts = 0 } = ok;
    assert.deepEqual(await bob.next(), {
      ...{ op: "message", log: "bob", seq: 1, id, from: "Alice", to: ["Bob"], ts, body: "AAEC/w==" },
      ...{ ...fields, expiresAt: ts + 60_000 },
    });
  });

  it("has any text for a body, unchanged", async (t) => {
    const { phone, bob } = await everybody(carrier, await startNativeServer(t));
    const control = Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)).join("");
    const bodies = [
      "",
      " ",
      control,
      "\u007f\u2028\u2029\ufeff",
      "é\u0301😀\u202e",
      '","receipt":true}',
      "\\u0041\\",
      "</script>",
    ];
    for (const body of bodies) {
      await phone.deliver("bob", body, { type: body.slice(0, 64) || "t", copy: false });
      await bob.expect("message", { body, type: body.slice(0, 64) || "t" });
    }
  });

  it("has a body of at most limits.maxBodyBytes, counted in UTF-8", async (t) => {
    const server = await startNativeServer(t, { "limits.maxBodyBytes": 1000 });
    const { phone, bob } = await everybody(carrier, server);
    for (const body of ["x".repeat(1000), "é".repeat(500), "😀".repeat(250), "€".repeat(333)]) {
      await phone.deliver("bob", body, { copy: false });
      await bob.expect("message", { body });
    }
    for (const body of ["x".repeat(1001), "é".repeat(501), `${"😀".repeat(250)}x`, "€".repeat(334)]) {
      const request = { op: "send", ref: "r", clientId: "c", to: "bob", body };
      await phone.ask(request, "error", { code: "too_large", ref: "r", clientId: "c" });
    }
    await bob.silence();
  });

  it("keeps its place: what one connection sends to one address is stored in that order", async (t) => {
    const { phone, bob } = await everybody(carrier, await startNativeServer(t));
    const bodies = Array.from({ length: 300 }, (_, n) => `${n}`);
    phone.send(...bodies.map((body) => ({ op: "send", to: "bob", body, copy: false })));
    for (const [at, body] of bodies.entries()) {
      assert.deepEqual(placesOf(await phone.expect("ok")), [["bob", at + 1]]);
      await bob.expect("message", { body, seq: at + 1 });
    }
  });

  for (const [what, { to, code }] of Object.entries({
    "an unknown user": { to: "nobody", code: "unknown_user" },
    "an unknown room": { to: "#nowhere", code: "unknown_room" },
    "a room one is not in": { to: "#bobs", code: "not_member" },
    "what is no name": { to: "no name", code: "bad_name" },
    "what is no room's name": { to: "#", code: "bad_name" },
    "an unknown user among others": { to: ["bob", "*", "nobody"], code: "unknown_user" },
    "a room one is not in among others": { to: ["bob", "#bobs"], code: "not_member" },
    "what is no name among others": { to: ["bob", "@"], code: "bad_name" },
  })) {
    it(`to ${what} is ${code}, and nothing is stored anywhere`, async (t) => {
      const { phone, laptop, bob } = await everybody(carrier, await startNativeServer(t));
      await bob.ask({ op: "join", room: "#bobs" }, "ok");
      const request = { op: "send", ref: "r", clientId: "c", to, body: "" };
      await phone.ask(request, "error", { code, ref: "r", clientId: "c" });
      for (const peer of [laptop, bob]) await peer.silence();
      assert.deepEqual(placesOf(await phone.deliver(["bob", "*"], "")), [
        ["bob", 1],
        ["*", 1],
        ["alice", 1],
      ]);
    });
  }
});

overEachCarrier("durability", (carrier) => {
  it("is fsync unless asked otherwise; memory is never said where the disk was waited for", async (t) => {
    const server = await startNativeServer(t, { engine: "level" });
    const { phone, bob } = await everybody(carrier, server);
    assert.equal((await phone.deliver("bob", "1")).durability, "fsync");
    assert.equal((await phone.deliver("bob", "2", { durability: "fsync" })).durability, "fsync");
    const asked = { durability: "memory", copy: false };
    // The first of a log has to wait for the disk, which the answer tells.
    const reached = [await phone.deliver("bob", "3", asked), await phone.deliver("bob", "4", asked)];
    assert.deepEqual(
      reached.map(({ durability }) => durability),
      ["fsync", "memory"],
    );
    await bob.expectBodies("1", "2", "3", "4");
  });
});

overEachCarrier("ttl", (carrier) => {
  it("an expired message is a gap for who has not had it, and the others come", async (t) => {
    const server = await startNativeServer(t);
    const { phone, bob } = await everybody(carrier, server);
    await bob.cut();
    const bodies = ["1", "old 2", "old 3", "4", "old 5"];
    let expiresAt = 0;
    for (const body of bodies) {
      const { ts = 0 } = await phone.deliver("bob", body, {
        copy: false,
        ...(body.startsWith("old") ? { ttl: 1 } : {}),
      });
      expiresAt = ts + 1;
    }
    while ((await phone.ask({ op: "ping" }, "pong")).ts <= expiresAt);
    const back = await Peer.connect(carrier, server);
    await back.hello({ user: "bob", device: "b" });
    await back.expect("message", { seq: 1, body: "1" });
    assert.deepEqual(await back.next(), { op: "gap", log: "bob", from: 2, to: 3, reason: "expired" });
    await back.expect("message", { seq: 4, body: "4" });
    assert.deepEqual(await back.next(), { op: "gap", log: "bob", from: 5, to: 5, reason: "expired" });
    await back.expect("live");
    const { messages } = await back.ask({ op: "history", log: "bob" }, "page");
    assert.deepEqual(
      messages.map(({ body }) => body),
      ["1", "4"],
    );
  });

  it("a message that has not expired comes, with the time at which it does", async (t) => {
    const server = await startNativeServer(t);
    const { phone, bob } = await everybody(carrier, server);
    await bob.cut();
    const { ts = 0 } = await phone.deliver("bob", "year", { ttl: 31_536_000_000 });
    const back = await Peer.connect(carrier, server);
    await back.hello({ user: "bob", device: "b" });
    await back.expect("message", { body: "year", expiresAt: ts + 31_536_000_000 });
  });
});
