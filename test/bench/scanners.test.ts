/** What the generator counts is what was said, however the kernel cuts it: streams of each protocol, split at every byte. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { bodyOf } from "../../bench/load/dialect.ts";
import { type Judge, lengthPrefixed, webSocket } from "../../bench/load/framing.ts";
import { natsScanner } from "../../bench/load/lines.ts";
import { type Heard, Link, type Scan } from "../../bench/load/link.ts";
import { mqttScanner } from "../../bench/load/mqtt.ts";

interface Stream {
  readonly name: string;
  /** A new one each time: some keep count. */
  scanner(): Scan;
  readonly bytes: Buffer;
  readonly deliveries: readonly string[];
  readonly answers: number;
}

/** `m…` is a delivery, `o…` an answer. */
const judge: Judge = (bytes, start) => {
  const first = String.fromCharCode(bytes[start] ?? 0);
  return first === "m" ? "delivery" : first === "o" ? "answer" : "other";
};
const texts = ["m1", "o", `m${"x".repeat(200)}`, "live", "m", "o"];
const deliveries = texts.filter((text) => text.startsWith("m"));

/** As a server writes it: not masked. */
function serverFrame(text: string): Buffer {
  const { length } = text;
  const head = length < 126 ? [0x81, length] : [0x81, 126, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), Buffer.from(text)]);
}

const ping = Buffer.from([0x89, 0]);
const long = "x".repeat(200);
const longer = "x".repeat(250);

const streams: readonly Stream[] = [
  {
    name: "WebSocket",
    scanner: () => webSocket.scanner(judge),
    bytes: Buffer.concat([ping, ...texts.map(serverFrame)]),
    deliveries,
    answers: 2,
  },
  {
    name: "length prefixes",
    scanner: () => lengthPrefixed.scanner(judge),
    bytes: Buffer.concat(texts.map((text) => lengthPrefixed.frame(text))),
    deliveries,
    answers: 2,
  },
  {
    name: "NATS",
    scanner: () => natsScanner(() => {}),
    bytes: Buffer.from(
      `MSG r1 1 2\r\nhi\r\nPING\r\nMSG _INBOX.s1 1 14\r\n{"stream":"B"}\r\n` +
        `MSG r1 1 reply 200\r\n${long}\r\n+OK\r\nMSG r1 1 4\r\n\r\n\r\n\r\n`,
    ),
    deliveries: ["hi", long, "\r\n\r\n"],
    answers: 1,
  },
  {
    name: "MQTT",
    scanner: () => mqttScanner([]),
    bytes: Buffer.concat([
      Buffer.from([0x30, 5, 0, 2]),
      Buffer.from("r1a"),
      Buffer.from([0x40, 2, 0, 7]),
      // A length of 256, whose first byte says nothing but that another follows.
      Buffer.from([0x32, 0x80, 2, 0, 2]),
      Buffer.from("r1"),
      Buffer.from([0, 9]),
      Buffer.from(longer),
    ]),
    deliveries: ["\0\u0002r1a", `\0\u0002r1\0\t${longer}`],
    answers: 1,
  },
];

/** Hands a stream over in two pieces as a link does: what is not whole is seen again with what follows. */
function scanInTwo(scan: Scan, bytes: Buffer, cut: number): { heard: Heard; seen: string[]; left: number } {
  const heard: Heard = { deliveries: 0, answers: 0 };
  const seen: string[] = [];
  const note = (all: Buffer, start: number, end: number) => seen.push(all.toString("latin1", start, end));
  // What lies behind the end of a read is of an earlier one: it must not be looked at.
  const first = Buffer.concat([bytes.subarray(0, cut), Buffer.alloc(300, 0xff)]);
  const whole = scan(first, cut, heard, note);
  const rest = bytes.subarray(whole);
  return { heard, seen, left: rest.length - scan(rest, rest.length, heard, note) };
}

for (const { name, scanner, bytes, deliveries: expected, answers } of streams)
  describe(`frames of ${name}`, () => {
    it("are counted once each, wherever the stream is cut", () => {
      for (let cut = 0; cut <= bytes.length; cut++) {
        const { heard, seen, left } = scanInTwo(scanner(), bytes, cut);
        assert.deepEqual(
          { ...heard, seen, left },
          { deliveries: expected.length, answers, seen: expected, left: 0 },
          `cut at ${cut}`,
        );
      }
    });

    it("are counted once each by a link that gets them byte by byte", async (context) => {
      const server = createServer({ noDelay: true }).listen(0, "127.0.0.1");
      context.after(() => server.close());
      await once(server, "listening");
      const accepted = once(server, "connection");
      const link = await Link.open((server.address() as { port: number }).port);
      const [socket] = (await accepted) as [Socket];
      const total = { deliveries: 0, answers: 0 };
      const { promise: heardAll, resolve } = Promise.withResolvers<void>();
      link.count(scanner(), {
        heard: (_, heard) => {
          total.deliveries += heard.deliveries;
          total.answers += heard.answers;
          if (total.deliveries + total.answers >= expected.length + answers) resolve();
        },
      });
      for (const byte of bytes) {
        socket.write(Buffer.from([byte]));
        await turn();
      }
      // A link that has not heard all by then fails, for the server has hung up.
      socket.end();
      await heardAll;
      assert.deepEqual(total, { deliveries: expected.length, answers });
      link.close();
    });
  });

it("a QoS 1 publish of MQTT is owed an acknowledgement of its packet id", () => {
  const owed: number[] = [];
  const mqtt = streams.find(({ name }) => name === "MQTT");
  assert.ok(mqtt);
  mqttScanner(owed)(mqtt.bytes, mqtt.bytes.length, { deliveries: 0, answers: 0 });
  assert.deepEqual(owed, [9]);
});

it("a body has the size that is said, its time to the microsecond, and needs no escape", () => {
  const body = bodyOf(1234.5678);
  assert.equal(body.length, 100);
  assert.match(body, /^@@0000000001234568x+~$/);
  assert.equal(JSON.stringify(body), `"${body}"`);
});
