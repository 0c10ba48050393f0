/**
 * MQTT 3.1.1 as a load generator speaks it (OASIS Standard, 2014). QoS 0: a message is handed to who subscribes. QoS 1: the
 * broker answers its sender, and its receiver answers the broker.
 */
import { bodyOf, type Dialect } from "./dialect.ts";
import { Link, type LinkEvents, type Scan } from "./link.ts";

const room = "bench/room";
const maxPacketId = 65_535;

function packet(type: number, body: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = body.length; ; rest >>>= 7) {
    if (rest < 128) {
      length.push(rest);
      break;
    }
    length.push((rest & 127) | 128);
  }
  return Buffer.concat([Buffer.from([type, ...length]), body]);
}

function text(value: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(value.length);
  return Buffer.concat([length, Buffer.from(value)]);
}

const connectFlags = Buffer.from([4, 2, 0, 0]);
const [publish, puback] = [3, 4];

/** Counts publishes and answers; the answers that a QoS 1 delivery asks for are collected in `owed`. */
function scanner(owed: Buffer[]): Scan {
  return (bytes, end, heard, onMessage) => {
    let at = 0;
    while (end - at >= 2) {
      let size = 0;
      let shift = 0;
      let start = at + 1;
      while (start < end) {
        const byte = bytes[start] as number;
        start += 1;
        size |= (byte & 127) << shift;
        shift += 7;
        if (byte < 128) break;
      }
      const next = start + size;
      if (next > end || ((bytes[start - 1] as number) & 128) !== 0) break;
      const type = (bytes[at] as number) >> 4;
      if (type === puback) heard.answers += 1;
      else if (type === publish) {
        heard.deliveries += 1;
        if (((bytes[at] as number) & 6) === 2) {
          const id = start + 2 + bytes.readUInt16BE(start);
          owed.push(Buffer.from([puback << 4, 2, bytes[id] as number, bytes[id + 1] as number]));
        }
        if (onMessage) onMessage(bytes, start, next);
      }
      at = next;
    }
    return at;
  };
}

export function mqtt(qos: 0 | 1): Dialect {
  return {
    freedBy: qos === 0 ? "delivery" : "answer",
    async join(port, user, events) {
      const link = await Link.open(port);
      const subscribed = link.expect((said) => (said.includes("\x90") ? true : undefined));
      link.send(packet(0x10, Buffer.concat([text("MQTT"), connectFlags, text(user)])));
      const topics = [user, room].map((topic) => Buffer.concat([text(topic), Buffer.from([qos])]));
      if (user.startsWith("r")) link.send(packet(0x82, Buffer.concat([Buffer.from([0, 1]), ...topics])));
      else link.send(packet(0x82, Buffer.concat([Buffer.from([0, 1]), topics[0] as Buffer])));
      await subscribed;
      const owed: Buffer[] = [];
      const answering: LinkEvents = {
        ...events,
        heard: (from, heard) => {
          if (owed.length > 0) link.send(Buffer.concat(owed.splice(0)));
          events.heard(from, heard);
        },
      };
      link.count(scanner(owed), answering);
      const body = bodyOf(0);
      let id = 0;
      return {
        link,
        sends(to, count, given = body) {
          const packets: Buffer[] = [];
          for (let i = 0; i < count; i++) {
            id = (id % maxPacketId) + 1;
            const packetId = qos === 0 ? Buffer.alloc(0) : Buffer.from([id >> 8, id & 255]);
            packets.push(packet(0x30 | (qos << 1), Buffer.concat([text(to), packetId, Buffer.from(given)])));
          }
          return Buffer.concat(packets);
        },
      };
    },
    room: async () => room,
  };
}
