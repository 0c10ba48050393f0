/** Brokers that people use instead, as their Debian packages come. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../../test/support/free-ports.ts";
import { isInstalled, launch, storeDirectory, type Target } from "./target.ts";

/** One process speaks both; which promise holds is up to who publishes. */
function nats(name: string, promise: string): Target {
  return {
    name,
    promise,
    missing: () => (isInstalled("nats-server", "--version") ? undefined : "nats-server is not installed"),
    async start(signal) {
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
        signal,
      });
    },
  };
}

export const natsServer = nats("nats-server", "handed to who is there, never stored (NATS core)");

export const jetStreamServer = nats(
  "nats-server with JetStream",
  "in a file, not synced, then answered; nobody receives it (JetStream)",
);

function mosquittoWith(qos: 0 | 1, promise: string): Target {
  return {
    name: `mosquitto, QoS ${qos}`,
    promise,
    missing: () => (isInstalled("mosquitto", "-h") ? undefined : "mosquitto is not installed"),
    async start(signal) {
      const [port = 0] = await freePorts(1);
      const directory = await storeDirectory();
      const config = join(directory, "mosquitto.conf");
      await writeFile(
        config,
        `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n` +
          "set_tcp_nodelay true\nlog_type error\n",
      );
      return launch({
        command: "mosquitto",
        args: ["-c", config],
        ports: { [`mqtt-${qos}`]: port },
        directory,
        signal,
      });
    },
  };
}

export const mosquitto = {
  0: mosquittoWith(0, "handed to who is there, never stored (QoS 0)"),
  1: mosquittoWith(1, "answered from memory, kept there for who returns, not synced (QoS 1)"),
} as const;
