/**
 * What is said through any gateway does not come out in the log, at its most talkative: no body, no token, no password,
 * and no name that breaks a line. What should be there is.
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { it, type TestContext } from "node:test";
import { until } from "../../packages/client/testing/wait.ts";
import { createPinoLog } from "../../packages/server/src/observe/pino-log.ts";
import { GatedEngine } from "../../packages/server/testing/gated-engine.ts";
import { frame } from "../gateways/framed-tcp/chat-peer.ts";
import { joinRoom, type Ports, type Presence, room, type Way, ways } from "../gateways/matrix/ways.ts";
import { RawSession } from "../support/raw-session.ts";
import { startInProcess } from "../support/server-in-process.ts";
import { TextPeer } from "../support/text-peer.ts";

const secret = "GEHEIM-4711";
const hostileName = 'mallory\n{"level":"error","msg":"forged"}\u001b[2J\u202e';
const free = ["http", "nativeTcp", "peerJson", "framedTcp", "deviceText", "udpAgent"].map((name) => [
  `${name}.port`,
  0,
]);

async function startAll(t: TestContext) {
  const written: string[] = [];
  const write = (text: string) => void written.push(text);
  const log = createPinoLog({ level: "debug", format: "json", inColour: false, write });
  let engine: GatedEngine | undefined;
  const server = await startInProcess(
    t,
    { ...Object.fromEntries(free), "udpAgent.discoveryPort": 0 },
    {
      log,
      wrapEngine: (inner) => {
        engine = new GatedEngine(inner);
        return engine;
      },
    },
  );
  const port = (at: number) => Number(server.urls[at]?.port);
  const ports: Ports = {
    http: port(0),
    tcp: port(1),
    peerJson: port(2),
    framedTcp: port(5),
    deviceText: port(6),
    udp: port(7),
  };
  assert.ok(engine);
  return { ports, written, engine, stop: server.stop };
}

/** Asks the HTTP listener something with secrets everywhere. */
async function ask({ http }: Ports, path: string, body: string): Promise<void> {
  const authorization = `Basic ${Buffer.from(`alice:${secret}`).toString("base64")}`;
  for (const header of [authorization, `Bearer ${secret}`]) {
    const headers = { authorization: header, "content-type": "application/json", "idempotency-key": secret };
    await fetch(`http://127.0.0.1:${http}${path}`, { method: "POST", headers, body });
    await fetch(`http://127.0.0.1:${http}${path}?token=${secret}`, { headers });
  }
}

it("tells no secrets, whatever is said by whichever gateway", { timeout: 60_000 }, async (t) => {
  const { ports, written, engine, stop } = await startAll(t);
  const present: { readonly heard: string[]; readonly way: Way; readonly who: Presence }[] = [];
  for (const way of ways) {
    const name = `user-${way.name}`;
    const heard: string[] = [];
    present.push({ heard, way, who: await way.arrive(ports, name, ({ body }) => heard.push(body)) });
    await joinRoom(ports, present.at(-1)?.who.name ?? name);
  }
  for (const { who } of present) for (const other of present) await who.say(other.who.name, `${secret} to one`);
  for (const { who, way } of present) if (way.name !== "push") await who.say(room, `${secret} to the room`);
  await until("somebody to hear it", () => present.every(({ heard }) => heard.some((body) => body.includes(secret))));

  // What is wrong: names that nobody can have, JSON that is none, refused sends, a store that refuses.
  const native = await RawSession.login(ports.tcp, "native", { device: "d" });
  native.send({ op: "send", to: "nobody-there", body: secret, clientId: "refused-1" });
  await native.next("error");
  native.sendText(`{"op":"send","to":"alice","body":"${secret}`);
  await native.next("error");
  native.send({ op: "send", to: hostileName, body: secret });
  await native.next("error");
  const stranger = await RawSession.connect(ports.tcp);
  stranger.send({ op: "hello", user: hostileName, token: secret });
  await stranger.next("error");
  for (const port of [ports.peerJson, ports.deviceText]) {
    const peer = await TextPeer.connect(port);
    peer.send(JSON.stringify({ login: hostileName }), `{"${secret}`, `send,${hostileName},${secret}`, secret);
    await peer.next();
  }
  const framed = connect(ports.framedTcp, "127.0.0.1").on("error", () => {});
  framed.write(frame(JSON.stringify({ type: "command", cmd: "/rename", value: hostileName })));
  framed.write(frame(`{"${secret}`));
  framed.write(frame(secret, 2 ** 31));
  for (const path of ["/message", "/token", "/v1/messages", "/v1/nothing"])
    for (const body of [JSON.stringify({ username: hostileName, content: secret }), `{"${secret}`])
      await ask(ports, path, body);
  engine.fail("append");
  engine.fail("write");
  native.send({ op: "send", to: "native", body: secret, clientId: "refused-2" });
  await native.next("error");
  native.send({ op: "join", room: "#new" });
  await native.next("error");
  engine.heal();
  for (const { who } of present) await who.leave();
  native.close();
  framed.destroy();
  await stop();

  const lines = written.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.ok(
    !written.join("").includes(secret),
    written.find((line) => line.includes(secret)),
  );
  const encoded = Buffer.from(`alice:${secret}`).toString("base64");
  assert.ok(!written.join("").includes(encoded));
  for (const line of written) assert.doesNotMatch(line.trimEnd(), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  assert.ok(!lines.some(({ msg }) => msg === "forged"));
  assert.deepEqual(
    lines.filter(({ level }) => level === "error"),
    [],
  );

  const gateways = new Set(lines.filter(({ msg }) => msg === "connection closed").map(({ gateway }) => gateway));
  assert.deepEqual([...gateways].sort(), ways.map(({ name }) => name).sort());
  const unknown = lines.find(({ clientId }) => clientId === "refused-1");
  assert.deepEqual([unknown?.msg, unknown?.code, unknown?.user], ["send refused", "unknown_user", "native"]);
  const unstored = lines.find(({ clientId }) => clientId === "refused-2");
  assert.equal(unstored?.code, "storage_unavailable");
  assert.match(String(unstored?.messageId), /^[0-9a-f-]{36}$/);
  const closed = lines.find(({ msg, user }) => msg === "connection closed" && user === "native");
  assert.equal(closed?.gateway, "native-tcp");
  assert.equal(typeof closed?.ms, "number");
  assert.match(String(closed?.address), /^127\.0\.0\.1:\d+$/);
});

it("says nothing about messages and ordinary connections at the default level", async (t) => {
  const written: string[] = [];
  const write = (text: string) => void written.push(text);
  const log = createPinoLog({ level: "info", format: "json", inColour: false, write });
  const { urls } = await startInProcess(t, { gateways: ["native-tcp"], "nativeTcp.port": 0, "http.port": 0 }, { log });
  const alice = await RawSession.login(Number(urls[0]?.port), "alice", { device: "d" });
  for (let n = 0; n < 10; n++) alice.send({ op: "send", to: n % 2 ? "alice" : "nobody", body: "hi" });
  for (let n = 0; n < 5; n++) await alice.next("ok");
  alice.send({ op: "bye" });
  await until("it to end", () => alice.closed);
  assert.deepEqual(written, []);
  const replaced = await RawSession.login(Number(urls[0]?.port), "alice", { device: "d" });
  await RawSession.login(Number(urls[0]?.port), "alice", { device: "d" });
  await until("the first to be replaced", () => replaced.closed);
  assert.match(written.join(""), /"reason":"replaced"/);
});
