/**
 * Text that no gateway may take, and JSON that means harm (checklist, points 9 and 13): bytes that are not UTF-8, keys that
 * mean something to JavaScript, keys that come twice, nesting without an end. Said by every way in, raw.
 */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { encodeFrame } from "@parley/protocol";
import { gatewayNames } from "../../packages/server/src/settings.ts";
import { shakeHands } from "../native/web-socket-link.ts";
import { clientFrame, opcodes } from "../native/web-socket-wire.ts";
import { RawSession } from "../support/raw-session.ts";
import { type Settings, startInProcess } from "../support/server-in-process.ts";

const host = "127.0.0.1";
const reader = "reader";

type Say = (payload: Buffer) => void;

interface Raw {
  readonly name: string;
  /** Comes as somebody, and returns how something is said. */
  open(t: TestContext, port: (scheme: string, at?: number) => number): Promise<Say>;
  /** A message to `reader`, with `text` between quotes and `extra` before its first field. */
  message(text: string, extra?: string): string;
  readonly isJson: boolean;
}

async function tcp(t: TestContext, port: number): Promise<Socket> {
  const socket = connect({ port, host, noDelay: true });
  socket.on("error", () => socket.destroy()).resume();
  await once(socket, "connect");
  t.after(() => socket.destroy());
  return socket;
}

async function webSocket(t: TestContext, port: number, path: string): Promise<Socket> {
  const { socket, status } = await shakeHands(port, { path });
  assert.equal(status, 101);
  t.after(() => socket.destroy());
  return socket.resume();
}

const hello = Buffer.from(JSON.stringify({ op: "hello", user: "raw", device: "d" }));
const nativeMessage = (text: string, extra = "") =>
  `{${extra}"op":"send","copy":false,"to":"${reader}","body":"${text}"}`;
const deviceMessage = (text: string) => `send,${reader},${text}`;

/** In the order in which `gatewayNames` lists their listeners. */
const ways: readonly Raw[] = [
  {
    name: "native-websocket",
    isJson: true,
    open: async (t, port) => {
      const socket = await webSocket(t, port("http"), "/v1/ws");
      socket.write(clientFrame(hello));
      await once(socket, "data");
      return (payload) => socket.write(clientFrame(payload));
    },
    message: nativeMessage,
  },
  {
    name: "native-tcp",
    isJson: true,
    open: async (t, port) => {
      const socket = await tcp(t, port("tcp", 0));
      socket.write(encodeFrame(hello));
      await once(socket, "data");
      return (payload) => socket.write(encodeFrame(payload));
    },
    message: nativeMessage,
  },
  {
    name: "peer-json",
    isJson: true,
    open: async (t, port) => {
      const socket = await webSocket(t, port("ws", 0), "/");
      socket.write(clientFrame('{"login":"raw"}'));
      return (payload) => socket.write(clientFrame(payload));
    },
    message: (text, extra = "") => `{${extra}"from":"raw","to":"${reader}","msg":"${text}"}`,
  },
  {
    name: "push",
    isJson: true,
    open: async (t, port) => {
      const socket = await tcp(t, port("http"));
      return (payload) => {
        socket.write(`POST /message HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${payload.length}\r\n\r\n`);
        socket.write(payload);
      };
    },
    message: (text, extra = "") => `{${extra}"username":"${reader}","content":"${text}"}`,
  },
  {
    name: "framed-tcp",
    isJson: true,
    open: async (t, port) => {
      const socket = await tcp(t, port("tcp", 1));
      return (payload) => socket.write(encodeFrame(payload));
    },
    message: (text, extra = "") => `{${extra}"type":"command","cmd":"/msg","value":"${reader} ${text}"}`,
  },
  {
    name: "device-text",
    isJson: false,
    open: async (t, port) => {
      const socket = await webSocket(t, port("ws", 1), "/");
      return (payload) => socket.write(clientFrame(payload));
    },
    message: deviceMessage,
  },
  {
    name: "device-text, as bytes",
    isJson: false,
    open: async (t, port) => {
      const socket = await webSocket(t, port("ws", 1), "/");
      return (payload) => socket.write(clientFrame(payload, { opcode: opcodes.binary }));
    },
    message: deviceMessage,
  },
  {
    name: "udp-agent",
    isJson: true,
    open: async (t, port) => {
      const socket = createSocket("udp4").bind(0, host);
      await once(socket, "listening");
      t.after(() => socket.close());
      const send = (payload: Buffer) => socket.send(payload, port("udp", 0), host);
      const content = { sender_username: "raw", sender_port: socket.address().port };
      send(Buffer.from(JSON.stringify({ message_id: "log_in", message_content: content })));
      await once(socket, "message");
      return send;
    },
    message: (text, extra = "") =>
      `{${extra}"message_id":"send_message","message_content":` +
      `{${extra}"sender_username":"raw","receiver_username":"${reader}","message_text":"${text}"}}`,
  },
];

/** What the reader hears of what is said by `say`, up to a message that is sent afterwards by the native protocol. */
async function heard(t: TestContext, way: Raw, say: (say: Say) => void): Promise<Record<string, unknown>[]> {
  const settings: Settings = {
    gateways: [...gatewayNames],
    ...{ "http.port": 0, "nativeTcp.port": 0, "peerJson.port": 0, "framedTcp.port": 0, "deviceText.port": 0 },
    ...{ "udpAgent.port": 0, "udpAgent.discoveryPort": 0 },
  };
  const { urls } = await startInProcess(t, settings, {});
  const port = (scheme: string, at = 0) => {
    const found = urls.filter(({ protocol, pathname }) =>
      scheme === "http" ? pathname === "/v1/ws" : protocol === `${scheme}:` && (scheme !== "ws" || pathname === "/"),
    );
    return Number(found[at]?.port);
  };
  const session = await RawSession.login(port("tcp"), reader, { device: "d" });
  const before = await way.open(t, port);
  before(Buffer.from(way.message("before")));
  // It is somebody, and is heard.
  assert.equal((await session.next("message")).body, "before");
  say(before);
  const after = await way.open(t, port);
  after(Buffer.from(way.message("after")));
  const all: Record<string, unknown>[] = [];
  for (;;) {
    const message = await session.next("message");
    if (message.body === "after") break;
    all.push({ ...message });
  }
  session.close();
  return all;
}

const invalid: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["a byte that is never UTF-8", Buffer.from([0xff])],
  ["a continuation of nothing", Buffer.from([0x80])],
  ["half a character", Buffer.from([0xe2, 0x82])],
  ["a longer form than needed", Buffer.from([0xc0, 0xaf])],
  ["half of a surrogate pair", Buffer.from([0xed, 0xa0, 0x80])],
  ["beyond the last character", Buffer.from([0xf4, 0x90, 0x80, 0x80])],
];

const mark = "@@";

for (const way of ways)
  describe(`by ${way.name}`, { concurrency: true }, () => {
    for (const [what, bytes] of invalid)
      it(`text with ${what} is not taken`, { timeout: 20_000 }, async (t) => {
        const [head = "", tail = ""] = way.message(`bad ${mark}`).split(mark);
        const payload = Buffer.concat([Buffer.from(head), bytes, Buffer.from(tail)]);
        assert.deepEqual(await heard(t, way, (say) => say(payload)), []);
      });

    if (!way.isJson) return;

    it("__proto__ and constructor are keys like any other, and change nothing", { timeout: 20_000 }, async (t) => {
      const extra = '"__proto__":{"polluted":1,"to":"x","body":"y"},"constructor":{"prototype":{"polluted":1}},';
      const all = await heard(t, way, (say) => say(Buffer.from(way.message("kept", extra))));
      assert.deepEqual(
        all.map(({ body }) => body),
        ["kept"],
      );
      assert.equal(Object.hasOwn(all[0] ?? {}, "polluted"), false);
      assert.equal(({} as Record<string, unknown>).polluted, undefined);
    });

    it("of two equal keys the last one counts, for the check as for what is done", { timeout: 20_000 }, async (t) => {
      const message = way.message("last");
      const twice = message.replace(
        /"(body|msg|content|value|message_text)":"[^"]*"/,
        (field, key) => `"${key}":5,"${key}":"x",${field}`,
      );
      assert.notEqual(twice, message);
      const all = await heard(t, way, (say) => say(Buffer.from(twice)));
      assert.deepEqual(
        all.map(({ body }) => body),
        ["last"],
      );
    });

    it("nesting without an end is refused, or ignored, in no time", { timeout: 20_000 }, async (t) => {
      const depth = way.name === "udp-agent" ? 20_000 : 500_000;
      for (const [open, close] of [
        ["[", "]"],
        ['{"a":', "}"],
      ] as const) {
        const levels = Math.floor(way.name === "udp-agent" ? depth / open.length : depth);
        const nested = `"deep":${open.repeat(levels)}1${close.repeat(levels)},`;
        const began = performance.now();
        const message =
          way.name === "udp-agent" ? way.message("deep").replace("{", `{${nested}`) : way.message("deep", nested);
        const all = await heard(t, way, (say) => {
          say(Buffer.from(message));
          say(Buffer.from(`{${nested}`));
        });
        for (const { body } of all) assert.equal(body, "deep");
        assert.ok(performance.now() - began < 5_000);
      }
    });
  });
