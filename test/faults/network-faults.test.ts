/**
 * Network faults (reliability.md, fault 9): through a proxy that delays, cuts into single bytes and resets, the client
 * library gives each message once and in order; whatever datagrams are lost, doubled and reordered, each that arrives is
 * stored as often as it arrived.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeTransport } from "@parley/client/node";
import { freePorts } from "../support/free-ports.ts";
import { openClient } from "../support/open-client.ts";
import { RawSession } from "../support/raw-session.ts";
import { startServer } from "../support/server-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { seededRandom } from "./crash-run.ts";
import { type TcpFaults, TcpProxy, UdpProxy } from "./faulty-network.ts";

const seed = Number(process.env.TEST_SEED ?? randomInt(2 ** 31));
/** Messages of a round; where connections are reset there are as many rounds as it takes to reset some. */
const messages = 300;
const fewestResets = 4;

async function start(t: TestContext): Promise<{ wsPort: number; tcpPort: number; udpPort: number }> {
  const [wsPort = 0, tcpPort = 0, udpPort = 0, discoveryPort = 0] = await freePorts(4);
  const server = await startServer({
    dataDir: join(temporaryDirectory(t), "data"),
    wsPort,
    tcpPort,
    gateways: "native-websocket,native-tcp,udp-agent",
    env: { PARLEY_UDP_AGENT_PORT: String(udpPort), PARLEY_UDP_AGENT_DISCOVERY_PORT: String(discoveryPort) },
  });
  t.after(async () => {
    assert.equal(await server.stop(), 0);
    assert.doesNotMatch(server.stderr, /bug/);
  });
  return { wsPort, tcpPort, udpPort };
}

const faults: readonly (readonly [what: string, faults: TcpFaults])[] = [
  ["delays of up to 20 ms", { delayMs: 20 }],
  ["one byte at a time", { chunkBytes: 1 }],
  ["resets, anywhere in a frame", { chunkBytes: 50, resetChance: 0.002 }],
];

describe("over a network with", () => {
  for (const [what, network] of faults)
    for (const carrier of ["ws", "tcp"] as const)
      it(`${what}, by ${carrier}, messages come once and in order`, { timeout: 60_000 }, async (t) => {
        t.diagnostic(`TEST_SEED=${seed}`);
        const ports = await start(t);
        const port = carrier === "ws" ? ports.wsPort : ports.tcpPort;
        const proxy = await TcpProxy.start(t, port, network, seededRandom(seed));
        const url = `${carrier}://127.0.0.1:${proxy.port}`;
        t.after(() => {
          proxy.healed = true;
        });
        const backoff = { baseMs: 10, capMs: 200 };
        const open = (user: string) => openClient(t, { url, user, device: "d", transport: nodeTransport(), backoff });
        const [alice, bob] = [open("alice"), open("bob")];
        const heard: string[] = [];
        bob.on("message", ({ body }) => void heard.push(body.toString()));
        await Promise.all([alice.connect(), bob.connect()]);
        const sent: string[] = [];
        const wantedResets = network.resetChance === undefined ? 0 : fewestResets;
        do {
          const round = Array.from({ length: messages }, (_, n) => `number ${sent.length + n}`);
          sent.push(...round);
          await Promise.all(round.map((body) => alice.send("bob", body)));
          for (const end = Date.now() + 20_000; heard.length < sent.length && Date.now() < end; ) await sleep(10);
          assert.deepEqual(heard, sent);
        } while (proxy.resets < wantedResets);
        t.diagnostic(`${sent.length} messages, ${proxy.resets} resets`);
      });

  it("loss, doubles and reordering, datagrams are stored as often as they arrive", { timeout: 60_000 }, async (t) => {
    t.diagnostic(`TEST_SEED=${seed}`);
    const { tcpPort, udpPort } = await start(t);
    const reader = await RawSession.login(tcpPort, "reader", { device: "d" });
    const network = { lossChance: 0.2, duplicateChance: 0.2, reorderChance: 0.3 };
    const proxy = await UdpProxy.start(t, udpPort, network, seededRandom(seed));
    const agent = createSocket("udp4").bind(0, "127.0.0.1");
    t.after(() => agent.close());
    await once(agent, "listening");
    let acknowledged = false;
    agent.on("message", (bytes) => {
      acknowledged ||= bytes.includes("acknowledge_log_in");
    });
    const say = (message_id: string, content: object) =>
      agent.send(
        JSON.stringify({ message_id, message_content: { sender_username: "agent", ...content } }),
        proxy.port,
        "127.0.0.1",
      );
    for (const end = Date.now() + 10_000; !acknowledged; await sleep(20)) {
      assert.ok(Date.now() < end, "not logged in");
      say("log_in", { sender_port: agent.address().port });
    }
    for (let n = 0; n < messages; n++) {
      say("send_message", { receiver_username: "reader", message_text: `number ${n}` });
      await sleep(1);
    }
    const passed = () => [...proxy.passed].filter(([text]) => text.includes("send_message"));
    const expected = () =>
      passed().flatMap(([text, times]) => new Array<string>(times).fill(/number \d+/.exec(text)?.[0] ?? ""));
    const heard: string[] = [];
    for (const end = Date.now() + 10_000; heard.length < expected().length && Date.now() < end; await sleep(10))
      for (const { body } of reader.received.splice(0).filter((message) => message.op === "message")) heard.push(body);
    assert.deepEqual(heard.sort(), expected().sort());
    assert.ok(passed().length < messages, "nothing was lost on the way");
    reader.close();
  });
});
