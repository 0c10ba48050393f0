/**
 * Ports for servers that are told where to listen and may come back there. They are below those that the system gives
 * out by itself, to connections and to whoever listens at any: nothing takes one while its server is down. Each process
 * has blocks of its own, held by a listener at the first port of each, so no other that asks here is given them either.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:net";

const host = "127.0.0.1";
const lowest = 10_240;
/** Linux gives out ports from here on (net.ipv4.ip_local_port_range); others begin higher. */
const end = 32_768;
const blockSize = 128;
const blocks = (end - lowest) / blockSize;

const own = ownPorts();

/** Finds ports that are free now, all different, and given to nobody else as long as this process lives. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const { value } = await own.next();
    if (value === undefined) throw new Error(`no port is free between ${lowest} and ${end}`);
    ports.push(value);
  }
  return ports;
}

async function* ownPorts(): AsyncGenerator<number, undefined> {
  const begin = Math.floor(Math.random() * blocks);
  for (let tried = 0; tried < blocks; tried++) {
    const first = lowest + ((begin + tried) % blocks) * blockSize;
    const holder = await listen(first);
    holder?.unref();
    for (let port = first + 1; holder && port < first + blockSize; port++) if (await isFree(port)) yield port;
  }
  return undefined;
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (!server) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

/** Resolves with `undefined` where the port is taken. */
async function listen(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port, host);
  try {
    await once(server, "listening");
    return server;
  } catch {
    return undefined;
  }
}
