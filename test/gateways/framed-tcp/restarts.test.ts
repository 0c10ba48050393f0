/** What becomes of the chat when the server is taken away in the middle of it: point 8, over `kill -9`. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { freePorts } from "../../support/free-ports.ts";
import { RawSession } from "../../support/raw-session.ts";
import { startServer } from "../../support/server-process.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { ChatPeer, chat, command, said, system } from "./chat-peer.ts";

async function restartable(t: TestContext) {
  const [wsPort = 0, tcpPort = 0, port = 0] = await freePorts(3);
  const env = { PARLEY_FRAMED_TCP_PORT: String(port) };
  const options = { dataDir: temporaryDirectory(t), wsPort, tcpPort, gateways: "framed-tcp,native-tcp", env };
  let server = await startServer(options);
  t.after(() => server.kill());
  return {
    port,
    nativePort: tcpPort,
    kill: () => server.kill("SIGKILL"),
    stop: () => server.stop(),
    start: async () => {
      server = await startServer(options);
    },
  };
}

const texts = (payloads: readonly string[]) =>
  payloads.filter((payload) => payload.includes('"chat"')).map((payload) => JSON.parse(payload).text as string);

describe("a server that is killed in the middle of a broadcast", () => {
  it("loses nothing that anybody was given: all who were in the room get it when they are back", async (t) => {
    const server = await restartable(t);
    const names = ["ann", "bob", "cem", "dot", "eve"];
    const peers = await Promise.all(names.map((name) => ChatPeer.named(server.port, name)));
    const [absent, ...present] = peers;
    assert.ok(absent);
    absent.socket.end();
    const speaker = await ChatPeer.named(server.port, "speaker");
    let n = 0;
    let going = true;
    const talking = (async () => {
      while (going) {
        speaker.send(...Array.from({ length: 20 }, () => chat(String(n++))));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    await present[0]?.until(said("speaker", "500"));
    await server.kill();
    going = false;
    await talking;
    const before = new Map(present.map((peer, i) => [names[i + 1], texts(peer.take())]));
    const last = Math.max(...[...before.values()].map((lines) => Number(lines.at(-1) ?? 0)), 500);
    await server.start();
    for (const name of names) {
      const peer = await ChatPeer.named(server.port, name);
      peer.send(command("/msg", `${name} end`));
      const came: string[] = [];
      // What is private may overtake the room.
      while (!came.some((text) => text === "end") || Number(came.filter((text) => text !== "end").at(-1) ?? -1) < last)
        came.push(...texts([await peer.next()]));
      const lines = came.filter((text) => text !== "end").map(Number);
      const first = lines[0] ?? 0;
      assert.deepEqual(
        lines,
        Array.from({ length: lines.length }, (_, i) => first + i),
        `${name}: in order, no gap`,
      );
      const had = name === "ann" ? -1 : Number(before.get(name)?.at(-1) ?? 500);
      assert.ok(first <= had + 1, `${name} had ${had} and went on with ${first}`);
      peer.socket.end();
    }
  });

  it("keeps the private messages and the names that were given, and brings no guests back", async (t) => {
    const server = await restartable(t);
    const [imran, guest] = [await ChatPeer.named(server.port, "imran"), await ChatPeer.guest(server.port)];
    imran.socket.end();
    await imran.untilEnded();
    let answer = "";
    while (answer !== system("imran is offline and will get it on return")) {
      guest.send(command("/msg", "imran kept"));
      await new Promise(setImmediate);
      answer = guest.take().at(-1) ?? "";
    }
    await server.kill();
    await server.start();
    const back = await ChatPeer.guest(server.port);
    back.send(chat("hello"), command("/list"));
    await back.expect(system("nobody else is here"));
    const native = await RawSession.login(server.nativePort, "nadia");
    native.send({ op: "users", room: "#lobby" });
    const members = (await native.next("presence")).users.map(({ user }) => user);
    assert.deepEqual(members, ["guest-3", "imran"]);
    back.send(command("/rename", "imran"));
    await back.expect(system("you are now imran"), said("guest-2", "kept", { private: true }));
  });
});

describe("a server that ends in good order", () => {
  it("says so", async (t) => {
    const server = await restartable(t);
    const [structured, plain] = [await ChatPeer.guest(server.port), await ChatPeer.guest(server.port, "/list")];
    await server.stop();
    await structured.expect(system("the server is going down"));
    await plain.expect("server: the server is going down");
    for (const peer of [structured, plain]) await peer.untilEnded();
  });
});
