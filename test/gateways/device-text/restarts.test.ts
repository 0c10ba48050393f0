/** `device-text` over restarts of the server, in good order and by `kill -9`: a number is never given twice. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { RawSession } from "../../support/raw-session.ts";
import { startRestartable } from "../../support/restartable-server.ts";
import { TextPeer } from "../../support/text-peer.ts";
import { Device, info } from "./device.ts";

const first = 100_000_000;

const start = (t: TestContext) => startRestartable(t, "device-text", "deviceText.port");

describe("a restart", () => {
  it("ends the devices; those that come after it get new numbers", async (t) => {
    const server = await start(t);
    let next = first;
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      const devices = [await Device.connect(server), await Device.connect(server)];
      await server.restart(signal);
      for (const { peer } of devices) {
        const end = await peer.ended();
        if (signal === "SIGTERM") assert.equal(end.code, 1012);
      }
      const device = await Device.connect(server);
      assert.equal(device.greeting, info(next + 2, [next + 2]));
      await device.ask(`send,${next},hello`, "Invalid destinationId");
      await device.leave();
      next += 3;
    }
  });

  it("by kill -9 in the middle of greetings gives no number to two", async (t) => {
    const server = await start(t);
    const ids: number[] = [];
    for (let round = 0; round < 2; round++) {
      const connected = Array.from({ length: 60 }, () => TextPeer.connect(server.webSocketPort));
      const greetings = connected.map(async (peer) => (await peer).next());
      const settled = Promise.allSettled(greetings);
      await Promise.all(connected);
      await server.restart("SIGKILL");
      for (const one of await settled) {
        if (one.status === "fulfilled") ids.push(Number(/^Your ID: (\d+)/.exec(one.value)?.[1]));
      }
      ids.push((await Device.connect(server)).id);
    }
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(ids.every((id) => id >= first));
  });

  it("by kill -9 keeps a message that was taken for somebody who is away", async (t) => {
    const server = await start(t);
    (await RawSession.login(server.tcpPort, "alice")).close();
    const device = await Device.connect(server);
    device.say("send,alice,for later");
    await device.told();
    await server.restart("SIGKILL");
    const message = await (await RawSession.login(server.tcpPort, "alice")).next("message");
    assert.deepEqual([message.from, message.body], [String(first), "for later"]);
  });
});
