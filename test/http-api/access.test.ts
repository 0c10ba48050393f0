/**
 * Who may do what over HTTP, by a table: the user oneself, another one, and who administers. Over a core of its own, whose
 * authentication gives these roles.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { describe, it, type TestContext } from "node:test";
import { fail, ok, type UserKey } from "@parley/protocol";
import { Authentication } from "../../packages/server/src/auth/authentication.ts";
import { givenKeys } from "../../packages/server/src/auth/key-source.ts";
import { systemClock } from "../../packages/server/src/core/clock.ts";
import { Core } from "../../packages/server/src/core/core.ts";
import type { User } from "../../packages/server/src/core/directory.ts";
import { Few } from "../../packages/server/src/core/few.ts";
import { type Authenticate, everydayRights } from "../../packages/server/src/core/identity.ts";
import { MemoryEngine } from "../../packages/server/src/engine/memory.ts";
import { startApi } from "../../packages/server/src/http/api/api.ts";
import { HttpListener } from "../../packages/server/src/http/http-listener.ts";
import { authSettings } from "../../packages/server/testing/auth-settings.ts";
import { type Answered, type Asked, ask } from "./api-server.ts";

/** An operator who is no user of the server. */
const noUser: User = {
  kind: "user",
  key: "server" as UserKey,
  name: "server",
  createdAt: 0,
  lastSeen: 0,
  everyoneSeq: 0,
  sessions: new Few(),
  rooms: new Map(),
};

/** `Bearer root` administers, every other token is a user's name; `web.alice` is alice's as the device `web` only. */
const authenticate: Authenticate = async ({ token = "" }) => {
  if (!/^[a-z.]+$/.test(token)) return fail("unauthorized", "no such token");
  const [name = "", ...device] = token.split(".").reverse();
  const rights = { ...everydayRights, administer: name === "root" || name === "operator" };
  return ok({
    user: name === "operator" ? noUser : name,
    device: device[0],
    rights,
    expiresAt: Number.POSITIVE_INFINITY,
    issuedAt: 0,
    tokenId: undefined,
  });
};

async function start(t: TestContext, openLogin = false, origins: readonly string[] = []) {
  const onError = (message: string, error: unknown) => assert.fail(`${message}: ${error}`);
  const engine = new MemoryEngine(() => "epoch");
  // It makes and checks tokens, which this does not use.
  const auth = await Authentication.open({ settings: authSettings, keys: givenKeys([]), engine, clock: systemClock });
  const core = await Core.open({
    engine,
    clock: systemClock,
    limits: { maxFrameBytes: 100_000, maxBodyBytes: 10_000, maxWindow: 1000, idleMs: 10_000 },
    retention: { maxAgeMs: 0, maxMessages: 0, maxBytes: 0 },
    onError,
    authenticate,
  });
  const http = await HttpListener.bind({ host: "127.0.0.1", port: 0, origins, checksHost: openLogin, onError });
  startApi({ core, auth, http, maxOutboxBytes: 100_000, log: { error: onError } });
  await http.open();
  t.after(async () => {
    core.close();
    await http.stop();
  });
  return {
    url: http.url,
    ask: (as: string, path: string, asked: Asked = {}): Promise<Answered> =>
      ask(http.url, path, { ...asked, headers: { authorization: `Bearer ${as}`, ...asked.headers } }),
  };
}

/** `fetch` lets nobody set the `Host`. */
async function statusFor(url: string, host: string): Promise<number | undefined> {
  const sent = request(`${url}/v1/me`, { headers: { host, authorization: "Bearer alice" } }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

const put = { method: "PUT" };
const remove = { method: "DELETE" };

/** What alice, eve and root are answered: status codes. Alice is in #hers; everybody is known. */
const table: readonly (readonly [path: string, asked: Asked, alice: number, eve: number, root: number])[] = [
  ["/me", {}, 200, 200, 200],
  ["/users", {}, 200, 200, 200],
  ["/users/alice", {}, 200, 200, 200],
  ["/users/alice/devices", {}, 200, 403, 200],
  ["/users/nobody/devices", {}, 403, 403, 404],
  ["/logs/alice", {}, 200, 403, 200],
  ["/logs/alice/messages", {}, 200, 403, 200],
  ["/logs/alice/messages", { headers: { accept: "application/x-ndjson" } }, 200, 403, 200],
  ["/logs/%23hers/messages", {}, 200, 403, 200],
  ["/logs/*/messages", {}, 200, 200, 200],
  ["/rooms", {}, 200, 200, 200],
  ["/rooms/hers/members", {}, 200, 200, 200],
  ["/rooms", { method: "POST", body: { room: "#hers", members: ["eve"] } }, 201, 403, 403],
  ["/rooms/hers/members/alice", put, 204, 403, 204],
  ["/rooms/hers/members/alice", remove, 204, 403, 204],
  ["/sessions", {}, 200, 200, 200],
  ["/sessions?user=alice", {}, 200, 403, 200],
  ["/sessions/unknown", remove, 404, 404, 404],
  ["/statistics?by=user", {}, 403, 403, 200],
  ["/messages", { method: "POST", body: { to: "#hers", body: "x" } }, 201, 403, 403],
];

describe("access over HTTP", () => {
  for (const [path, asked, ...expected] of table) {
    it(`${asked.method ?? "GET"} ${path} answers alice, eve, root: ${expected.join(", ")}`, async (t) => {
      const answered: number[] = [];
      for (const as of ["alice", "eve", "root"]) {
        // Each on a server of its own: what one may do must not change what the next finds.
        const { ask: askAs } = await start(t);
        for (const one of ["alice", "eve", "root"]) await askAs(one, "/me");
        await askAs("alice", "/rooms/hers/members/alice", put);
        answered.push((await askAs(as, path, asked)).status);
      }
      assert.deepEqual(answered, expected);
    });
  }

  it("shows and closes one's own sessions, and to who administers everybody's", async (t) => {
    const { url, ask: askAs } = await start(t);
    const streams = ["alice", "eve"].map((as) =>
      fetch(`${url}/v1/stream?device=web`, { headers: { authorization: `Bearer ${as}` } }),
    );
    await Promise.all(streams);
    const seen = async (as: string) =>
      ((await askAs(as, "/sessions")).json as { sessions: { user: string; session: string }[] }).sessions;
    assert.deepEqual(
      (await seen("alice")).map(({ user }) => user),
      ["alice"],
    );
    assert.deepEqual((await seen("root")).map(({ user }) => user).sort(), ["alice", "eve"]);
    const [{ session = "" } = {}] = await seen("alice");
    assert.equal((await askAs("eve", `/sessions/${session}`, remove)).status, 404);
    assert.equal((await askAs("root", `/sessions/${session}`, remove)).status, 204);
    assert.deepEqual(
      (await seen("root")).map(({ user }) => user),
      ["eve"],
    );
  });

  it("lets an operator who is no user administer, and nothing else", async (t) => {
    const { ask: askAs } = await start(t);
    await askAs("alice", "/me");
    const status = async (path: string, asked?: Asked) => (await askAs("operator", path, asked)).status;
    for (const path of ["/me", "/users", "/sessions", "/logs/alice/messages", "/statistics?by=day"])
      assert.equal(await status(path), 200, path);
    assert.equal(await status("/rooms/new/members/alice", put), 204);
    assert.equal(await status("/messages", { method: "POST", body: { to: "alice", body: "x" } }), 403);
    assert.equal(await status("/rooms", { method: "POST", body: { room: "new" } }), 403);
    assert.equal(await status("/stream"), 403);
  });

  it("takes a token in the query for the stream, and for nothing else", async (t) => {
    const { url, ask: askAs } = await start(t);
    const stream = await fetch(`${url}/v1/stream?token=alice`);
    assert.equal(stream.status, 200);
    await stream.body?.cancel();
    assert.equal((await fetch(`${url}/v1/stream?token=n0body`)).status, 401);
    assert.equal((await fetch(`${url}/v1/me?token=alice`)).status, 401);
    assert.equal((await askAs("web.alice", "/stream?device=phone")).status, 403);
    const bound = await askAs("web.alice", "/stream");
    assert.match(bound.text, /"device":"web"/);
  });

  it("is by Authorization alone", async (t) => {
    const { url } = await start(t);
    for (const authorization of ["", "Bearer", "Bearer ", "Basic", "Basic !!!", "Basic Og==", "alice", "Digest alice"])
      assert.equal((await fetch(`${url}/v1/me`, { headers: { authorization } })).status, 401, authorization);
    const cookie = await fetch(`${url}/v1/me`, { headers: { cookie: "token=alice" } });
    assert.equal(cookie.status, 401);
    assert.equal(cookie.headers.get("www-authenticate"), 'Bearer realm="parley"');
    assert.equal(cookie.headers.get("set-cookie"), null);
  });
});

describe("pages of other sites", () => {
  it("are refused unless their origin is allowed, exactly", async (t) => {
    const { ask: askAs } = await start(t, false, ["https://chat.example"]);
    const from = async (origin: string, asked: Asked = {}) => askAs("alice", "/me", { ...asked, headers: { origin } });
    for (const origin of ["https://evil.example", "http://chat.example", "https://chat.example:444", "null", "x"]) {
      const { status, headers } = await from(origin);
      assert.deepEqual([status, headers.get("access-control-allow-origin")], [403, null], origin);
    }
    const allowed = await from("https://chat.example");
    assert.deepEqual(
      [allowed.status, allowed.headers.get("access-control-allow-origin")],
      [200, "https://chat.example"],
    );
    assert.equal(allowed.headers.get("access-control-allow-credentials"), null);
    assert.match(allowed.headers.get("vary") ?? "", /Origin/);
    const preflight = await askAs("alice", "/messages", {
      method: "OPTIONS",
      headers: { origin: "https://chat.example", "access-control-request-method": "POST" },
    });
    assert.equal(preflight.status, 204);
    assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /Idempotency-Key/);
  });

  it("cannot come by a name of theirs that points here, where login is open", async (t) => {
    const { url } = await start(t, true, ["https://chat.example"]);
    const by = (host: string) => statusFor(url, host);
    assert.equal(await by("evil.example"), 403);
    assert.equal(await by("evil.example:8080"), 403);
    for (const host of ["localhost:1", "127.0.0.1", "[::1]:8080", "chat.example"])
      assert.equal(await by(host), 200, host);
    assert.equal(await statusFor((await start(t)).url, "anything.example"), 200);
  });
});
