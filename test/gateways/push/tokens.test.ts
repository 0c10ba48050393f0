/** Tokens: who gets which, what they say, and that nobody can make one (docs/gateways/push.md, "Tokens"). */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { startNativeServer } from "../../native/native-server.ts";
import { appToken, ask, claimsOf, forge, nowSeconds, PushSocket, sendMessage, socketToken } from "./push-client.ts";

const secrets = { app: "app-secret-".repeat(4), socket: "socket-secret-".repeat(4) };

async function startPush(t: TestContext): Promise<number> {
  const settings = { "push.appSecret": secrets.app, "push.socketSecret": secrets.socket };
  return (await startNativeServer(t, { gateways: ["push"], ...settings })).webSocketPort;
}

describe("an app token", { timeout: 10_000 }, () => {
  const types = [
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "image/png",
    "no type; at all",
    "",
  ];
  for (const type of types) {
    it(`is given for a body of the type "${type}"`, async (t) => {
      const port = await startPush(t);
      const answer = await ask(port, "/token", { headers: { "content-type": type }, body: '{"username":"u"}' });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers["content-type"], "application/json; charset=utf-8");
      assert.deepEqual(Object.keys(JSON.parse(answer.body)), ["token"]);
    });
  }

  it("is a JWT by HS256 with the name as it was written, good for 30 minutes", async (t) => {
    const port = await startPush(t);
    const before = nowSeconds();
    const token = await appToken(port, "Zoë");
    const { username, exp, ...others } = claimsOf(token);
    assert.deepEqual([username, others], ["Zoë", {}]);
    assert.ok(Number(exp) >= before + 1800 && Number(exp) <= nowSeconds() + 1800, String(exp));
    assert.equal(token, forge({ username, exp }, secrets.app));
  });

  const refused: readonly [body: string | Uint8Array, status: number, sentence: string | RegExp][] = [
    ["", 400, "400: the body is not JSON"],
    ["username=u", 400, "400: the body is not JSON"],
    ['{"username":"u"', 400, "400: the body is not JSON"],
    [Buffer.from([...Buffer.from('{"username":"'), 0xff, ...Buffer.from('"}')]), 400, "400: the body is not UTF-8"],
    ["null", 400, "400: the body is not a JSON object"],
    ['"u"', 400, "400: the body is not a JSON object"],
    ["[]", 400, '400: expected {"username": "name"}'],
    ["{}", 400, '400: expected {"username": "name"}'],
    ['{"username":5}', 400, '400: expected {"username": "name"}'],
    ['{"username":["u"]}', 400, '400: expected {"username": "name"}'],
    ['{"Username":"u"}', 400, '400: expected {"username": "name"}'],
    ['{"username":""}', 400, /^400: a user name has 1 to 64 characters/],
    ['{"username":"a b"}', 400, /^400: a user name has only letters, digits/],
    ['{"username":"#room"}', 400, /^400: a user name has only/],
    ['{"username":"*"}', 400, /^400: a user name has only/],
    [`{"username":"${"u".repeat(65)}"}`, 400, /^400: a user name has 1 to 64 characters/],
    ['{"username":"PUSH"}', 403, "403: the name push is the server's own"],
    [`{"username":"${"u".repeat(70_000)}"}`, 413, "413: Request body is too large"],
  ];
  it("is given for nothing else, and it is said why", async (t) => {
    const port = await startPush(t);
    for (const [body, status, sentence] of refused) {
      const answer = await ask(port, "/token", { body });
      assert.equal(answer.status, status, String(body));
      if (typeof sentence === "string") assert.equal(answer.body, sentence);
      else assert.match(answer.body, sentence);
    }
  });

  it("makes nobody known", async (t) => {
    const port = await startPush(t);
    await appToken(port, "nobody");
    const seer = await PushSocket.of(port, "seer");
    assert.equal((await sendMessage(port, "*", "to all who are known")).status, 200);
    assert.equal(await seer.next(), "to all who are known");
    const late = await PushSocket.of(port, "nobody");
    await late.echo("the first");
    assert.deepEqual(late.received, []);
  });
});

describe("a socket token", { timeout: 10_000 }, () => {
  it("is given for an app token, with Bearer or without, whatever the body, and is good for a minute", async (t) => {
    const port = await startPush(t);
    const app = await appToken(port, "u");
    for (const authorization of [`Bearer ${app}`, app, `bearer ${app}`, `Bearer   ${app}`]) {
      const before = nowSeconds();
      const { status, body } = await ask(port, "/ws/token", { headers: { authorization }, body: "{" });
      assert.equal(status, 200);
      const { token } = JSON.parse(body);
      const { exp } = claimsOf(token);
      assert.equal(token, forge({ username: "u", exp }, secrets.socket));
      assert.ok(Number(exp) >= before + 60 && Number(exp) <= nowSeconds() + 60);
    }
  });
});

const inAnHour = () => nowSeconds() + 3600;

/** What is a token to nobody: neither `secret` of the two is helped by it. */
function badTokens(secret: string, other: string): readonly (readonly [string, string])[] {
  const good = forge({ username: "u", exp: inAnHour() }, secret);
  const [header = "", claims = "", signature = ""] = good.split(".");
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
  const pretended = Buffer.from(JSON.stringify({ username: "root", exp: inAnHour() })).toString("base64url");
  return [
    ["nothing", ""],
    ["garbage", "garbage"],
    ["three parts of garbage", "a.b.c"],
    ["dots", ".."],
    ["no signature", `${header}.${claims}.`],
    ["two parts", `${header}.${claims}`],
    ["four parts", `${good}.x`],
    ["alg none, unsigned", `${none}.${claims}.`],
    ["alg none, with a signature", `${none}.${claims}.${signature}`],
    ["other claims under the same signature", `${header}.${pretended}.${signature}`],
    ["a signature cut short", good.slice(0, -2)],
    ["alg NONE", forge({ username: "u", exp: inAnHour() }, secret, { alg: "NONE" })],
    ["HS512 by the right secret", forge({ username: "u", exp: inAnHour() }, secret, { alg: "HS512" }, "sha512")],
    ["HS384 by the right secret", forge({ username: "u", exp: inAnHour() }, secret, { alg: "HS384" }, "sha384")],
    ["RS256 by the right secret", forge({ username: "u", exp: inAnHour() }, secret, { alg: "RS256" })],
    ["no alg", forge({ username: "u", exp: inAnHour() }, secret, { typ: "JWT" })],
    [
      "an unknown critical header",
      forge({ username: "u", exp: inAnHour() }, secret, { alg: "HS256", crit: ["x"], x: 1 }),
    ],
    ["the wrong secret", forge({ username: "u", exp: inAnHour() }, "guess".repeat(10))],
    ["the empty secret", forge({ username: "u", exp: inAnHour() }, "")],
    ["the other kind's secret", forge({ username: "u", exp: inAnHour() }, other)],
    ["expired by a second", forge({ username: "u", exp: nowSeconds() - 1 }, secret)],
    ["expired now", forge({ username: "u", exp: nowSeconds() }, secret)],
    ["no expiry", forge({ username: "u" }, secret)],
    ["an expiry that is no number", forge({ username: "u", exp: "never" }, secret)],
    ["not valid yet", forge({ username: "u", exp: inAnHour(), nbf: inAnHour() - 60 }, secret)],
    ["no user name", forge({ exp: inAnHour() }, secret)],
    ["a user name that is no text", forge({ username: { u: 1 }, exp: inAnHour() }, secret)],
    ["an array for claims", forge([], secret)],
    ["10 KB of garbage", "x".repeat(10_000)],
    ["10 KB in claims, signed by nobody", forge({ username: "u".repeat(7_000), exp: inAnHour() }, "guess".repeat(10))],
  ];
}

describe("what is no valid token", { timeout: 20_000 }, () => {
  it("gets 403: Forbidden for a socket token and for a message", async (t) => {
    const port = await startPush(t);
    const known = await PushSocket.of(port, "u");
    for (const [what, token] of badTokens(secrets.app, secrets.socket)) {
      for (const authorization of [token, `Bearer ${token}`]) {
        const socket = await ask(port, "/ws/token", { headers: { authorization } });
        assert.deepEqual([socket.status, socket.body], [403, "403: Forbidden"], what);
        const body = '{"username":"u","content":"forged"}';
        const message = await ask(port, "/message", { headers: { authorization }, body });
        assert.deepEqual([message.status, message.body], [403, "403: Forbidden"], what);
      }
    }
    await known.echo("that is all");
    const missing = await ask(port, "/ws/token", {});
    assert.deepEqual([missing.status, missing.body], [403, "403: Forbidden"]);
  });

  it("opens no socket, in the query or the header", async (t) => {
    const port = await startPush(t);
    const bad = badTokens(secrets.socket, "another".repeat(6));
    for (const [what, token] of [
      ...bad,
      ["the system's name", forge({ username: "push", exp: inAnHour() }, secrets.app)],
    ] as const) {
      const query = `?authorization=${encodeURIComponent(token)}`;
      await assert.rejects(PushSocket.open(port, query), /refused: 403/, what);
      const headers = { authorization: `Bearer ${token}` };
      await assert.rejects(PushSocket.open(port, "", { headers }), /refused: 403/, what);
    }
    await assert.rejects(PushSocket.open(port, ""), /refused: 403/);
    await assert.rejects(PushSocket.open(port, "?authorisation=x&x"), /refused: 403/);
  });

  it("is refused by its size before anybody looks at it", async (t) => {
    const port = await startPush(t);
    const huge = "x".repeat(100_000);
    assert.equal((await ask(port, "/ws/token", { headers: { authorization: huge } })).status, 431);
    await assert.rejects(PushSocket.open(port, `?authorization=${huge}`), /refused: 431/);
  });

  it("is a socket token where an app token is asked for", async (t) => {
    const port = await startPush(t);
    const socket = await socketToken(port, await appToken(port, "u"));
    assert.equal((await ask(port, "/ws/token", { headers: { authorization: socket } })).status, 403);
    assert.equal((await sendMessage(port, "u", "x", socket)).status, 403);
  });
});
