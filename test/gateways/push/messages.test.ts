/** Messages: to every socket, stored before the answer, kept for who is away (docs/gateways/push.md, "Messages"). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createClient } from "@parley/client";
import { nodeTransport } from "@parley/client/node";
import { type Settings, startNativeServer } from "../../native/native-server.ts";
import { freePorts } from "../../support/free-ports.ts";
import { RawSession } from "../../support/raw-session.ts";
import { startServer } from "../../support/server-process.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { appToken, ask, PushSocket, sendMessage, socketToken } from "./push-client.ts";

const settings: Settings = { gateways: ["push", "native-tcp"] };

describe("a message", { timeout: 20_000 }, () => {
  it("reaches every socket of the user as the bare content, and nobody else", async (t) => {
    const { webSocketPort: port } = await startNativeServer(t, settings);
    const sockets = await Promise.all(["u", "u", "U", "other"].map((name) => PushSocket.of(port, name)));
    const contents = ["hi there", "", '{"json": [1, "é"]}', "漢字 🎉\u0000\r\n", "x".repeat(100_000)];
    for (const content of contents) {
      const { status, body, headers } = await sendMessage(port, "u", content);
      assert.deepEqual([status, body], [200, '{"status": "ok"}']);
      assert.equal(headers["content-type"], "application/json; charset=utf-8");
    }
    const other = sockets.pop();
    for (const socket of sockets) assert.deepEqual(await socket.take(contents.length), contents);
    await other?.echo("nothing");
    assert.deepEqual(other?.received, []);
  });

  it("may come as curl sends it, or with any type, or with none", async (t) => {
    const { webSocketPort: port } = await startNativeServer(t, settings);
    const socket = await PushSocket.of(port, "test-user");
    const body = '{"username":"test-user","content":"hi there","more":1}';
    const types = [
      "application/x-www-form-urlencoded",
      "text/plain",
      "application/json",
      "multipart/form-data",
      "?",
      "",
    ];
    for (const type of types) {
      const { status } = await ask(port, "/message", { headers: { "content-type": type }, body });
      assert.equal(status, 200, type);
      assert.equal(await socket.next(), "hi there");
    }
    assert.equal((await ask(port, "/message", { body })).status, 200);
  });

  it("is refused with what was wrong, and then nobody hears of it", async (t) => {
    const limits = { "limits.maxBodyBytes": 1000, "limits.maxFrameBytes": 4000 };
    const { webSocketPort: port } = await startNativeServer(t, { ...settings, ...limits });
    const socket = await PushSocket.of(port, "u");
    const shape = '400: expected {"username": "name", "content": "text"}';
    const refused: readonly [body: string, status: number, answer: string | RegExp][] = [
      ["", 400, "400: the body is not JSON"],
      ["username=u&content=x", 400, "400: the body is not JSON"],
      ['{"username":"u","content":"x"', 400, "400: the body is not JSON"],
      ['{"username":"u","content":"x"}}', 400, "400: the body is not JSON"],
      ["5", 400, "400: the body is not a JSON object"],
      ['["u","x"]', 400, shape],
      ['{"username":"u"}', 400, shape],
      ['{"content":"x"}', 400, shape],
      ['{"username":"u","content":null}', 400, shape],
      ['{"username":"u","content":{"a":1}}', 400, shape],
      ['{"username":["u"],"content":"x"}', 400, shape],
      ['{"username":"u","content":"\\ud800"}', 400, shape],
      ['{"username":"a b","content":"x"}', 400, /^400: a user name has only/],
      ['{"username":"","content":"x"}', 400, /^400: a user name has 1 to 64/],
      ['{"username":"server","content":"x"}', 403, "403: the name server is the server's own"],
      ['{"username":"#none","content":"x"}', 404, "404: there is no room #none"],
      [`{"username":"u","content":"${"x".repeat(1001)}"}`, 413, "413: the body is longer than 1000 bytes"],
      [`{"username":"u","content":"${"x".repeat(5000)}"}`, 413, "413: Request body is too large"],
    ];
    for (const [body, status, sentence] of refused) {
      const answer = await ask(port, "/message", { body });
      assert.equal(answer.status, status, body);
      if (typeof sentence === "string") assert.equal(answer.body, sentence);
      else assert.match(answer.body, sentence);
    }
    const chunked = await ask(port, "/message", {
      headers: { "transfer-encoding": "chunked" },
      body: "x".repeat(9000),
    });
    assert.equal(chunked.status, 413);
    assert.equal((await sendMessage(port, "u", "x".repeat(1000))).status, 200);
    assert.equal(await socket.next(), "x".repeat(1000));
  });

  it("that is refused for its size is answered while it is still being sent", async (t) => {
    const { webSocketPort: port } = await startNativeServer(t, settings);
    const headings: Record<string, string>[] = [{}, { "transfer-encoding": "chunked" }];
    for (const headers of headings)
      assert.equal((await ask(port, "/message", { headers, body: Buffer.alloc(30_000_000, "x") })).status, 413);
  });

  it("waits for who is away, or has never been here, in order, and comes once", async (t) => {
    const { webSocketPort: port } = await startNativeServer(t, settings);
    for (const content of ["1", "2", "3"]) assert.equal((await sendMessage(port, "new", content)).status, 200);
    const first = await PushSocket.of(port, "new");
    assert.deepEqual(await first.take(3), ["1", "2", "3"]);
    await first.close();
    await sendMessage(port, "new", "4");
    const second = await PushSocket.of(port, "new");
    assert.equal(await second.next(), "4");
    await second.echo("no more");
    assert.deepEqual(second.received, []);
  });

  it("goes to a room whose member the token's user is, and to everybody", async (t) => {
    const { webSocketPort: port, tcpPort } = await startNativeServer(t, settings);
    for (const user of ["ann", "bob"]) {
      const session = await RawSession.login(tcpPort, user);
      session.send({ op: "join", room: "#team", ref: "1" });
      await session.next("ok");
      session.close();
      await session.ended();
    }
    const sockets = await Promise.all(["ann", "bob", "eve"].map((name) => PushSocket.of(port, name)));
    const [ann, , eve] = sockets as [PushSocket, PushSocket, PushSocket];
    const token = await appToken(port, "ann");
    assert.equal((await sendMessage(port, "#team", "to the team", token)).status, 200);
    for (const [name, outsider] of [
      ["push", undefined],
      ["eve", await appToken(port, "eve")],
    ] as const) {
      const refused = await sendMessage(port, "#team", name, outsider);
      assert.deepEqual([refused.status, refused.body], [403, "403: you are not a member of #team"]);
    }
    assert.equal((await sendMessage(port, "*", "to all", token)).status, 200);
    for (const socket of sockets.slice(0, 2)) assert.deepEqual(await socket.take(2), ["to the team", "to all"]);
    assert.equal(await eve.next(), "to all");
    await ann.echo("that was all");
  });

  it("is from the token's user, or from push, for who is connected otherwise; theirs come to sockets", async (t) => {
    const { webSocketPort: port, tcpPort } = await startNativeServer(t, settings);
    const socket = await PushSocket.of(port, "bob");
    const client = createClient({ url: `tcp://127.0.0.1:${tcpPort}`, user: "ann", transport: nodeTransport() });
    const heard: unknown[] = [];
    const two = Promise.withResolvers<void>();
    client.on("message", ({ from, to, body }) => heard.push([from, to, body.toString()]) === 2 && two.resolve());
    await client.connect();
    t.after(() => client.close());
    await sendMessage(port, "ann", "unsigned");
    await sendMessage(port, "ann", "signed", await appToken(port, "Bob"));
    await two.promise;
    assert.deepEqual(heard, [
      ["push", "ann", "unsigned"],
      ["bob", "ann", "signed"],
    ]);
    await client.send("bob", "text");
    await client.send("bob", Uint8Array.of(0, 1, 255));
    assert.deepEqual(await socket.take(2), ["text", "AAH/"]);
    await socket.echo("no copy of what bob sent");
  });

  it("leaves no copy with its sender", async (t) => {
    const { webSocketPort: port, tcpPort } = await startNativeServer(t, settings);
    const sender = await RawSession.login(tcpPort, "ann");
    await sendMessage(port, "bob", "from ann", await appToken(port, "ann"));
    await sendMessage(port, "ann", "the first");
    assert.equal((await sender.next("message")).body, "the first");
    sender.close();
  });

  it("is sent by nobody in the name of the server, or of a socket", async (t) => {
    const { webSocketPort: port } = await startNativeServer(t, settings);
    const token = await socketToken(port, await appToken(port, "u"));
    assert.equal((await sendMessage(port, "u", "x", token)).status, 403);
  });
});

describe("health", () => {
  it("is ok, and other ways of asking are not there", async (t) => {
    const { webSocketPort: port } = await startNativeServer(t, settings);
    const healthy = await ask(port, "/healthcheck", { method: "GET" });
    assert.deepEqual([healthy.status, healthy.body], [200, "ok"]);
    for (const [method, path] of [
      ["GET", "/token"],
      ["GET", "/message"],
      ["PUT", "/message"],
      ["GET", "/ws"],
      ["POST", "/message/"],
      ["POST", "/"],
    ] as const)
      assert.equal((await ask(port, path, { method })).status, 404, `${method} ${path}`);
  });

  it("is asked in vain where the gateway is off, or at another gateway's listener", async (t) => {
    const { webSocketPort: port } = await startNativeServer(t, { gateways: ["native-websocket"] });
    assert.equal((await ask(port, "/healthcheck", { method: "GET" })).status, 404);
    assert.equal((await ask(port, "/token", { body: '{"username":"u"}' })).status, 404);
    const other = await startNativeServer(t, { gateways: ["peer-json"], "peerJson.port": 0 });
    assert.equal((await ask(other.webSocketPort, "/message", {})).status, 404);
  });
});

describe("a server that is killed or restarted", { timeout: 30_000 }, () => {
  it("has what it has answered for, takes the tokens that it gave, and tells neither to its log", async (t) => {
    const [wsPort = 0, tcpPort = 0] = await freePorts(2);
    const dataDir = temporaryDirectory(t);
    const start = () => startServer({ dataDir, wsPort, tcpPort, gateways: "push,native-tcp" });
    let server = await start();
    t.after(() => server.kill());
    const output: string[] = [];
    const app = await appToken(wsPort, "u");
    const token = await socketToken(wsPort, app);
    assert.equal((await sendMessage(wsPort, "u", "content before kill", app)).status, 200);
    await server.kill("SIGKILL");
    output.push(server.stdout, server.stderr);

    server = await start();
    const socket = await PushSocket.open(wsPort, `?authorization=${token}`);
    assert.equal(await socket.next(), "content before kill");
    await socket.echo("it has left");
    await socket.close();
    assert.equal((await ask(wsPort, "/ws/token", { headers: { authorization: `${app}x` } })).status, 403);
    assert.equal((await sendMessage(wsPort, "u", "content before stop", app)).status, 200);
    await server.stop();
    output.push(server.stdout, server.stderr);

    server = await start();
    const back = await PushSocket.open(wsPort, `?authorization=${await socketToken(wsPort, app)}`);
    assert.equal(await back.next(), "content before stop");
    await back.close();
    await server.stop();
    output.push(server.stdout, server.stderr);
    for (const secret of [app, token, "content before"]) assert.ok(!output.join().includes(secret), output.join());
  });
});
