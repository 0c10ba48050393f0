/** What is published on the Redis channel is delivered like a message, with a real Redis (docs/gateways/push.md, "Redis"). */
import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type NativeServer, startNativeServer } from "../../native/native-server.ts";
import { freePorts } from "../../support/free-ports.ts";
import { RawSession } from "../../support/raw-session.ts";
import { RedisServer } from "../../support/redis-server.ts";
import { PushSocket } from "./push-client.ts";

const channel = "notifications";
const json = (username: string, content: string) => JSON.stringify({ username, content });

/** Resolves when the condition holds, or never: the test then ends by its time limit. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(10);
}

describe("the Redis channel", { timeout: 60_000 }, () => {
  let port = 0;
  let redis: RedisServer;

  before(async () => {
    [port = 0] = await freePorts(1);
    redis = await RedisServer.start(port);
  });
  after(() => redis.kill());

  async function startPush(t: TestContext): Promise<NativeServer> {
    const server = await startNativeServer(t, { gateways: ["push", "native-tcp"], "push.redisUrl": redis.url });
    await until(async () => (await redis.command("PUBSUB", "NUMSUB", channel)).includes(":1\r\n"));
    return server;
  }

  it("delivers to every socket of the user, and keeps for who is away, in order", async (t) => {
    const { webSocketPort, tcpPort } = await startPush(t);
    const [one, two] = [await PushSocket.of(webSocketPort, "u"), await PushSocket.of(webSocketPort, "u")];
    assert.equal(await redis.publish(channel, json("u", "hi there")), 1);
    assert.deepEqual([await one.next(), await two.next()], ["hi there", "hi there"]);
    for (let i = 0; i < 50; i++) await redis.publish(channel, json("new", String(i)));
    const late = await PushSocket.of(webSocketPort, "new");
    assert.deepEqual(
      await late.take(50),
      Array.from({ length: 50 }, (_, i) => String(i)),
    );
    const ann = await RawSession.login(tcpPort, "ann");
    await redis.publish(channel, json("ANN", "to another protocol"));
    const { from, body } = await ann.next("message");
    assert.deepEqual([from, body], ["push", "to another protocol"]);
    ann.close();
  });

  it("keeps the order of what comes all at once, to somebody who is new", async (t) => {
    const { webSocketPort } = await startPush(t);
    const numbers = Array.from({ length: 300 }, (_, i) => String(i));
    const script =
      "for i = 0, 299 do redis.call('PUBLISH', KEYS[1], cjson.encode({username = 'burst', content = tostring(i)})) end";
    await redis.command("EVAL", script, "1", channel);
    assert.deepEqual(await (await PushSocket.of(webSocketPort, "burst")).take(300), numbers);
  });

  it("drops what is no notification, says so without its content, and goes on", async (t) => {
    const { webSocketPort, complaints } = await startPush(t);
    const socket = await PushSocket.of(webSocketPort, "u");
    const bad = [
      "garbage",
      "[]",
      '{"username":"u"}',
      json("a b", "x"),
      json("#none", "x"),
      json("server", "x"),
      Uint8Array.of(0xff),
    ];
    for (const message of bad) await redis.publish(channel, message);
    await redis.publish("another", json("u", "on another channel"));
    await redis.publish(channel, json("u", "good"));
    assert.equal(await socket.next(), "good");
    assert.equal(complaints.length, bad.length, complaints.join("\n"));
    for (const complaint of complaints.splice(0)) {
      assert.match(complaint, /^push: a publication on Redis was dropped: /);
      assert.ok(!complaint.includes("garbage"));
    }
  });

  it("may be away at the start and go away later: the server serves on, and subscribes again", async (t) => {
    await redis.kill();
    const server = await startNativeServer(t, { gateways: ["push"], "push.redisUrl": redis.url });
    await until(() => server.complaints.length === 1);
    const socket = await PushSocket.of(server.webSocketPort, "u");
    for (const content of ["after its start", "after its return"]) {
      redis = await RedisServer.start(port);
      await until(async () => (await redis.publish(channel, json("u", content))) === 1);
      assert.equal(await socket.next(), content);
      await redis.kill();
      await until(() => server.complaints.length % 2 === 1);
    }
    await socket.echo("still served");
    const words = server.complaints.splice(0).map((complaint) => complaint.split(",")[0]?.split(":")[1]);
    assert.deepEqual(words, [
      " Redis cannot be reached",
      " Redis is there again",
      " Redis cannot be reached",
      " Redis is there again",
      " Redis cannot be reached",
    ]);
    await server.stop();
    redis = await RedisServer.start(port);
  });
});
