/** What is said in the chat, in both forms, in whatever pieces it comes: points 1 to 3 and the forms of point 4. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RawSession } from "../../support/raw-session.ts";
import { ChatPeer, chat, command, frame, said, system } from "./chat-peer.ts";
import { startChatServer } from "./chat-server.ts";

describe("a line", () => {
  it("reaches everybody else, and not who said it", async (t) => {
    const { port } = await startChatServer(t);
    const [a, b, c] = [await ChatPeer.guest(port), await ChatPeer.guest(port), await ChatPeer.guest(port)];
    a.send(chat("hello"), chat("again", "somebody else"));
    for (const peer of [b, c]) await peer.expect(said("guest-1", "hello"), said("guest-1", "again"));
    b.send(chat("hi"));
    await a.expect(said("guest-2", "hi"));
    await c.expect(said("guest-2", "hi"));
    for (const peer of [a, b, c]) await peer.hasNothing();
  });

  it("reaches a connection that has not said anything, as a structured payload", async (t) => {
    const { port } = await startChatServer(t);
    const silent = await ChatPeer.connect(port);
    const speaker = await ChatPeer.guest(port);
    while (!(await list(speaker)).includes("guest-")) await new Promise(setImmediate);
    speaker.send(chat("hello"));
    assert.deepEqual(JSON.parse(await silent.next()).text, "hello");
  });

  it("is what it is, in whatever characters", async (t) => {
    const { port } = await startChatServer(t);
    const [a, b] = [await ChatPeer.guest(port), await ChatPeer.guest(port, "/list")];
    for (const text of ["é 漢字 🎉", 'a "quote" \\ {"type":"chat"}', "two\nlines\r\n", "\u0000", "", "/rename eve"]) {
      a.send(chat(text));
      await b.expect(`guest-1: ${text}`);
      if (text.startsWith("/") || text === "") continue;
      b.send(text);
      await a.expect(said("guest-2", text));
    }
  });

  it("is a chat line where it is JSON of no known shape, and text where it is no JSON", async (t) => {
    const { port } = await startChatServer(t);
    const [a, b] = [await ChatPeer.guest(port), await ChatPeer.guest(port)];
    const odd = [
      '{"type":"chat","username":"x"}',
      '{"type":"chat","username":"x","text":5}',
      '{"type":"dance","text":"x"}',
      '{"type":"command"}',
      "{}",
      "[1]",
      "null",
      '"text"',
      "{broken",
      "/",
      "/ slash",
      " /list",
    ];
    a.send(...odd);
    await b.expect(...odd.map((text) => said("guest-1", text)));
    a.send('{"type":"chat","text":"without a username"}', ' \n{"type":"chat","username":null,"text":"with spaces"}');
    await b.expect(said("guest-1", "without a username"), said("guest-1", "with spaces"));
  });

  it("with half of a surrogate pair is refused", async (t) => {
    const { port } = await startChatServer(t);
    const a = await ChatPeer.guest(port);
    a.send('{"type":"chat","username":"x","text":"\\ud800"}');
    await a.expect(system("the text has half of a surrogate pair in it"));
    await a.hasNothing();
  });
});

async function list(peer: ChatPeer): Promise<string> {
  peer.send(command("list"));
  return JSON.parse(await peer.next()).text;
}

describe("frames", () => {
  const texts = ["é 漢字 🎉", "second", "third"];
  const stream = Buffer.concat(texts.map((text) => frame(chat(text))));

  it("may come split at any byte", async (t) => {
    const { port } = await startChatServer(t);
    const listener = await ChatPeer.guest(port);
    const name = "guest-2";
    const speaker = await ChatPeer.guest(port);
    for (let at = 1; at < stream.length; at++) {
      speaker.write(stream.subarray(0, at));
      await new Promise(setImmediate);
      speaker.write(stream.subarray(at));
      await listener.expect(...texts.map((text) => said(name, text)));
    }
  });

  it("may come byte by byte", async (t) => {
    const { port } = await startChatServer(t);
    const [listener, speaker] = [await ChatPeer.guest(port), await ChatPeer.guest(port)];
    for (const byte of stream) {
      speaker.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    await listener.expect(...texts.map((text) => said("guest-2", text)));
  });

  it("may come many in one segment, from the first moment on", async (t) => {
    const { port } = await startChatServer(t);
    const listener = await ChatPeer.guest(port);
    const speaker = await ChatPeer.connect(port);
    const many = Array.from({ length: 2000 }, (_, n) => `line ${n}`);
    speaker.send(command("/rename", "imran"), ...many.map((text) => chat(text)));
    await listener.expect(system("guest-2 is now imran"), ...many.map((text) => said("imran", text)));
  });

  it("are carried out where the peer has gone before anything was", async (t) => {
    const { port } = await startChatServer(t, { engine: "level" });
    const listener = await ChatPeer.guest(port);
    const speaker = await ChatPeer.connect(port);
    speaker.send(command("/rename", "imran"), chat("and bye"));
    speaker.socket.end();
    await listener.expect(system("guest-2 is now imran"), said("imran", "and bye"));
    while ((await list(listener)) !== "nobody else is here") await new Promise(setImmediate);
  });
});

describe("the form of the first frame", () => {
  it("is the form of all answers", async (t) => {
    const { port } = await startChatServer(t);
    const structured = await ChatPeer.guest(port);
    const plain = await ChatPeer.guest(port, "/list");
    structured.send("plain, but too late");
    await plain.expect("guest-1: plain, but too late");
    plain.send(chat("structured, but too late"), "/list", "/dance");
    await structured.expect(said("guest-2", "structured, but too late"));
    await plain.expect("server: guest-1", "server: unknown command: there are /rename NAME, /list and /msg NAME text");
    structured.send("/list");
    await structured.expect(system("guest-2"));
  });

  it("is plain where it is JSON of no known shape", async (t) => {
    const { port } = await startChatServer(t);
    const peer = await ChatPeer.connect(port);
    peer.send("{}", "/list");
    await peer.expect("server: nobody else is here");
  });
});

describe("what others send", () => {
  it("comes with its room, and its encoding where it is binary; to everybody like all others", async (t) => {
    const { port, nativePort } = await startChatServer(t);
    const [imran, plain] = [await ChatPeer.named(port, "imran"), await ChatPeer.connect(port)];
    plain.send("/rename paula");
    await plain.until("server: you are now paula");
    await imran.expect(system("guest-2 is now paula"));
    const native = await RawSession.login(nativePort, "Nadia");
    for (const user of ["imran", "paula"]) {
      const other = await RawSession.login(nativePort, user);
      other.send({ op: "join", room: "#Team" });
      await other.next("ok");
      other.close();
    }
    for (const room of ["#team", "#lobby"]) {
      native.send({ op: "join", room });
      await native.next("ok");
    }
    native.send({ op: "send", to: "#team", body: "team" });
    native.send({ op: "send", to: "#LOBBY", body: "lobby" });
    native.send({ op: "send", to: "*", body: "all" });
    native.send({ op: "send", to: "imran", body: "AAEC", encoding: "base64" });
    native.send({ op: "send", to: "paula", body: "AAEC", encoding: "base64" });
    await imran.expect(
      said("Nadia", "team", { room: "#Team" }),
      said("Nadia", "lobby"),
      said("Nadia", "all"),
      said("Nadia", "AAEC", { private: true, encoding: "base64" }),
    );
    await plain.expect("Nadia: team", "Nadia: lobby", "Nadia: all", "Nadia: AAEC");
    imran.send(chat("from here"), command("msg", "nadia privately"));
    for (const [log, body] of [
      ["#lobby", "from here"],
      ["nadia", "privately"],
    ]) {
      const message = await native.next("message");
      assert.deepEqual([message.log, message.from, message.body], [log, "imran", body]);
    }
  });
});
