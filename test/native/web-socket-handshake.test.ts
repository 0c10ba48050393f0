/** The WebSocket handshake (PROTOCOL.md, "WebSocket"; RFC 6455, section 4): path, subprotocol, version, origin. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { startNativeServer } from "./native-server.ts";
import { Peer } from "./peer.ts";
import { type Handshake, shakeHands } from "./web-socket-link.ts";

const origin = (value: string): Handshake => ({ headers: { Origin: value } });
const offer = (value: string): Handshake => ({ headers: { "Sec-WebSocket-Protocol": value } });

const accepted: readonly [string, Handshake, subprotocol: string | undefined][] = [
  ["no subprotocol", {}, undefined],
  ["parley.v1", offer("parley.v1"), "parley.v1"],
  ["parley.v1 among others", offer("chat, parley.v1 ,parley.v2"), "parley.v1"],
  ["a query", { path: "/v1/ws?from=here" }, undefined],
  ["compression, which is not taken", { headers: { "Sec-WebSocket-Extensions": "permessage-deflate" } }, undefined],
  ["a page on localhost", origin("http://localhost:3000"), undefined],
  ["a page on 127.0.0.1", origin("https://127.0.0.1"), undefined],
  ["a page on [::1]", origin("http://[::1]:8080"), undefined],
  ["a page that is allowed", origin("https://chat.example"), undefined],
];

const refused: readonly [string, Handshake, status: number][] = [
  ["another subprotocol only", offer("parley.v2"), 400],
  ["another spelling of the subprotocol", offer("Parley.v1"), 400],
  ["an empty offer", offer(""), 400],
  ["another path", { path: "/v1/ws/" }, 404],
  ["the root", { path: "/" }, 404],
  ["a path with a trick in it", { path: "/__proto__" }, 404],
  ["a page elsewhere", origin("https://evil.example"), 403],
  ["a page without an origin", origin("null"), 403],
  ["a host that begins like localhost", origin("http://localhost.evil.example"), 403],
  ["a host behind a user name", origin("http://localhost:80@evil.example"), 403],
  ["the allowed origin with another scheme", origin("http://chat.example"), 403],
  ["the allowed origin with a path", origin("https://chat.example/"), 403],
  ["no key", { headers: { "Sec-WebSocket-Key": undefined } }, 400],
  ["a key of another length", { headers: { "Sec-WebSocket-Key": "c2hvcnQ=" } }, 400],
  ["an old version", { headers: { "Sec-WebSocket-Version": "12" } }, 400],
  ["POST", { method: "POST" }, 405],
];

describe("WebSocket handshake", () => {
  for (const [what, handshake, subprotocol] of accepted) {
    it(`accepts ${what}`, async (t) => {
      const server = await startNativeServer(t, { "http.origins": ["https://chat.example"] });
      const { socket, status, headers } = await shakeHands(server.webSocketPort, handshake);
      assert.equal(status, 101);
      assert.equal(headers.get("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
      assert.equal(headers.get("sec-websocket-protocol"), subprotocol);
      assert.equal(headers.has("sec-websocket-extensions"), false);
      socket.destroy();
    });
  }

  for (const [what, handshake, status] of refused) {
    it(`refuses ${what} with ${status} and lets go of the connection`, async (t) => {
      const server = await startNativeServer(t, { "http.origins": ["https://chat.example"] });
      const answer = await shakeHands(server.webSocketPort, handshake);
      assert.equal(answer.status, status);
      // Our side stays open: the server must not wait for it.
      answer.socket.resume();
      await once(answer.socket, "end");
      const other = await Peer.webSocket(server, {});
      await other.hello({ user: "alice" });
      answer.socket.destroy();
    });
  }

  it("carries frames that come right behind it", async (t) => {
    const server = await startNativeServer(t);
    const peer = await Peer.webSocket(server, { headers: { "Sec-WebSocket-Protocol": undefined } });
    await peer.hello({ user: "alice" });
    await peer.expect("live");
  });

  it("is told to whoever asks by plain HTTP", async (t) => {
    const { webSocketPort } = await startNativeServer(t);
    const root = await fetch(`http://127.0.0.1:${webSocketPort}/`);
    assert.equal(root.status, 200);
    assert.match(await root.text(), new RegExp(`ws://127\\.0\\.0\\.1:${webSocketPort}/v1/ws`));
    const elsewhere = await fetch(`http://127.0.0.1:${webSocketPort}/v1/ws`);
    assert.equal(elsewhere.status, 404);
    await elsewhere.text();
  });
});
