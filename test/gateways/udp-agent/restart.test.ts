/** A real server that is killed: what it said it stored, agents get from the next one; what they had, they may get again. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { freePorts } from "../../support/free-ports.ts";
import { RawSession } from "../../support/raw-session.ts";
import { type ServerProcess, startServer } from "../../support/server-process.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { RawAgent } from "./raw-agent.ts";

interface Machine {
  readonly tcpPort: number;
  readonly server: ServerProcess;
  readonly port: number;
  readonly discoveryPort: number;
}

/** Starts a server on the test's directory; again on the same one after it was killed. */
async function start(t: TestContext, [wsPort, tcpPort]: readonly number[]): Promise<Machine> {
  const env = { PARLEY_UDP_AGENT_PORT: "0", PARLEY_UDP_AGENT_DISCOVERY_PORT: "0" };
  const gateways = "native-tcp,udp-agent";
  const ports = { wsPort: wsPort as number, tcpPort: tcpPort as number };
  const server = await startServer({ dataDir: temporaryDirectory(t), ...ports, env, gateways });
  t.after(() => server.kill());
  const [port, discoveryPort] = [...server.stdout.matchAll(/udp:\/\/127\.0\.0\.1:(\d+)/g)].map(([, one]) =>
    Number(one),
  );
  return { server, port: port as number, discoveryPort: discoveryPort as number, tcpPort: ports.tcpPort };
}

describe("after kill -9 and a restart", () => {
  it("a message is there whose sender was told that it waits; sessions have to be begun again", async (t) => {
    const ports = await freePorts(2);
    const first = await start(t, ports);
    const [ana, bob] = [await RawAgent.login(t, "ana", first.port), await RawAgent.login(t, "bob", first.port)];
    ana.say("create_group", { group_name: "g", group_members: ["bob"] });
    assert.equal(await bob.hears(), "broker: group g: ana, bob");
    assert.equal(await ana.hears(), "broker: group g: ana, bob");
    await bob.goAway();
    for (let n = 0; n < 100; n++) ana.say("send_message", { receiver_username: "bob", message_text: `${n}` });
    let told = 0;
    while (told < 20) if (/bob is offline/.test(await ana.hears())) told += 1;
    await first.server.kill();
    while (ana.received.some(({ content }) => /offline/.test(String(content.message_text)))) {
      await ana.next();
      told += 1;
    }
    const second = await start(t, ports);
    ana.brokerPort = second.port;
    bob.brokerPort = second.port;
    ana.say("ping");
    assert.equal(await ana.hears(), "broker: ana is not logged in: send log_in first");
    bob.logIn({}, second.discoveryPort);
    await bob.next("acknowledge_log_in");
    // What it had before may come again: nobody could say yet that it had it.
    const heard = (await bob.heard()).filter((one) => !one.startsWith("broker: group"));
    while (heard.length < told) heard.push(await bob.hears());
    assert.deepEqual(
      heard,
      heard.map((_, n) => `ana: ${n}`),
    );
    await ana.comeBack();
    ana.say("group_message", { group_name: "g", message_text: "still a group" });
    assert.equal(await bob.hears(), "#g ana: still a group");
  });

  it("an agent that was receiving lacks nothing that was stored", async (t) => {
    const ports = await freePorts(2);
    let machine = await start(t, ports);
    const bob = await RawAgent.login(t, "bob", machine.port);
    const stored: string[] = [];
    const had = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const sender = await RawSession.login(machine.tcpPort, "nat");
      for (let n = 0; n < 500; n++)
        sender.send({ op: "send", to: "bob", body: `${round}-${n}`, clientId: `${round}-${n}`, copy: false });
      const enough = 50 + round * 100;
      for (let n = 0; n < enough; n++) {
        const { clientId } = await sender.next("ok");
        stored.push(clientId as string);
      }
      await machine.server.kill();
      machine = await start(t, ports);
      bob.brokerPort = machine.port;
      await bob.comeBack();
      const missing = () => stored.filter((one) => !had.has(one));
      do had.add((await bob.next("receive_message")).content.message_text as string);
      while (missing().length > 0);
    }
    assert.ok(stored.length > 400);
    await machine.server.stop();
  });
});

describe("the whole server", () => {
  it("says where agents find it, and carries messages between protocols both ways", async (t) => {
    const { server, port, tcpPort } = await start(t, await freePorts(2));
    assert.match(server.stdout, /udp:\/\/127\.0\.0\.1:\d+ +agents that send JSON datagrams/);
    assert.match(server.stdout, /udp:\/\/127\.0\.0\.1:\d+ +where agents log in/);
    const bob = await RawAgent.login(t, "bob", port);
    const nat = await RawSession.login(tcpPort, "nat");
    nat.send({ op: "send", to: "bob", body: "hello" });
    assert.equal(await bob.hears(), "nat: hello");
    bob.say("send_message", { receiver_username: "nat", message_text: "hello too" });
    const { from, body } = await nat.next("message");
    assert.deepEqual([from, body], ["bob", "hello too"]);
    assert.equal(await server.stop(), 0);
    assert.doesNotMatch(server.stderr, /"level":"error"/);
  });
});
