/** The limits of connections behind TLS: counted before the handshake, told after it, with the rates of any other. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { connect } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { encodeFrame } from "@parley/protocol";
import WebSocket from "ws";
import { until } from "../../packages/client/testing/wait.ts";
import { makeCertificate } from "../support/certificates.ts";
import { type Settings, startInProcess } from "../support/server-in-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const host = "127.0.0.1";

/** A server behind TLS with the native gateways and the HTTP API, where addresses of loopback count too. */
async function start(t: TestContext, limits: Settings) {
  const { cert, key, ca } = makeCertificate(temporaryDirectory(t), "limited");
  const gateways: Settings["gateways"] = ["native-tcp", "native-websocket"];
  const tls = { "tls.cert": cert, "tls.key": key };
  const settings = { gateways, "nativeTcp.port": 0, ...tls, "limits.exemptAddresses": [], ...limits };
  const { urls } = await startInProcess(t, settings, {});
  const portOf = (protocol: string) => Number(urls.find((url) => url.protocol === protocol)?.port);
  return { ca, tcpPort: portOf("tls:"), httpPort: portOf("wss:") };
}

type Server = Awaited<ReturnType<typeof start>>;

/** Somebody on a native gateway, over TLS: what it says, and all that it has heard. */
class SecurePeer {
  heard = "";
  readonly say: (message: object) => void;
  readonly leave: () => void;

  private constructor(say: (text: string) => void, leave: () => void) {
    this.say = (message) => say(JSON.stringify(message));
    this.leave = leave;
  }

  static async overTcp({ tcpPort, ca }: Server): Promise<SecurePeer> {
    const socket: TLSSocket = connectTls({ host, port: tcpPort, ca });
    const peer = new SecurePeer(
      (text) => socket.write(encodeFrame(Buffer.from(text))),
      () => socket.destroy(),
    );
    socket
      .on("error", () => {})
      .on("data", (chunk) => {
        peer.heard += chunk;
      });
    await once(socket, "secureConnect");
    return peer;
  }

  static async overWebSocket({ httpPort, ca }: Server): Promise<SecurePeer> {
    const socket = new WebSocket(`wss://${host}:${httpPort}/v1/ws`, "parley.v1", { ca });
    const peer = new SecurePeer(
      (text) => socket.send(text),
      () => socket.terminate(),
    );
    socket
      .on("error", () => {})
      .on("message", (data) => {
        peer.heard += data;
      });
    await once(socket, "open");
    return peer;
  }

  async hears(words: string): Promise<void> {
    await until(words, () => this.heard.includes(words));
  }

  async login(user: string): Promise<this> {
    this.say({ op: "hello", user });
    await this.hears('"op":"welcome"');
    return this;
  }
}

/** Asks without keeping the connection; the answer is read as far as its headers. */
async function ask({ httpPort, ca }: Server, path: string, user?: string): Promise<IncomingMessage> {
  const headers = user === undefined ? {} : { Authorization: `Basic ${Buffer.from(`${user}:`).toString("base64")}` };
  const request = get({ host, port: httpPort, path, ca, agent: false, headers });
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  return answer.on("error", () => {});
}

describe("behind TLS", () => {
  it("a connection too many is told after the handshake, by every listener, and let in when others are gone", async (t) => {
    const server = await start(t, { "limits.address.connections": 2 });
    const one = await (await SecurePeer.overTcp(server)).login("one");
    const two = await (await SecurePeer.overWebSocket(server)).login("two");

    const refused = await SecurePeer.overTcp(server);
    await refused.hears('"code":"too_many"');
    assert.match(refused.heard, /"retryAfter":5000,"reconnect":true/);
    refused.leave();
    const answer = await ask(server, "/v1/users", "three");
    assert.deepEqual([answer.statusCode, answer.headers["retry-after"]], [429, "5"]);
    answer.destroy();
    const socket = new WebSocket(`wss://${host}:${server.httpPort}/v1/ws`, "parley.v1", { ca: server.ca });
    socket.on("error", () => {});
    const [, upgrade] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
    assert.equal(upgrade.statusCode, 429);
    upgrade.destroy();

    one.leave();
    two.leave();
    let isIn = false;
    for (let tries = 0; !isIn && tries < 100; tries++) {
      const peer = await SecurePeer.overTcp(server);
      peer.say({ op: "hello", user: "late" });
      await until("an answer", () => peer.heard !== "");
      isIn = peer.heard.includes('"op":"welcome"');
      peer.leave();
    }
    assert.ok(isIn, "there was a place again");
  });

  it("a connection that does not begin the handshake counts", async (t) => {
    const server = await start(t, { "limits.address.connections": 1 });
    const silent = connect(server.tcpPort, host);
    await once(silent, "connect");
    const refused = await SecurePeer.overTcp(server);
    await refused.hears('"code":"too_many"');
    refused.leave();
    silent.destroy();
  });

  it("who is logged in is no stranger: over TCP, over WebSocket, and on a stream of the HTTP API", async (t) => {
    const server = await start(t, { "limits.address.unauthenticated": 1 });
    const alice = await (await SecurePeer.overTcp(server)).login("alice");
    const bob = await (await SecurePeer.overWebSocket(server)).login("bob");
    const stream = await ask(server, "/v1/stream", "carol");
    assert.equal(stream.statusCode, 200);
    const stranger = await SecurePeer.overTcp(server);
    const refused = await ask(server, "/v1/users", "dave");
    assert.equal(refused.statusCode, 429);
    for (const answer of [stream, refused]) answer.destroy();
    for (const peer of [alice, bob, stranger]) peer.leave();
  });

  for (const carrier of ["overTcp", "overWebSocket"] as const)
    it(`a connection keeps to its rates (${carrier})`, async (t) => {
      const server = await start(t, { "limits.connection.messagesPerSecond": 2 });
      const alice = await (await SecurePeer[carrier](server)).login("alice");
      for (let i = 0; i < 20; i++) alice.say({ op: "send", to: "alice", body: `${i}`, ref: `${i}` });
      await alice.hears('"code":"rate_limited"');
      alice.leave();
    });
});
