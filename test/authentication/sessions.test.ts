/** What becomes of a session in mid conversation: it expires, it is renewed, it is revoked; and the server's own tokens. */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import type { ServerMessages } from "@parley/protocol";
import { overEachCarrier, tcp, webSocket } from "../native/carriers.ts";
import type { Carrier } from "../native/link.ts";
import { Peer } from "../native/peer.ts";
import { startInProcess } from "../support/server-in-process.ts";
import { TextPeer } from "../support/text-peer.ts";
import { type Claims, hmac, inSeconds, rightClaims, secret, tokenOf } from "./keys.ts";
import { startAuthServer, type TokenServer, tokenSettings } from "./token-server.ts";

/** What the issue allows from the reason to the end, in milliseconds. */
const atMostMs = 1_000;

const signed = (claims: Claims) => tokenOf(rightClaims(claims), hmac(secret));
const admin = () => `Bearer ${signed({ sub: "root", parley: { admin: true } })}`;

async function login(carrier: Carrier, server: TokenServer, claims: Claims, hello: object = {}): Promise<Peer> {
  const peer = await Peer.connect(carrier, server);
  await peer.hello({ token: signed(claims), ...hello });
  await peer.expect("live");
  return peer;
}

/** Two who talk: the second is the one that it is about. */
async function conversation(t: TestContext, carrier: Carrier, claims: Claims) {
  const server = await startAuthServer(t, tokenSettings(t));
  const bob = await login(carrier, server, { sub: "bob", jti: "bobs" }, { device: "b" });
  const alice = await login(carrier, server, claims, { device: "phone" });
  await bob.deliver("alice", "are you there?");
  await alice.expectBodies("are you there?");
  return { server, alice, bob };
}

/** The session ends with these words; returns how many ms after `since`. */
async function endsWith(peer: Peer, code: "token_expired" | "revoked", since: number): Promise<number> {
  await peer.expect("bye", { code, reconnect: code === "token_expired" });
  const took = Date.now() - since;
  await peer.endsBy(code);
  return took;
}

overEachCarrier("in mid conversation", (carrier) => {
  it("a token that expires ends the session within 1 s, not before, and nothing is lost", async (t) => {
    const exp = inSeconds(3);
    const { server, alice, bob } = await conversation(t, carrier, { exp });
    const late = await endsWith(alice, "token_expired", exp * 1000);
    assert.ok(late >= 0 && late <= atMostMs, `${late} ms after its time`);
    await bob.deliver("alice", "still there?");
    const again = await Peer.connect(carrier, server);
    await again.hello({ token: signed({}), device: "phone" });
    await again.expectBodies("are you there?", "still there?");
  });

  it("a renewal keeps it, and is told until when", async (t) => {
    const exp = inSeconds(3);
    const { alice, bob } = await conversation(t, carrier, { exp });
    const later = inSeconds(600);
    const renewed = await alice.ask({ op: "renew", ref: "1", token: signed({ exp: later }) }, "ok", { ref: "1" });
    assert.ok(Math.abs(Date.now() + (renewed.expiresIn ?? 0) - later * 1000) < 1_000);
    for (const token of [signed({ sub: "bob" }), "nonsense", signed({ exp: inSeconds(-1) })])
      await alice.ask({ op: "renew", ref: "2", token }, "error", { ref: "2", code: "forbidden" });
    while (Date.now() < exp * 1000 + atMostMs) await alice.ask({ op: "ping" }, "pong");
    await bob.deliver("alice", "still there?");
    await alice.expectBodies("still there?");
  });

  for (const { what, body } of [
    { what: "its jti", body: { tokenId: "alices" } },
    { what: "itself", body: { token: signed({ jti: "alices" }) } },
    { what: "its device", body: { user: "ALICE", device: "Phone" } },
    { what: "its user", body: { user: "alice" } },
  ])
    it(`a token revoked by ${what} ends the session within 1 s, and logs in no more`, async (t) => {
      const { server, alice, bob } = await conversation(t, carrier, { jti: "alices" });
      const { status, json, text } = await server.askWith(admin(), "/revocations", body);
      assert.deepEqual([status, json], [200, { sessionsClosed: 1 }], text);
      const took = await endsWith(alice, "revoked", Date.now());
      assert.ok(took <= atMostMs, `${took} ms`);
      const again = await Peer.connect(carrier, server);
      again.send({ op: "hello", token: signed({ jti: "alices", iat: inSeconds(-1) }), device: "phone" });
      await again.expect("error", { code: "revoked", reconnect: false });
      await again.endsBy("revoked");
      await bob.silence();
    });
});

it("a revocation outlives kill and restart of the server", async (t) => {
  const settings = { ...tokenSettings(t), engine: "level" } as const;
  const first = await startAuthServer(t, settings);
  const old = { jti: "gone", iat: inSeconds(-5) };
  await first.askWith(admin(), "/revocations", { tokenId: "gone" });
  await first.askWith(admin(), "/revocations", { user: "carol" });
  await first.stop();
  const second = await startAuthServer(t, settings);
  const answer = async (claims: Claims) => {
    const peer = await Peer.connect(tcp, second);
    peer.send({ op: "hello", token: signed(claims) });
    const said = await peer.next();
    return said.op === "error" ? said.code : said.op;
  };
  assert.equal(await answer(old), "revoked");
  assert.equal(await answer({ sub: "carol", iat: inSeconds(-5) }), "revoked");
  assert.equal(await answer({ jti: "other", iat: inSeconds(-5) }), "welcome");
});

it("revoking is for who administers, and for what is one's own", async (t) => {
  const server = await startAuthServer(t, tokenSettings(t));
  const alice = `Bearer ${signed({ iat: inSeconds(-5) })}`;
  const status = async (body: object, as = alice) => (await server.askWith(as, "/revocations", body)).status;
  assert.deepEqual(
    [await status({ user: "bob" }), await status({ tokenId: "x" }), await status({ token: signed({ jti: "x" }) })],
    [403, 403, 403],
  );
  assert.deepEqual([await status({}), await status({ user: "bob", tokenId: "x" })], [400, 400]);
  assert.deepEqual([await status({ token: "x" }, admin()), await status({ token: signed({}) }, admin())], [400, 400]);
  assert.equal(await status({ user: "alice", device: "lost" }), 200);
  assert.equal(await status({ user: "Alice" }), 200);
  assert.equal(await status({ user: "alice" }), 401, "what she had until then");
});

it("a session of an older protocol obeys too", async (t) => {
  const server = await startInProcess(t, { gateways: ["peer-json"], "peerJson.port": 0 }, {});
  const port = (protocol: string) => Number(server.urls.find((url) => url.protocol === protocol)?.port);
  const peer = await TextPeer.connect(port("ws:"));
  peer.send(JSON.stringify({ login: "old" }), JSON.stringify({ from: "old", to: "old", msg: "here?" }));
  await peer.expect('{"from":"old","to":"old","msg":"here?"}');
  const authorization = `Basic ${Buffer.from("admin:").toString("base64")}`;
  const asked = Date.now();
  const response = await fetch(`http://127.0.0.1:${port("http:")}/v1/revocations`, {
    method: "POST",
    headers: { authorization, "content-type": "application/json" },
    body: JSON.stringify({ user: "old" }),
  });
  assert.deepEqual(await response.json(), { sessionsClosed: 1 });
  await peer.ended();
  assert.ok(Date.now() - asked <= atMostMs);
});

overEachCarrier("a connect token", (carrier) => {
  const connectToken = async (server: TokenServer, authorization: string) => {
    const { status, json, text } = await server.askWith(authorization, "/token", undefined, "POST");
    assert.equal(status, 200, text);
    return json as { token: string; expiresAt: number; sessionExpiresAt?: number };
  };
  const claimsOf = (token: string) =>
    JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { exp: number; iat: number };

  it("lives for 60 s, and its sessions as long as the token that it was made from", async (t) => {
    const server = await startAuthServer(t, tokenSettings(t));
    const exp = inSeconds(600);
    const parent = signed({ jti: "parent", exp, parley: { device: "Phone", send: ["bob"] } });
    const { token, expiresAt, sessionExpiresAt } = await connectToken(server, `Bearer ${parent}`);
    const { exp: end, iat } = claimsOf(token);
    assert.ok(Math.abs(end - iat - 60) < 0.01 && Math.abs(expiresAt / 1000 - end) < 0.01);
    assert.equal(sessionExpiresAt, exp * 1000);
    const peer = await Peer.connect(carrier, server);
    const welcome: ServerMessages["welcome"] = await peer.hello({ token });
    assert.deepEqual([welcome.user, welcome.device], ["alice", "phone"]);
    assert.ok(Math.abs(Date.now() + (welcome.expiresIn ?? 0) - exp * 1000) < 1_000);
    await peer.expect("live");
    await server.askWith(admin(), "/revocations", { tokenId: "parent" });
    await endsWith(peer, "revoked", Date.now());
  });

  it("is not to be exchanged again, and expires", async (t) => {
    const server = await startAuthServer(t, tokenSettings(t));
    const { token } = await connectToken(server, `Bearer ${signed({})}`);
    assert.equal((await server.askWith(`Bearer ${token}`, "/token", undefined, "POST")).status, 403);
    const soon = inSeconds(2);
    const short = await connectToken(server, `Bearer ${signed({ exp: soon })}`);
    assert.ok(short.expiresAt <= soon * 1000);
    while (Date.now() < soon * 1000) await server.askWith(`Bearer ${signed({})}`, "/me");
    const peer = await Peer.connect(carrier, server);
    peer.send({ op: "hello", token: short.token });
    await peer.expect("error", { code: "token_expired" });
  });

  it("counts where login is open, for whom it says; other texts there say nothing", async (t) => {
    const server = await startAuthServer(t, {});
    const { token, sessionExpiresAt } = await connectToken(server, `Basic ${btoa("Ann:")}`);
    assert.equal(sessionExpiresAt, undefined);
    const peer = await Peer.connect(carrier, server);
    assert.partialDeepStrictEqual(await peer.hello({ token }), { user: "Ann" });
    const other = await Peer.connect(carrier, server);
    other.send({ op: "hello", token, user: "bob" });
    await other.expect("error", { code: "unauthorized" });
    const third = await Peer.connect(carrier, server);
    assert.partialDeepStrictEqual(await third.hello({ token: "whatever", user: "bob" }), { user: "bob" });
  });

  it("of another server is nobody's", async (t) => {
    const one = await startAuthServer(t, {});
    const { token } = await connectToken(one, `Basic ${btoa("Ann:")}`);
    const two = await startAuthServer(t, tokenSettings(t));
    const peer = await Peer.connect(carrier, two);
    peer.send({ op: "hello", token });
    await peer.expect("error", { code: "unauthorized" });
  });
});

it("an operator issues tokens with what they may, for as long as is asked", async (t) => {
  const server = await startAuthServer(t, tokenSettings(t));
  const issue = (body: object, as = admin()) => server.askWith(as, "/tokens", body);
  const { status, json } = await issue({ user: "Sensor-1", expiresIn: 3600, device: "roof", send: ["#team-*"] });
  assert.equal(status, 201);
  const { token, tokenId } = json as { token: string; tokenId: string };
  const peer = await Peer.connect(webSocket, server);
  const welcome = await peer.hello({ token });
  assert.deepEqual([welcome.user, welcome.device], ["Sensor-1", "roof"]);
  await peer.expect("live");
  assert.equal((await server.askWith(admin(), "/revocations", { tokenId })).status, 200);
  await endsWith(peer, "revoked", Date.now());
  assert.equal((await issue({ user: "x", expiresIn: 60 }, `Bearer ${signed({})}`)).status, 403);
  for (const wrong of [{ user: "two words" }, { expiresIn: 367 * 86_400 }, { send: ["two words"] }, { sends: ["a"] }])
    assert.equal((await issue({ user: "x", expiresIn: 60, ...wrong })).status, 400, JSON.stringify(wrong));
});
