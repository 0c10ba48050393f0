/** `device-text`, below its lines: paths, fragments, bytes for text, what ends a connection, silence, slow readers. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { shakeHands } from "../../native/web-socket-link.ts";
import { clientFrame, opcodes } from "../../native/web-socket-wire.ts";
import { TextPeer } from "../../support/text-peer.ts";
import { Device, info, startDeviceTextServer } from "./device.ts";

const first = 100_000_000;

describe("the listener", () => {
  it("serves any path, to pages of this machine and of configured origins", async (t) => {
    const server = await startDeviceTextServer(t, { "http.origins": ["https://good.example"] });
    for (const path of ["/", "/ws", "/a?b=c"]) await Device.connect(server, { path });
    for (const [origin, status] of [
      ["http://localhost:8000", 101],
      ["https://good.example", 101],
      ["null", 101],
      ["https://evil.example", 403],
    ] as const) {
      const { socket, status: answered } = await shakeHands(server.webSocketPort, { headers: { Origin: origin } });
      assert.equal(answered, status, origin);
      socket.destroy();
    }
  });

  it("refuses what is opened from a file, where it is configured so", async (t) => {
    const server = await startDeviceTextServer(t, { "deviceText.origins": [] });
    const { socket, status } = await shakeHands(server.webSocketPort, { headers: { Origin: "null" } });
    assert.equal(status, 403);
    socket.destroy();
  });
});

describe("frames", () => {
  const line = `send,${first},größer 🎉`;

  it("may be split and merged at every byte, and come in fragments", async (t) => {
    const server = await startDeviceTextServer(t);
    const device = await Device.connect(server);
    const bytes = Buffer.concat([clientFrame("help"), clientFrame("x")]);
    for (let at = 1; at < bytes.length; at++) {
      device.peer.link.write(bytes.subarray(0, at));
      await new Promise((resolve) => setImmediate(resolve));
      device.peer.link.write(bytes.subarray(at));
      await device.expect(info(first, [first]), "Error reading the command");
    }
    const text = Buffer.from(line);
    for (let at = 0; at <= text.length; at++) {
      device.peer.sendFragments(text.subarray(0, at), text.subarray(at));
      device.say(`send,${first},between`);
      await device.expect(`${first}:größer 🎉`, `${first}:between`);
    }
  });

  it("of bytes are read as text, as the original did", async (t) => {
    const server = await startDeviceTextServer(t);
    const device = await Device.connect(server);
    device.peer.sendFrame("help", { opcode: opcodes.binary });
    device.peer.sendFrame(line, { opcode: opcodes.binary });
    device.peer.sendFrame(Buffer.from([0xff, 0xfe, 0]), { opcode: opcodes.binary });
    await device.expect(info(first, [first]), "Error reading the command", `${first}:größer 🎉`);
  });

  for (const [what, bytes, code] of [
    ["longer than the limit", clientFrame("x".repeat(70_001)), 1009],
    ["not UTF-8", clientFrame(Buffer.from([0x68, 0xff])), 1007],
    ["not masked", clientFrame("help", { masked: false }), 1002],
    ["no WebSocket frames", Buffer.from("GET / HTTP/1.1\r\n\r\n"), 1002],
  ] as const) {
    it(`${what} end the connection with ${code}; others see it gone`, async (t) => {
      const server = await startDeviceTextServer(t, { "limits.maxFrameBytes": 70_000 });
      const a = await Device.connect(server);
      const b = await Device.connect(server);
      b.say(`send,${a.id},before`);
      b.peer.link.write(bytes);
      assert.equal((await b.peer.ended()).code, code);
      await a.expect(`${b.id}:before`);
      await a.ask("help", info(a.id, [a.id]));
      await a.ask(`send,${b.id},x`, "Invalid destinationId");
    });
  }

  it("that do not come for too long end it, pongs are enough to keep it", async (t) => {
    const server = await startDeviceTextServer(t, { "limits.idleMs": 300 });
    let pings = 0;
    const alive = await Device.connect(server, {
      onFrame: ({ opcode }) => {
        if (opcode === opcodes.ping) pings += 1;
      },
    });
    const silent = await Device.connect(server, { answersPings: false });
    assert.equal((await silent.peer.ended()).code, 4004);
    while (pings < 5) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(await alive.told(), []);
  });
});

describe("a device that does not read", () => {
  const limits = { "limits.maxOutboxBytes": 65_536 };
  const body = (n: number) => `${n} ${"x".repeat(40_000)}`;
  const count = 300;

  it("delays nobody and gets everything in order when it reads", async (t) => {
    const server = await startDeviceTextServer(t, limits);
    const slow = await Device.connect(server);
    const quick = await Device.connect(server);
    const sender = await Device.connect(server);
    slow.peer.link.pause();
    for (let n = 0; n < count; n++) {
      sender.say(`send,${slow.id},${body(n)}`, `send,${quick.id},${n}`);
      await quick.expect(`${sender.id}:${n}`);
    }
    slow.peer.link.resume();
    for (let n = 0; n < count; n++) assert.equal(await slow.peer.next(), `${sender.id}:${body(n)}`);
    assert.deepEqual([await slow.told(), await sender.told()], [[], []]);
  });

  it("and asks on and on is not asked what it wants next", async (t) => {
    const server = await startDeviceTextServer(t, limits);
    const others = await Promise.all(Array.from({ length: 100 }, () => Device.connect(server)));
    const bob = others[0] as Device;
    const slow = await TextPeer.connect(server.webSocketPort);
    const greeting = await slow.next();
    slow.link.pause();
    const lines = Array.from({ length: 8_000 }, () => "help");
    slow.send(...lines, `send,${bob.id},after all that`);
    for (let n = 0; n < 20; n++) assert.deepEqual(await bob.told(), []);
    slow.link.resume();
    for (const _ of lines) assert.equal(await slow.next(), greeting);
    assert.equal(await bob.peer.next(), `${first + 100}:after all that`);
  });
});
