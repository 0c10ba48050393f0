/** The HTTP listener: its address, who may upgrade where, and that it ends. Handshakes to the byte: test/native. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { authority } from "./authority.ts";
import { HttpListener } from "./http-listener.ts";

const localhost = { host: "127.0.0.1", port: 0, origins: ["https://chat.example"], onError: assert.fail };

async function start(t: TestContext): Promise<HttpListener> {
  const listener = await HttpListener.start(localhost);
  t.after(() => listener.stop());
  return listener;
}

/** The status line of the answer to an upgrade request. */
async function upgrade({ url }: HttpListener, path: string, headers = ""): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${headers}\r\n`);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  await once(socket, "close");
  return Buffer.concat(chunks).toString().split("\r\n")[0] ?? "";
}

describe("the HTTP listener", () => {
  it("says where it listens, in a form that a URL may have", async (t) => {
    const { url } = await start(t);
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.equal((await fetch(url)).status, 200);
    assert.deepEqual([authority("localhost", 80), authority("::1", 5790)], ["localhost:80", "[::1]:5790"]);
  });

  it("hands upgrades to the path's handler for as long as there is one", async (t) => {
    const listener = await start(t);
    const taken: string[] = [];
    listener.onUpgrade("/a", (request, socket) => {
      taken.push(request.url ?? "");
      listener.refuseUpgrade(socket, 418, "a teapot");
    });
    assert.match(await upgrade(listener, "/a?b=c"), /^HTTP\/1.1 418 /);
    assert.match(await upgrade(listener, "/b"), /^HTTP\/1.1 404 /);
    assert.match(await upgrade(listener, "/a", "Origin: https://evil.example\r\n"), /^HTTP\/1.1 403 /);
    assert.match(await upgrade(listener, "/a", "Origin: https://chat.example\r\n"), /^HTTP\/1.1 418 /);
    listener.onUpgrade("/c", (_, socket) => listener.refuseUpgrade(socket, 418, "a teapot"), ["https://c.example"]);
    assert.match(await upgrade(listener, "/c", "Origin: https://c.example\r\n"), /^HTTP\/1.1 418 /);
    assert.match(await upgrade(listener, "/a", "Origin: https://c.example\r\n"), /^HTTP\/1.1 403 /);
    listener.offUpgrade("/a");
    assert.match(await upgrade(listener, "/a"), /^HTTP\/1.1 404 /);
    assert.deepEqual(taken, ["/a?b=c", "/a"]);
  });

  it("lets go of who was refused, though the peer keeps its side open", { timeout: 5_000 }, async () => {
    const listener = await HttpListener.start(localhost);
    const socket = connect({ port: Number(new URL(listener.url).port), host: "127.0.0.1", allowHalfOpen: true });
    socket.write("GET /none HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    socket.resume();
    await once(socket, "end");
    await listener.stop();
    socket.destroy();
  });

  it("rejects where the address cannot be had", async (t) => {
    const { url } = await start(t);
    const taken = HttpListener.start({ ...localhost, port: Number(new URL(url).port) });
    await assert.rejects(taken, { code: "EADDRINUSE" });
  });

  it("ends though clients keep their connections alive", async () => {
    const listener = await HttpListener.start(localhost);
    assert.equal(await (await fetch(listener.url)).text(), "This is Parley. WebSockets: \n");
    await listener.stop();
    await assert.rejects(fetch(listener.url));
  });

  it("answers by the routes of its gateways, those that came before it was open too", async (t) => {
    const listener = await HttpListener.bind(localhost);
    t.after(() => listener.stop());
    const early = fetch(`${listener.url}/added`);
    listener.routes(async (app) => void app.get("/added", async () => "by a route"));
    await listener.open();
    assert.equal(await (await early).text(), "by a route");
    const elsewhere = await fetch(`${listener.url}/other`);
    assert.deepEqual([elsewhere.status, await elsewhere.text()], [404, "Not found\n"]);
  });

  it("ends though it never opened and somebody waits", async () => {
    const listener = await HttpListener.bind(localhost);
    const waiting = fetch(listener.url);
    const { port } = new URL(listener.url);
    // Sent after the request above: when this one is there, so is that.
    const probe = connect(Number(port), "127.0.0.1");
    probe.write("GET /none HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    await once(probe.resume(), "close");
    await listener.stop();
    assert.equal((await waiting).status, 503);
  });
});
