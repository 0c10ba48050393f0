/** Pages of which origins may use the gateway, and how a browser is told (docs/gateways/push.md, "Web pages"). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Settings, startNativeServer } from "../../native/native-server.ts";
import { ask, PushSocket, sendMessage } from "./push-client.ts";

const pushOnly: Settings = { gateways: ["push"] };
const body = '{"username":"u","content":"from a page"}';
const paths = ["/token", "/ws/token", "/message", "/healthcheck"];

describe("a page", { timeout: 10_000 }, () => {
  it("of the usual origin or the server's own may ask, and is told so", async (t) => {
    const { webSocketPort: port } = await startNativeServer(t, pushOnly);
    const own = ["127.0.0.1", "localhost", "[::1]"].map((host) => `http://${host}:${port}`);
    for (const origin of ["http://localhost:4000", ...own]) {
      for (const path of paths) {
        const headers = {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization,content-type",
        };
        const preflight = await ask(port, path, { method: "OPTIONS", headers });
        assert.deepEqual([preflight.status, preflight.body], [204, ""]);
        assert.equal(preflight.headers["access-control-allow-origin"], origin);
        assert.equal(preflight.headers["access-control-allow-methods"], "GET, POST");
        assert.equal(
          preflight.headers["access-control-allow-headers"],
          "X-Requested-With, Content-Type, Authorization",
        );
        assert.equal(preflight.headers.vary, "Origin");
      }
      const sent = await ask(port, "/message", { headers: { origin }, body });
      assert.deepEqual([sent.status, sent.headers["access-control-allow-origin"]], [200, origin]);
    }
  });

  it("is shown what was wrong too", async (t) => {
    const { webSocketPort: port } = await startNativeServer(t, pushOnly);
    const origin = "http://localhost:4000";
    const answers = [
      await ask(port, "/message", { headers: { origin }, body: "{" }),
      await ask(port, "/ws/token", { headers: { origin } }),
      await ask(port, "/message", { headers: { origin }, body: Buffer.alloc(9_000_000) }),
      await ask(port, "/healthcheck", { method: "GET", headers: { origin } }),
    ];
    assert.deepEqual(
      answers.map(({ status, headers }) => [status, headers["access-control-allow-origin"], headers.vary]),
      [400, 403, 413, 200].map((status) => [status, origin, "Origin"]),
    );
  });

  it("of any other origin is refused, and what it sends is not stored", async (t) => {
    const { webSocketPort: port } = await startNativeServer(t, pushOnly);
    const origins = [
      "http://evil.example",
      "null",
      "",
      "https://localhost:4000",
      "http://localhost:4001",
      "http://localhost",
      "http://localhost:4000/",
      "http://LOCALHOST:4000",
      "http://localhost:4000.evil.example",
      `http://evil.example:${port}`,
    ];
    for (const origin of origins) {
      // A name that points here, as in DNS rebinding, makes nobody the server's own.
      const headers = { origin, host: origin.replace(/^https?:\/\//, ""), "content-type": "text/plain" };
      for (const [method, path] of [
        ["POST", "/message"],
        ["POST", "/token"],
        ["POST", "/ws/token"],
        ["OPTIONS", "/message"],
      ] as const) {
        const refused = await ask(port, path, { method, headers, body: method === "POST" ? body : "" });
        assert.deepEqual([refused.status, refused.body], [403, "403: this origin is not allowed"], `${origin} ${path}`);
        assert.equal(refused.headers["access-control-allow-origin"], undefined);
        assert.equal(refused.headers["access-control-allow-methods"], undefined);
      }
    }
    await sendMessage(port, "u", "no page");
    assert.equal(await (await PushSocket.of(port, "u")).next(), "no page");
  });

  it("is of an origin that is allowed, where the setting says so, and the usual one then is not", async (t) => {
    const { webSocketPort: port } = await startNativeServer(t, {
      ...pushOnly,
      "push.origins": ["https://app.example"],
    });
    const statuses = ["https://app.example", `http://localhost:${port}`, "http://localhost:4000"].map(
      async (origin) => (await ask(port, "/message", { headers: { origin }, body })).status,
    );
    assert.deepEqual(await Promise.all(statuses), [200, 200, 403]);
  });
});
