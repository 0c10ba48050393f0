/**
 * MQTT 3.1.1 as a load generator speaks it (OASIS Standard, 2014). QoS 0: a message is handed to who subscribes. QoS 1: the
 * broker answers its sender, and its receiver answers the broker.
 */
import { copied, type Dialect, type Numbering } from "./dialect.ts";
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
/** A PUBACK's four bytes without its packet id. */
const acknowledgement = ((puback << 28) >>> 0) + (2 << 16);

/** Counts publishes and answers; the packet ids that QoS 1 deliveries want acknowledged are collected in `owed`. */
export function mqttScanner(owed: number[]): Scan {
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
          owed.push(bytes.readUInt16BE(start + 2 + bytes.readUInt16BE(start)));
        }
        if (onMessage) onMessage(bytes, start, next);
      }
      at = next;
    }
    return at;
  };
}

function acknowledgements(packetIds: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(4 * packetIds.length);
  for (const [index, packetId] of packetIds.entries()) bytes.writeUInt32BE(acknowledgement + packetId, 4 * index);
  return bytes;
}

export function mqtt(qos: 0 | 1): Dialect {
  return {
    freedBy: qos === 0 ? "delivery" : "answer",
    async join(port, user, events) {
      const link = await Link.open(port);
      const subscribed = link.expect((said) => (said.includes("\x90") ? true : undefined));
      link.send(packet(0x10, Buffer.concat([text("MQTT"), connectFlags, text(user)])));
      const topics = (user.startsWith("r") ? [user, room] : [user]).map((topic) =>
        Buffer.concat([text(topic), Buffer.from([qos])]),
      );
      link.send(packet(0x82, Buffer.concat([Buffer.from([0, 1]), ...topics])));
      await subscribed;
      const owed: number[] = [];
      const answering: LinkEvents = {
        ...events,
        heard: (from, heard) => {
          if (owed.length > 0) link.send(acknowledgements(owed.splice(0)));
          events.heard(from, heard);
        },
      };
      link.count(mqttScanner(owed), answering);
      const build = (to: string, body: string) => {
        const packetId = Buffer.alloc(qos === 0 ? 0 : 2);
        return packet(0x30 | (qos << 1), Buffer.concat([text(to), packetId, Buffer.from(body)]));
      };
      if (qos === 0) return { link, sends: copied(build) };
      let id = 0;
      const numbering: Numbering = {
        // After the type, the length in one byte or two, and the topic.
        find(message) {
          const topicAt = (message[1] as number) < 128 ? 2 : 3;
          return topicAt + 2 + message.readUInt16BE(topicAt);
        },
        write(bytes, at) {
          id = (id % maxPacketId) + 1;
          bytes.writeUInt16BE(id, at);
        },
      };
      return { link, sends: copied(build, numbering) };
    },
    room: async () => room,
  };
}
