/**
 * What other programs PUBLISH on the Redis channel `notifications` is sent as by `POST /message` without a token. Redis
 * keeps nothing: what is published while the subscription is down is lost, as it was for every subscriber of the channel.
 */
import type { Core } from "../../core/core.ts";
import type { GatewayLog } from "../gateway.ts";
import { notify, parseNotification } from "./notifications.ts";

const channel = "notifications";
const maxDelayMs = 5_000;

/** Subscribes, now or as soon as Redis is there, and again whenever it was away. Returns what ends it. */
export async function openRedisChannel(url: string, core: Core, log: GatewayLog): Promise<() => void> {
  const { createClient } = await import("redis");
  const reconnectStrategy = (retries: number) => Math.min(100 * 2 ** retries, maxDelayMs);
  const client = createClient({ url, socket: { reconnectStrategy } });
  let isDown = false;
  client.on("error", (error) => {
    if (!isDown) log.error("push: Redis cannot be reached, trying again and again", error);
    isDown = true;
  });
  client.on("ready", () => {
    if (isDown) log.error("push: Redis is there again", undefined);
    isDown = false;
  });
  const ended = (error: unknown) => client.isOpen && log.error("push: no subscription to Redis", error);
  client.connect().catch(ended);
  client.subscribe(channel, (message) => void receive(message, core, log), true).catch(ended);
  return () => client.destroy();
}

/** Called in the order of publication, and the core keeps that order. */
async function receive(message: Buffer, core: Core, log: GatewayLog): Promise<void> {
  try {
    const notification = parseNotification(message);
    const sent = notification.ok ? await notify(core, notification.value, "push") : notification;
    if (!sent.ok) log.error("push: a publication on Redis was dropped", sent.fault.message);
  } catch (error) {
    log.error("push: a publication on Redis was not stored", error);
  }
}
