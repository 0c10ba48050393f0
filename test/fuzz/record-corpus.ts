/**
 * Records `corpus/` anew: the clients of the matrix and a few conversations by hand talk to a real server through proxies
 * that write down what the clients send. `node test/fuzz/record-corpus.ts`; the files are committed.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientMessage } from "@parley/protocol";
import { joinRoom, room, ways } from "../gateways/matrix/ways.ts";
import { connectWebSocket } from "../native/web-socket-link.ts";
import { clientFrame, opcodes } from "../native/web-socket-wire.ts";
import { RawSession } from "../support/raw-session.ts";
import { startServer } from "../support/server-process.ts";
import { allGateways, portArguments, takePorts } from "./fuzzed-server.ts";
import { tokenPlaceholder } from "./recording.ts";

const directory = join(import.meta.dirname, "corpus");
const host = "127.0.0.1";
const counts = new Map<string, number>();

function write(listener: string, bytes: Buffer): void {
  const count = (counts.get(listener) ?? 0) + 1;
  counts.set(listener, count);
  if (bytes.length === 0 || count > 8) return;
  // Tokens are three words of base64url (RFC 7519, section 3).
  const text = bytes.toString("latin1").replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, tokenPlaceholder);
  writeFileSync(join(directory, `${listener}.${count}.bin`), text, "latin1");
}

function nameOf(listener: string, bytes: Buffer): string {
  if (listener !== "http") return listener;
  if (bytes.includes("GET /v1/ws")) return "native-websocket";
  if (/^[A-Z]+ \/v1\//.test(bytes.toString("latin1", 0, 16))) return "http-api";
  return bytes.subarray(0, 8).toString() === "GET /ws?" ? "push-websocket" : "push-http";
}

async function proxyTcp(listener: string, port: number): Promise<number> {
  const server = createServer((client) => {
    const upstream = connect(port, host);
    const chunks: Buffer[] = [];
    client.on("data", (chunk) => chunks.push(chunk));
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on("error", () => socket.destroy());
    client.on("close", () => {
      upstream.destroy();
      const bytes = Buffer.concat(chunks);
      write(nameOf(listener, bytes), bytes);
    });
  }).listen(0, host);
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

async function proxyUdp(listener: string, port: number): Promise<{ port: number; done: () => void }> {
  const socket = createSocket("udp4");
  const outgoing = createSocket("udp4");
  const lines: string[] = [];
  socket.on("message", (bytes) => {
    lines.push(bytes.toString());
    outgoing.send(bytes, port, host);
  });
  socket.bind(0, host);
  await once(socket, "listening");
  return { port: socket.address().port, done: () => write(listener, Buffer.from(`${lines.splice(0).join("\n")}\n`)) };
}

/** Of the HTTP API. */
const apiRequests: readonly (readonly [path: string, init?: RequestInit & { headers?: Record<string, string> }])[] = [
  ["/me"],
  ["/openapi.json"],
  ["/users?limit=5"],
  ["/problems/forbidden"],
];

/** Everything that `parley.v1` can be asked. */
const everything: readonly ClientMessage[] = [
  { op: "hello", user: "corpus-carol", device: "phone", window: 16 },
  { op: "ping", ref: "p" },
  { op: "join", room: "#lobby", ref: "j" },
  { op: "join", room: "#corner" },
  { op: "send", clientId: "c1", to: "corpus-carol", body: "to myself", receipt: true },
  {
    op: "send",
    clientId: "c2",
    to: ["corpus-carol", "#lobby"],
    body: "é 漢字 🎉",
    contentType: "text/markdown",
    type: "note",
  },
  { op: "send", clientId: "c3", to: "#lobby", body: "aGVsbG8=", encoding: "base64", contentType: "image/png" },
  { op: "send", clientId: "c4", to: "#lobby", body: "soon gone", ttl: 60_000, durability: "memory", copy: false },
  { op: "ack", log: "corpus-carol", seq: 1 },
  { op: "history", log: "#lobby", limit: 10, ref: "h" },
  { op: "history", log: "corpus-carol", before: 100, limit: 5 },
  { op: "users", limit: 10 },
  { op: "rooms", limit: 10 },
  { op: "watch", users: ["corpus-carol", "corpus-dave"] },
  { op: "unwatch", users: ["corpus-dave"] },
  { op: "leave", room: "#corner" },
  { op: "bye" },
];

rmSync(directory, { recursive: true, force: true });
mkdirSync(directory);
const dataDir = mkdtempSync(join(tmpdir(), "parley-corpus-"));
const ports = await takePorts();
const { http: wsPort, tcp: tcpPort } = ports;
const server = await startServer({ dataDir, wsPort, tcpPort, gateways: allGateways, env: portArguments(ports) });
const udp = await proxyUdp("udp-agent", ports.udp);
const discovery = await proxyUdp("udp-discovery", ports.udpDiscovery);
const proxies = {
  http: await proxyTcp("http", ports.http),
  tcp: await proxyTcp("native-tcp", ports.tcp),
  peerJson: await proxyTcp("peer-json", ports.peerJson),
  framedTcp: await proxyTcp("framed-tcp", ports.framedTcp),
  deviceText: await proxyTcp("device-text", ports.deviceText),
  udp: udp.port,
};

// Nobody's traffic: for the gateways with planted bugs.
write("planted", Buffer.from('hello 12\n{"number":5,"nested":[{"a":1}]}\nbye\n'));
await joinRoom(ports, "corpus-native-tcp");
for (const way of ways) {
  const presence = await way.arrive(proxies, `corpus-${way.name}`, () => {});
  await joinRoom(ports, presence.name);
  for (const to of [room, "*", "corpus-native-tcp"]) await presence.say(to, `a, "b" {c} é 漢字 🎉 from ${way.name}`);
  await sleep(200);
  await presence.leave();
}
const authorization = `Basic ${Buffer.from("corpus-http:").toString("base64")}`;
const api = `http://${host}:${proxies.http}/v1`;
for (const [path, init] of apiRequests)
  await (
    await fetch(api + path, { ...init, headers: { authorization, connection: "close", ...init?.headers } })
  ).text();
const session = await RawSession.connect(proxies.tcp);
for (const message of everything) session.send(message);
await session.ended();
const link = await connectWebSocket({ webSocketPort: proxies.http }, { text: () => {}, end: () => {} });
for (const message of everything.slice(0, -1)) link.write(clientFrame(JSON.stringify(message)));
link.write(clientFrame('{"op":"pi', { fin: false }));
link.write(clientFrame("between", { opcode: opcodes.ping }));
link.write(clientFrame('ng"}', { opcode: opcodes.continuation }));
await sleep(200);
link.cut();
const device = await connectWebSocket(
  { webSocketPort: proxies.deviceText },
  { text: () => {}, end: () => {} },
  { path: "/" },
);
for (const line of ["help", "send,100000000,hello", "send,#lobby,hello, all", "nothing"])
  device.write(clientFrame(line));
await sleep(200);
device.cut();
udp.done();
const agent = createSocket("udp4");
const say = (port: number, message_id: string, content: object) =>
  agent.send(
    JSON.stringify({ message_id, message_content: { sender_username: "corpus-agent", ...content } }),
    port,
    host,
  );
agent.bind(0, host);
await once(agent, "listening");
say(discovery.port, "log_in", { sender_port: agent.address().port });
await sleep(200);
for (const [id, content] of Object.entries({
  ping: {},
  get_online_users: {},
  get_user_list: {},
  create_group: { group_name: "g", group_members: ["corpus-agent", "corpus-native-tcp"] },
  group_message: { group_name: "g", message_text: "to the group" },
  multicast_message: { receiver_usernames: ["corpus-agent", "nobody"], message_text: "to some" },
  send_message: { receiver_username: "corpus-native-tcp", message_text: "to one" },
  broadcast_message: { message_text: "to all" },
  log_out: {},
}))
  say(udp.port, id, content);
await sleep(300);
udp.done();
discovery.done();
await sleep(300);
await server.stop();
rmSync(dataDir, { recursive: true, force: true });
console.log(readdirSync(directory).join(" "));
process.exit(0);
