/** Frames over TCP, byte by byte (PROTOCOL.md, "Carriers"): split, merged, empty, too long, not UTF-8, cut off. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { tcp } from "./carriers.ts";
import { type NativeServer, startNativeServer } from "./native-server.ts";
import { Peer } from "./peer.ts";
import { tcpFrame } from "./tcp-link.ts";

/** Lets the server, which lives in this process, read what was written. */
async function readByServer(): Promise<void> {
  await setImmediate();
  await setImmediate();
}

async function alice(t: TestContext, maxFrameBytes = 1024): Promise<{ server: NativeServer; peer: Peer }> {
  const server = await startNativeServer(t, { "limits.maxFrameBytes": maxFrameBytes });
  return { server, peer: await Peer.login(tcp, server, "alice", { device: "d" }) };
}

describe("TCP frames", () => {
  it("are the bytes that the page shows", async (t) => {
    const peer = await Peer.connect(tcp, await startNativeServer(t));
    peer.link.write(Buffer.from("0000000d7b226f70223a2270696e67227d", "hex"));
    await peer.expect("pong");
  });

  it("may be split at every byte", async (t) => {
    const { peer } = await alice(t);
    const frame = tcpFrame('{"op":"ping","ref":"é"}');
    for (let at = 1; at < frame.length; at++) {
      peer.link.write(frame.subarray(0, at));
      await readByServer();
      peer.link.write(frame.subarray(at));
      await peer.expect("pong", { ref: "é" });
    }
  });

  it("may come one byte at a time, and cut across their ends", async (t) => {
    const { peer } = await alice(t);
    const stream = Buffer.concat([1, 2, 3].map((n) => tcpFrame(`{"op":"ping","ref":"${n}"}`)));
    for (const step of [1, 3, 5, 7, stream.length - 1]) {
      for (let at = 0; at < stream.length; at += step) {
        peer.link.write(stream.subarray(at, at + step));
        await readByServer();
      }
      for (const n of [1, 2, 3]) await peer.expect("pong", { ref: `${n}` });
    }
  });

  it("may come many at once and are carried out in order", async (t) => {
    const { peer } = await alice(t);
    const refs = Array.from({ length: 2000 }, (_, n) => `${n}`);
    peer.send(...refs.map((ref) => ({ op: "ping", ref })));
    for (const ref of refs) await peer.expect("pong", { ref });
  });

  it("of length 0 are bad_frame, which ends the connection; what came before is done, what comes after is not", async (t) => {
    const { server, peer } = await alice(t);
    const send = (body: string) => tcpFrame(JSON.stringify({ op: "send", to: "alice", body }));
    peer.link.write(Buffer.concat([send("before"), tcpFrame(""), send("after")]));
    await peer.expect("error", { code: "bad_frame", reconnect: false });
    await peer.endsBy("bad_frame");
    const again = await Peer.connect(tcp, server);
    await again.hello({ user: "alice", device: "d" });
    await again.expectBodies("before");
    await again.expect("live");
  });

  for (const length of [1025, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
    it(`of length ${length} are frame_too_large as soon as the length is there, and nothing is set aside for them`, async (t) => {
      const { peer } = await alice(t);
      const before = process.memoryUsage().arrayBuffers;
      peer.link.write(tcpFrame("", length));
      await peer.expect("error", { code: "frame_too_large", reconnect: false });
      assert.ok(process.memoryUsage().arrayBuffers - before < 8 * 1024 * 1024);
      await peer.endsBy("frame_too_large");
    });
  }

  it("of exactly the longest length are taken", async (t) => {
    const { peer } = await alice(t);
    const ping = `{"op":"ping","pad":"${"x".repeat(1024 - 22)}"}`;
    assert.equal(ping.length, 1024);
    peer.sendTexts(ping);
    await peer.expect("pong");
  });

  it("that are not UTF-8 are bad_utf8, which ends the connection after what came before was answered", async (t) => {
    for (const bytes of ["ff", "c3", "c080", "eda080", "f8888080", "f4908080"]) {
      const { peer } = await alice(t);
      const text = Buffer.from('{"op":"ping","pad":"?"}');
      const at = text.indexOf("?");
      const broken = Buffer.concat([text.subarray(0, at), Buffer.from(bytes, "hex"), text.subarray(at + 1)]);
      peer.sendTexts('{"op":"ping","ref":"before"}', broken, '{"op":"ping","ref":"after"}');
      await peer.expect("pong", { ref: "before" });
      await peer.expect("error", { code: "bad_utf8", reconnect: false });
      await peer.endsBy("bad_utf8");
    }
  });

  it("that go on after the fault do not take the answer away", async (t) => {
    const { peer } = await alice(t);
    peer.link.write(Buffer.concat([tcpFrame("", 0xffff_ffff), Buffer.alloc(4 * 1024 * 1024)]));
    await peer.expect("error", { code: "frame_too_large" });
    await peer.endsBy("frame_too_large");
  });

  it("that are cut off in the middle are dropped with the connection, and nobody else notices", async (t) => {
    const { server, peer } = await alice(t);
    const other = await Peer.login(tcp, server, "bob");
    await other.ask({ op: "watch", users: ["alice"] }, "ok");
    await other.untilPresence("alice", true);
    peer.link.write(tcpFrame('{"op":"send","to":"bob","body":"half"}').subarray(0, 20));
    await readByServer();
    await peer.cut();
    await other.untilPresence("alice", false);
    await other.silence();
  });
});
