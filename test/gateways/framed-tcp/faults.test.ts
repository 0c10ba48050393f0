/** Streams that cannot be read, peers that vanish, and peers that do not read: points 7 and 8. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ChatPeer, chat, command, frame, said, system } from "./chat-peer.ts";
import { startChatServer } from "./chat-server.ts";

const endings = {
  empty: { bytes: frame("", 0), reason: "a frame of length 0: the connection is closed" },
  long: {
    bytes: frame("never sent", 1025),
    reason: "a frame longer than 1024 bytes: the connection is closed",
  },
  huge: {
    bytes: frame("", 0xffff_ffff),
    reason: "a frame longer than 1024 bytes: the connection is closed",
  },
  binary: {
    bytes: frame(Uint8Array.of(0x68, 0x69, 0xff)),
    reason: "a frame that is not UTF-8: the connection is closed",
  },
};

describe("a stream that cannot be read", () => {
  for (const [kind, { bytes, reason }] of Object.entries(endings)) {
    it(`is told so and closed, what came before is said: ${kind}`, async (t) => {
      const { port } = await startChatServer(t, { engine: "level", "framedTcp.maxFrameBytes": 1024 });
      const listener = await ChatPeer.guest(port);
      const peer = await ChatPeer.connect(port);
      const whole = [command("/rename", "imran"), chat("before")].map((payload) => frame(payload));
      peer.write(Buffer.concat([...whole, bytes, frame(chat("after"))]));
      await peer.expect(system("you are now imran"), system(reason));
      await peer.untilEnded();
      assert.deepEqual(peer.take(), []);
      await listener.expect(system("guest-2 is now imran"), said("imran", "before"));
      await listener.hasNothing();
    });
  }

  it("is told in plain text where the first frame was plain", async (t) => {
    const { port } = await startChatServer(t);
    const peer = await ChatPeer.guest(port, "/list");
    peer.write(frame("", 0));
    await peer.expect(`server: ${endings.empty.reason}`);
    await peer.untilEnded();
  });

  it("is one with frames above the limit only", async (t) => {
    const { port } = await startChatServer(t);
    const [listener, peer] = [await ChatPeer.guest(port), await ChatPeer.guest(port, "/list")];
    const longest = "x".repeat(1024 * 1024);
    peer.send(longest);
    await listener.expect(said("guest-2", longest));
    peer.write(frame("x", 1024 * 1024 + 1));
    await peer.expect("server: a frame longer than 1048576 bytes: the connection is closed");
  });

  it("costs no memory for what it announces", async (t) => {
    const { port } = await startChatServer(t);
    const peers = await Promise.all(Array.from({ length: 200 }, () => ChatPeer.connect(port)));
    const before = process.memoryUsage().arrayBuffers;
    for (const peer of peers) peer.write(frame("x", 1024 * 1024));
    const after = await ChatPeer.guest(port);
    after.send(command("/list"));
    await after.next();
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 50e6, `${grown} bytes for 200 frames that were announced and not sent`);
  });
});

describe("a peer that vanishes", () => {
  it("in the middle of a frame disturbs nobody", async (t) => {
    const { port } = await startChatServer(t);
    const [a, b] = [await ChatPeer.guest(port), await ChatPeer.guest(port)];
    for (let cutAt = 1; cutAt < 12; cutAt++) {
      const dying = await ChatPeer.guest(port);
      dying.write(frame(chat("never")).subarray(0, cutAt));
      await dying.cut();
      a.send(chat(`still here ${cutAt}`));
      await b.expect(said("guest-1", `still here ${cutAt}`));
    }
    for (const peer of [a, b]) await peer.hasNothing();
  });

  it("before it was somebody disturbs nobody", async (t) => {
    const { port } = await startChatServer(t, { engine: "level" });
    const listener = await ChatPeer.guest(port);
    for (let n = 0; n < 30; n++) {
      const peer = await ChatPeer.connect(port);
      if (n % 2) await peer.cut();
      else peer.socket.end();
    }
    for (let names = ""; names !== "nobody else is here"; ) {
      listener.send("/list");
      names = JSON.parse(await listener.next()).text;
    }
  });

  it("while it is renamed lets the name go", async (t) => {
    const { port } = await startChatServer(t, { engine: "level" });
    for (let n = 0; n < 20; n++) {
      const peer = await ChatPeer.guest(port);
      peer.send(command("/rename", "wanted"));
      if (n % 2) await new Promise(setImmediate);
      await peer.cut();
    }
    const next = await ChatPeer.guest(port);
    for (let answer = ""; answer !== system("you are now wanted"); ) {
      next.send(command("/rename", "wanted"));
      answer = await next.next();
    }
  });
});

describe("a receiver that never reads", () => {
  const line = "x".repeat(20_000);
  const lines = 600;
  const numbered = (n: number) => `${n} ${line}`;

  it("delays nobody, and gets everything when it reads", { timeout: 20_000 }, async (t) => {
    const { port } = await startChatServer(t);
    const [speaker, reader, sleeper] = [
      await ChatPeer.guest(port),
      await ChatPeer.guest(port),
      await ChatPeer.guest(port),
    ];
    sleeper.socket.pause();
    for (let n = 0; n < lines; n++) {
      speaker.send(chat(numbered(n)));
      await reader.expect(said("guest-1", numbered(n)));
    }
    sleeper.socket.resume();
    for (let n = 0; n < lines; n++) assert.equal(await sleeper.next(), said("guest-1", numbered(n)));
  });

  it("may have asked for a new name: it has it when it has read, and misses nothing", {
    timeout: 20_000,
  }, async (t) => {
    const { port } = await startChatServer(t);
    const [speaker, reader, sleeper] = [
      await ChatPeer.guest(port),
      await ChatPeer.guest(port),
      await ChatPeer.guest(port),
    ];
    sleeper.socket.pause();
    for (let n = 0; n < lines; n++) {
      if (n === lines - 10) sleeper.send(command("/rename", "imran"), chat("awake"));
      speaker.send(chat(numbered(n)), command("/msg", `guest-3 ${n}`));
      await reader.expect(said("guest-1", numbered(n)));
    }
    reader.send(command("/rename", "imran"));
    await reader.expect(system("the name imran is taken"));
    sleeper.socket.resume();
    const came: string[] = [];
    while (came.length < lines * 2 + 1) came.push(await sleeper.next());
    const public_ = came.filter((text) => !text.includes('"private"') && text.includes('"chat"'));
    assert.deepEqual(
      public_,
      Array.from({ length: lines }, (_, n) => said("guest-1", numbered(n))),
    );
    const private_ = came.filter((text) => text.includes('"private"'));
    assert.deepEqual(
      private_,
      Array.from({ length: lines }, (_, n) => said("guest-1", String(n), { private: true })),
    );
    assert.equal(came.at(-1), system("you are now imran"));
    await reader.expect(system("guest-3 is now imran"), said("imran", "awake"));
  });
});

describe("a thousand guests", () => {
  it("all get what each says, in one order", { timeout: 60_000 }, async (t) => {
    const { port } = await startChatServer(t, { engine: "level" });
    const peers: ChatPeer[] = [];
    while (peers.length < 1000)
      peers.push(...(await Promise.all(Array.from({ length: 100 }, () => ChatPeer.guest(port)))));
    const began = performance.now();
    for (const [n, peer] of peers.slice(0, 20).entries()) peer.send(chat(`line ${n}`));
    const heard = await Promise.all(
      peers.slice(20).map(async (peer) => {
        const lines: string[] = [];
        while (lines.length < 20) lines.push(await peer.next(20_000));
        return lines;
      }),
    );
    t.diagnostic(`20 lines to 1000 guests in ${Math.round(performance.now() - began)} ms`);
    const [first] = heard;
    assert.equal(new Set(first).size, 20);
    for (const lines of heard) assert.deepEqual(lines, first);
  });
});
