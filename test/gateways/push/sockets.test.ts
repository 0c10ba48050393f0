/** Sockets: who may open one, the echo, pings, what does not belong there (docs/gateways/push.md, "Sockets"). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Settings, startNativeServer } from "../../native/native-server.ts";
import { appToken, PushSocket, sendMessage, socketToken } from "./push-client.ts";

const pushOnly: Settings = { gateways: ["push"] };

describe("a socket", { timeout: 20_000 }, () => {
  it("is opened by a socket token or an app token, in the query or the header", async (t) => {
    const { webSocketPort: port } = await startNativeServer(t, pushOnly);
    const app = await appToken(port, "u");
    const token = await socketToken(port, app);
    const sockets = [
      await PushSocket.open(port, `?authorization=${token}`),
      await PushSocket.open(port, `?x=1&authorization=${token}&authorization=second`),
      await PushSocket.open(port, `?authorization=${app}`),
      await PushSocket.open(port, `?authorization=Bearer%20${app}`),
      await PushSocket.open(port, "", { headers: { authorization: `Bearer ${token}` } }),
      await PushSocket.open(port, "", { headers: { authorization: app } }),
    ];
    await Promise.all(sockets.map((socket) => socket.echo("here")));
    assert.equal((await sendMessage(port, "u", "to every socket")).status, 200);
    for (const socket of sockets) assert.equal(await socket.next(), "to every socket");
  });

  it("may be opened by pages of allowed origins only", async (t) => {
    const origins = { "push.origins": ["https://app.example"] };
    const { webSocketPort: port } = await startNativeServer(t, { ...pushOnly, ...origins });
    for (const origin of ["https://app.example", "http://localhost:4000", `http://127.0.0.1:${port}`])
      await (await PushSocket.of(port, "u", { headers: { origin } })).echo("here");
    for (const origin of ["https://evil.example", "null"])
      await assert.rejects(PushSocket.of(port, "u", { headers: { origin } }), /refused: 403/);
  });

  it("gets back what it sends, unchanged, alone, and it is no message", async (t) => {
    const { webSocketPort: port } = await startNativeServer(t, pushOnly);
    const [one, other] = [await PushSocket.of(port, "u"), await PushSocket.of(port, "u")];
    const texts = [
      "hello",
      "",
      " ",
      '{"username":"u","content":"x"}',
      "\uFEFFé 漢字 🎉\u0000\r\n",
      "x".repeat(200_000),
    ];
    for (const text of texts) one.webSocket.send(text);
    assert.deepEqual(await one.take(texts.length), texts);
    await other.echo("nothing before");
    await Promise.all([one.close(), other.close()]);
    const back = await PushSocket.of(port, "u");
    await back.echo("nothing after");
    assert.deepEqual(back.received, []);
  });

  it("is not disturbed by binary frames, and closed by a text that is too long", async (t) => {
    const { webSocketPort: port } = await startNativeServer(t, { ...pushOnly, "limits.maxFrameBytes": 1024 });
    const socket = await PushSocket.of(port, "u");
    socket.webSocket.send(Buffer.from("binary"));
    socket.webSocket.send("x".repeat(1024));
    assert.equal(await socket.next(), "x".repeat(1024));
    socket.webSocket.send("x".repeat(1025));
    assert.equal(await socket.closed(), 1009);
  });

  it("is pinged every 10 seconds, and closed when nothing comes back", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const { webSocketPort: port } = await startNativeServer(t, pushOnly);
    const socket = await PushSocket.of(port, "u");
    const mute = await PushSocket.of(port, "u", { autoPong: false });
    const closed = mute.closed();
    for (let pings = 0; pings < 9; pings++) {
      t.mock.timers.tick(9_999);
      await socket.echo("before");
      assert.equal(socket.pings, pings);
      t.mock.timers.tick(1);
      await socket.echo("after");
      assert.equal(socket.pings, pings + 1);
    }
    t.mock.timers.tick(10_000);
    assert.equal(await closed, 4004);
    await socket.echo("still here");
  });

  it("is told to come back when the server goes down", async (t) => {
    const server = await startNativeServer(t, pushOnly);
    const socket = await PushSocket.of(server.webSocketPort, "u");
    await socket.echo("here");
    const closed = socket.closed();
    await server.stop();
    assert.equal(await closed, 1012);
    await assert.rejects(PushSocket.open(server.webSocketPort, ""), /ECONNREFUSED/);
  });

  it("that never reads delays nobody, and has everything in order when it does", async (t) => {
    const limits = { "limits.maxOutboxBytes": 65_536 };
    const { webSocketPort: port } = await startNativeServer(t, { ...pushOnly, ...limits });
    const [slow, quick] = [await PushSocket.of(port, "u"), await PushSocket.of(port, "u")];
    slow.webSocket.pause();
    const contents = Array.from({ length: 300 }, (_, i) => `${i} ${"x".repeat(50_000)}`);
    for (const content of contents) {
      assert.equal((await sendMessage(port, "u", content)).status, 200);
      assert.equal(await quick.next(), content);
    }
    assert.deepEqual(slow.received, []);
    slow.webSocket.resume();
    assert.deepEqual(await slow.take(contents.length), contents);
  });
});
