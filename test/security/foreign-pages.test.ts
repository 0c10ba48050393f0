/**
 * What a web page of another site can do through its visitor's browser, which reaches loopback: nothing (checklist, points
 * 1 and 17). Origins are compared exactly; a name that was made to point here (DNS rebinding) is not this machine.
 */
import assert from "node:assert/strict";
import { request } from "node:http";
import { describe, it, type TestContext } from "node:test";
import { shakeHands } from "../native/web-socket-link.ts";
import { type Settings, startInProcess } from "../support/server-in-process.ts";

const allowed = "https://chat.example";

async function start(t: TestContext): Promise<number> {
  const settings: Settings = { gateways: ["native-websocket", "push"], "http.port": 0, "http.origins": [allowed] };
  const { urls } = await startInProcess(t, settings, {});
  return Number(urls[0]?.port);
}

interface Asked {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function ask(port: number, path: string, headers: Readonly<Record<string, string>>): Promise<Asked> {
  const { promise, resolve, reject } = Promise.withResolvers<Asked>();
  const sent = request({ port, path, host: "127.0.0.1", setHost: false, headers }, async (response) => {
    let body = "";
    for await (const chunk of response) body += chunk;
    resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
  });
  sent.on("error", reject).end();
  return promise;
}

const alice = { authorization: `Basic ${Buffer.from("alice:").toString("base64")}` };

const ownHosts = ["localhost", "LOCALHOST:99", "127.0.0.1:8080", "[::1]:8080", "chat.example"];
const foreignHosts = [
  "evil.example",
  "evil.example:8080",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "evil.example#127.0.0.1",
  "127.0.0.2",
  "0.0.0.0",
  "[::]",
  "chat.example.evil.example",
  "chat.example:8443",
  "localhost:port",
];

describe("a host that is not this machine's", () => {
  for (const path of ["/v1/me", "/v1/openapi.json", "/", "/healthcheck", "/nowhere"])
    it(`is refused ${path}, which every name of loopback and of allowed origins is not`, async (t) => {
      const port = await start(t);
      for (const host of ownHosts) assert.notEqual((await ask(port, path, { host, ...alice })).status, 403, host);
      for (const host of foreignHosts) assert.equal((await ask(port, path, { host, ...alice })).status, 403, host);
    });

  it("gets no WebSocket", async (t) => {
    const port = await start(t);
    for (const host of foreignHosts) {
      const { status, socket } = await shakeHands(port, { headers: { Host: host } });
      assert.equal(status, 403, host);
      socket.destroy();
    }
  });
});

describe("a page of another origin", () => {
  const origins = [
    "https://chat.example.evil.example",
    "https://chat.example/",
    "https://CHAT.example",
    "http://chat.example",
    "https://chat.example:8443",
    "null",
    "",
    "https://evil.example, https://chat.example",
  ];

  it("is refused the API, and told no CORS header; the allowed one is told its own name, never *", async (t) => {
    const port = await start(t);
    for (const origin of origins) {
      const { status, headers } = await ask(port, "/v1/me", { host: "localhost", origin, ...alice });
      assert.equal(status, 403, origin);
      assert.equal(headers["access-control-allow-origin"], undefined, origin);
    }
    const { status, headers } = await ask(port, "/v1/me", { host: "localhost", origin: allowed, ...alice });
    assert.equal(status, 200);
    assert.equal(headers["access-control-allow-origin"], allowed);
    assert.equal(headers["access-control-allow-credentials"], undefined);
  });

  it("has no cookie to ask with: none is set, and none is an authentication", async (t) => {
    const port = await start(t);
    const known = await ask(port, "/v1/me", { host: "localhost", ...alice });
    assert.equal(known.status, 200);
    assert.equal(known.headers["set-cookie"], undefined);
    const cookie = "token=x; authorization=Basic YWxpY2U6; session=1";
    assert.equal((await ask(port, "/v1/me", { host: "localhost", cookie })).status, 401);
    const { status, socket } = await shakeHands(port, { path: "/ws", headers: { Cookie: cookie } });
    assert.equal(status, 403);
    socket.destroy();
  });
});

describe("the page of the API", () => {
  it("loads nothing from elsewhere and stands in no frame", async (t) => {
    const port = await start(t);
    const { status, headers } = await ask(port, "/v1/docs/", { host: "localhost" });
    assert.ok(status < 400, `${status}`);
    const policy = String(headers["content-security-policy"]);
    for (const rule of ["default-src 'self'", "frame-ancestors 'none'", "object-src 'none'", "base-uri 'none'"])
      assert.ok(policy.split("; ").includes(rule), `${rule} is not in ${policy}`);
    assert.doesNotMatch(policy, /unsafe-eval|script-src[^;]*unsafe-inline|\*/);
    assert.equal(headers["x-content-type-options"], "nosniff");
  });
});
