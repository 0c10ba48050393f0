/** Brokers that people use instead, as their Debian packages come. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../../test/support/server-process.ts";
import { launch, storeDirectory, type Target } from "./target.ts";

export const natsServer: Target = {
  name: "nats-server",
  promise: "core: handed to who is there, never stored; JetStream: in a file, not synced, then answered",
  async start() {
    const [port = 0] = await freePorts(1);
    const directory = await storeDirectory();
    const config = join(directory, "nats.conf");
    await writeFile(
      config,
      `host: "127.0.0.1"\nport: ${port}\njetstream { store_dir: ${JSON.stringify(join(directory, "js"))}, max_file: 20G }\n`,
    );
    return launch({
      command: "nats-server",
      args: ["-c", config],
      env: { GOMAXPROCS: "1" },
      ports: { nats: port, jetstream: port },
      directory,
    });
  },
};

export const mosquitto: Target = {
  name: "mosquitto",
  promise: "QoS 0: handed to who is there; QoS 1: answered from memory, kept for who returns, not synced",
  async start() {
    const [port = 0] = await freePorts(1);
    const directory = await storeDirectory();
    const config = join(directory, "mosquitto.conf");
    await writeFile(
      config,
      `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\nlog_type error\n`,
    );
    return launch({
      command: "mosquitto",
      args: ["-c", config],
      ports: { "mqtt-0": port, "mqtt-1": port },
      directory,
    });
  },
};
