/** What an app token of `push` is worth where tokens are needed: what was proved to get it, and no more. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ask, claimsOf, forge, nowSeconds, PushSocket } from "../gateways/push/push-client.ts";
import { RawSession } from "../support/raw-session.ts";
import { introduce, revoke, startTokenServer, tokenOf } from "./token-server.ts";

const settings = { "push.appSecret": "a".repeat(32), "push.socketSecret": "s".repeat(32) };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function appToken(http: number, username: string, token: string): Promise<string> {
  const { status, body } = await ask(http, "/token", {
    headers: bearer(token),
    body: JSON.stringify({ username }),
  });
  assert.equal(status, 200, body);
  return JSON.parse(body).token;
}

describe("an app token", () => {
  it("is given for a token of the same user, and does not outlive it", async (t) => {
    const { http } = await startTokenServer(t, settings);
    const exp = nowSeconds() + 300;
    const app = await appToken(http, "ann", tokenOf("ann", { exp }));
    assert.equal(claimsOf(app).exp, exp);
    assert.equal(claimsOf(app).username, "ann");
    const long = await appToken(http, "ann", tokenOf("ann", { exp: nowSeconds() + 86_400 }));
    assert.ok(Number(claimsOf(long).exp) <= nowSeconds() + 1800, "nor half an hour");
    const others = await ask(http, "/token", { headers: bearer(tokenOf("ann")), body: '{"username":"bob"}' });
    assert.deepEqual([others.status, others.body], [403, "403: Forbidden"]);
    const none = await ask(http, "/token", { body: '{"username":"ann"}' });
    assert.deepEqual([none.status, none.body], [403, "403: Forbidden"]);
  });

  it("without a proof, as an open server gives it, is worth nothing", async (t) => {
    const { http } = await startTokenServer(t, settings);
    const open = forge({ username: "ann", exp: nowSeconds() + 600 }, settings["push.appSecret"]);
    for (const path of ["/ws/token", "/message"]) {
      const { status } = await ask(http, path, { headers: bearer(open), body: '{"username":"ann","content":"x"}' });
      assert.equal(status, 403, path);
    }
    await assert.rejects(PushSocket.open(http, `?authorization=${open}`), /refused: 403/);
    const ticket = forge({ username: "ann", exp: nowSeconds() + 60 }, settings["push.socketSecret"]);
    await assert.rejects(PushSocket.open(http, `?authorization=${ticket}`), /refused: 403/);
  });

  it("is the only way to send: nobody sends as the server's own name", async (t) => {
    const { http } = await startTokenServer(t, settings);
    const { status, body } = await ask(http, "/message", { body: '{"username":"ann","content":"x"}' });
    assert.deepEqual([status, body], [403, "403: Forbidden"]);
  });

  it("is void when the token that it was given for is revoked, and so is a socket token", async (t) => {
    const server = await startTokenServer(t, settings);
    const { http } = server;
    const token = tokenOf("ann");
    const app = await appToken(http, "ann", token);
    const ticket = JSON.parse((await ask(http, "/ws/token", { headers: bearer(app) })).body).token;
    const send = () => ask(http, "/message", { headers: bearer(app), body: '{"username":"ann","content":"x"}' });
    assert.equal((await send()).status, 200);
    await revoke(server, token);
    assert.deepEqual([(await send()).status, (await send()).body], [403, "403: Forbidden"]);
    assert.equal((await ask(http, "/ws/token", { headers: bearer(app) })).status, 403);
    await assert.rejects(PushSocket.open(http, `?authorization=${ticket}`), /refused: 403/);
  });

  it("makes nobody known whom it may not send to", async (t) => {
    const server = await startTokenServer(t, settings);
    await introduce(server, "bob");
    const app = await appToken(server.http, "ann", tokenOf("ann", { parley: { send: ["bob"] } }));
    const send = (username: string) =>
      ask(server.http, "/message", { headers: bearer(app), body: JSON.stringify({ username, content: "x" }) });
    assert.equal((await send("bob")).status, 200);
    const { status, body } = await send("stranger");
    assert.deepEqual([status, body], [403, "403: your token does not allow to send to stranger"]);
    const bob = await RawSession.login(server.tcp, "bob", { token: tokenOf("bob") });
    bob.send({ op: "users" });
    assert.deepEqual((await bob.next("presence")).users.map(({ user }) => user).sort(), ["ann", "bob"]);
    bob.close();
  });
});
