/** The published packages, packed and installed in an empty folder: nothing of the repository may be needed there. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { loadedPackages } from "../../packages/client/testing/loaded-modules.ts";
import { WatchedOutput } from "../cli/watched-output.ts";
import { freePorts } from "../support/free-ports.ts";
import { type EmptyFolder, installPacked } from "./empty-folder.ts";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
let folder: EmptyFolder;

before(async () => {
  folder = await installPacked();
});
after(() => folder.remove());

const packageFile = (path: string) => pathToFileURL(join(folder.path, "node_modules/@parley", path));

describe("the packed packages", () => {
  it("hold JavaScript, declarations and what goes with them, and nothing else", () => {
    assert.deepEqual(
      folder.tarballs.map((path) => basename(path).replace(/-\d.*/, "")),
      ["parley-client", "parley-protocol", "parley-server"],
    );
    for (const tarball of folder.tarballs) {
      const files = execFileSync("tar", ["tzf", tarball], { encoding: "utf8" }).split("\n").filter(Boolean);
      const others = files.filter((file) => !/^package\/dist\/.+(?<!\.test)\.(js|d\.ts)$/.test(file)).sort();
      const launcher = tarball.includes("server") ? ["package/bin/parley.js"] : [];
      const expected = ["package/LICENSE", "package/README.md", ...launcher, "package/package.json"];
      assert.deepEqual(others, expected.sort());
      assert.equal(files.filter((file) => file.endsWith(".js")).length > 5, true);
    }
  });

  it("have the command, which tells how it is used", async () => {
    assert.match(await folder.run("npx", "--no-install", "parley", "--help"), /^Usage: parley <command>/);
    const settings = await folder.run("npx", "--no-install", "parley", "serve", "--settings");
    assert.match(settings, /^PARLEY_DATA_DIR /m);
  });

  it("serve, with V8 set as in a checkout, and a program of somebody else's talks to that", async () => {
    const [ws = 0, tcp = 0] = await freePorts(2);
    const ports = ["--ws-port", String(ws), "--tcp-port", String(tcp), "--gateways", "native-websocket,native-tcp"];
    const server = spawn(join(folder.path, "node_modules/.bin/parley"), ["serve", ...ports], {
      cwd: folder.path,
      env: folder.env,
    });
    try {
      const output = new WatchedOutput(server.stdout);
      await output.until(() => /^ready/m.test(output.text), "the server is ready");
      assert.match(readFileSync(`/proc/${server.pid}/cmdline`, "utf8"), /node\0--max-semi-space-size=16\0/);
      copyFileSync(here("conversation.js"), join(folder.path, "conversation.js"));
      for (const url of [`ws://127.0.0.1:${ws}`, `tcp://127.0.0.1:${tcp}`])
        assert.equal(await folder.run("node", "conversation.js", url), "fsync alice: hello\n");
      const document = await fetch(`http://127.0.0.1:${ws}/v1/openapi.json`);
      assert.equal(document.status, 200);
      server.kill("SIGTERM");
      assert.deepEqual(await once(server, "close"), [0, null]);
    } finally {
      server.kill("SIGKILL");
    }
  });

  it("have types, which TypeScript checks a program by", async () => {
    copyFileSync(here("typed-program.ts.txt"), join(folder.path, "typed-program.ts"));
    const types = fileURLToPath(new URL("../../node_modules/@types", import.meta.url));
    const compiler = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2024", "--lib", "esnext,dom"];
    await folder.run("node", compiler, ...options, "--typeRoots", types, "--types", "node", "typed-program.ts");
  });

  it("load nothing of Node in a browser", async () => {
    assert.deepEqual(await loadedPackages(packageFile("client/dist/index.js")), ["@parley/protocol"]);
    assert.deepEqual(await loadedPackages(packageFile("protocol/dist/index.js")), []);
    assert.ok((await loadedPackages(packageFile("client/dist/node.js"))).includes("node:net"));
  });
});
