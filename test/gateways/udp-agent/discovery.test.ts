/** Finding the broker without knowing where it is: by broadcast, and by a multicast group. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { startBroker } from "./broker-under-test.ts";
import { RawAgent, users } from "./raw-agent.ts";

const multicastGroup = "239.255.77.1";

describe("an agent finds the broker", () => {
  it("by broadcast, where that listens on all addresses", async (t) => {
    const { port, discoveryPort } = await startBroker(t, { host: "0.0.0.0" });
    const agent = await RawAgent.open(t, "mihai", 0);
    agent.socket.setBroadcast(true);
    agent.logIn({}, discoveryPort, "127.255.255.255");
    const { from } = await agent.next("acknowledge_log_in");
    assert.deepEqual([from.address, from.port], ["127.0.0.1", port]);
    agent.brokerPort = from.port;
    assert.deepEqual(await agent.online(), ["mihai"]);
  });

  it("by a multicast group, on loopback", async (t) => {
    const { port, discoveryPort, gateway } = await startBroker(t, { multicastGroup });
    assert.match(gateway.listeners[1]?.purpose ?? "", /239\.255\.77\.1/);
    const agent = await RawAgent.open(t, "mihai", 0);
    agent.socket.setMulticastInterface("127.0.0.1");
    agent.logIn({}, discoveryPort, multicastGroup);
    const { from, content } = await agent.next("acknowledge_log_in");
    assert.deepEqual([from.port, content], [port, { user_list: ["mihai"] }]);
  });

  it("not by a group that is not configured, nor by one that is none", async (t) => {
    const { discoveryPort, gateway } = await startBroker(t);
    const agent = await RawAgent.open(t, "mihai", 0);
    agent.socket.setMulticastInterface("127.0.0.1");
    agent.logIn({}, discoveryPort, multicastGroup);
    agent.logIn({}, discoveryPort);
    assert.deepEqual(users(await agent.next("acknowledge_log_in")), ["mihai"]);
    assert.equal(gateway.datagrams.received, 1);
    await assert.rejects(startBroker(t, { host: "::1", multicastGroup }), /needs an IPv4 host/);
  });

  it("by broadcast and multicast in a network that is not loopback, where it gets messages after its second datagram", () => {
    const script = fileURLToPath(new URL("in-a-network.ts", import.meta.url));
    // A network of its own, with one interface whose other end nobody listens to.
    const commands = [
      "ip link set lo up",
      "ip link add v0 type veth peer name v1",
      "ip addr add 10.77.0.1/24 brd + dev v0",
      "ip link set v0 up",
      "ip link set v1 up",
      `exec "${process.execPath}" "${script}"`,
    ].join(" && ");
    const args = process.getuid?.() === 0 ? ["-n"] : ["-r", "-n"];
    const { stdout, stderr, status } = spawnSync("unshare", [...args, "sh", "-c", commands], {
      encoding: "utf8",
      timeout: 30_000,
    });
    assert.equal(status, 0, stdout + stderr);
    const told = ["acknowledge_log_in mihai,ana", "receive_message waited", "acknowledge_log_in mihai,ana"];
    assert.deepEqual(
      stdout.trim().split("\n"),
      told.map((line) => `10.77.0.1 ${line}`),
    );
  });
});

describe("IPv6", () => {
  it("is served where the host is an IPv6 address", async (t) => {
    const { gateway } = await startBroker(t, { host: "::1" });
    assert.match(gateway.listeners[0]?.url ?? "", /^udp:\/\/\[::1\]:\d+$/);
  });
});
