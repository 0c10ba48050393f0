/**
 * Run by `discovery.test.ts` in a network namespace: a real server on all addresses, and an agent that finds it by
 * broadcast, and again by multicast. Prints what the agent gets, and from where.
 */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { loadConfig } from "../../../packages/server/src/config.ts";
import { startServer } from "../../../packages/server/src/server.ts";
import { RawSession } from "../../support/raw-session.ts";
import { datagram } from "./raw-agent.ts";

const multicastGroup = "239.255.77.1";
const flags = {
  engine: "memory",
  host: "0.0.0.0",
  insecure: true,
  gateways: ["udp-agent", "native-tcp"],
  "http.port": 0,
  "udpAgent.multicastGroup": multicastGroup,
};
const loaded = loadConfig({ environment: {}, flags });
assert.ok(loaded.ok);
const server = await startServer(loaded.config, { log: { error: console.error } });
const sender = await RawSession.login(5790, "ana");
const receiver = await RawSession.login(5790, "mihai");
receiver.close();
await receiver.ended();
sender.send({ op: "send", to: "mihai", body: "waited" });
await sender.next("ok");

const socket = createSocket("udp4").bind(0, "10.77.0.1");
await once(socket, "listening");
socket.setBroadcast(true);
const say = (id: string, port: number, address: string) =>
  socket.send(datagram(id, { sender_username: "mihai", sender_port: socket.address().port }), port, address);
const next = async (): Promise<{ readonly address: string; readonly port: number }> => {
  const [bytes, from] = await once(socket, "message");
  const { message_id, message_content } = JSON.parse(bytes.toString());
  if (message_id === "update_user_set") return next();
  console.log(from.address, message_id, message_content.message_text ?? message_content.user_list.join());
  return from;
};
say("log_in", 10_001, "255.255.255.255");
const broker = await next();
assert.equal(broker.port, 10_000);
say("ping", broker.port, broker.address);
await next();
socket.setMulticastInterface("10.77.0.1");
say("log_in", 10_001, multicastGroup);
await next();
socket.close();
sender.close();
await server.stop();
