/** Ports that a test's server may leave and come back to: nobody else's meanwhile. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { freePorts } from "./free-ports.ts";

describe("free ports", () => {
  it("are others for every process that asks, and all of one process are different", async (t) => {
    const module = fileURLToPath(new URL("free-ports.ts", import.meta.url));
    const script = `console.log(JSON.stringify(await (await import(${JSON.stringify(module)})).freePorts(300))); process.stdin.resume();`;
    const ports = await Promise.all(
      [1, 2, 3].map(async () => {
        const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
        t.after(() => child.kill());
        const [text] = await once(child.stdout, "data");
        return JSON.parse(String(text)) as number[];
      }),
    );
    const all = [...ports.flat(), ...(await freePorts(300))];
    assert.equal(new Set(all).size, 1200);
  });

  it("are none that the system gives out by itself", async () => {
    const range = "/proc/sys/net/ipv4/ip_local_port_range";
    const lowest = existsSync(range) ? Number.parseInt(readFileSync(range, "utf8"), 10) : 49_152;
    assert.ok((await freePorts(10)).every((port) => port < lowest));
  });

  it("are none that somebody listens at", async (t) => {
    const [port = 0] = await freePorts(1);
    const server = createServer().listen(port + 1, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    assert.ok(!(await freePorts(5)).includes(port + 1));
  });
});
