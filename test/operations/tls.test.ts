/** TLS on every listener of TCP and WebSocket, over real sockets; certificates that change, and that are no good. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { connect as connectTls, type PeerCertificate, type TLSSocket } from "node:tls";
import { nodeTransport } from "@parley/client/node";
import { encodeFrame, helloFrameBytes } from "@parley/protocol";
import WebSocket from "ws";
import { until } from "../../packages/client/testing/wait.ts";
import { parley } from "../cli/parley-process.ts";
import { type Certificate, makeCertificate } from "../support/certificates.ts";
import { freePorts } from "../support/free-ports.ts";
import { openClient } from "../support/open-client.ts";
import { startInProcess } from "../support/server-in-process.ts";
import { startServer } from "../support/server-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const host = "127.0.0.1";
const settings = {
  "http.port": 0,
  "nativeTcp.port": 0,
  "peerJson.port": 0,
  "framedTcp.port": 0,
  "deviceText.port": 0,
  "udpAgent.port": 0,
  "udpAgent.discoveryPort": 0,
};

/** A server with every gateway behind the certificate, and where each listens. */
async function startWithTls(t: TestContext, { cert, key }: Certificate, more: object = {}) {
  const server = await startInProcess(t, { ...settings, "tls.cert": cert, "tls.key": key, ...more }, {});
  const find = (protocol: string, path?: string) =>
    server.urls.filter((url) => url.protocol === protocol && (path === undefined || url.pathname === path));
  const [native, framed] = find("tls:");
  const ws = find("wss:");
  return { ...server, native, framed, ws: ws.find(({ pathname }) => pathname === "/v1/ws"), ws2: ws, find };
}

async function openTls(port: string | number, ca: string): Promise<TLSSocket> {
  const socket = connectTls({ host, port: Number(port), ca });
  await once(socket, "secureConnect");
  return socket;
}

async function nameShownAt(port: string | number, ca: string): Promise<string> {
  const socket = await openTls(port, ca);
  const { subject } = socket.getPeerCertificate() as PeerCertificate;
  socket.destroy();
  return String(subject.CN);
}

async function textOf(url: URL, ca: string): Promise<string> {
  const [response] = await once(get(url, { ca }), "response");
  let text = "";
  for await (const chunk of response) text += chunk;
  return text;
}

describe("with tls.cert and tls.key", () => {
  it("every listener but those of UDP speaks TLS, and says so in its URL", async (t) => {
    const { urls } = await startWithTls(t, makeCertificate(temporaryDirectory(t), "first"));
    const protocols = urls.map(({ protocol }) => protocol);
    assert.deepEqual([...new Set(protocols)].sort(), ["https:", "tls:", "udp:", "wss:"]);
    for (const { port, protocol } of urls.filter((url) => url.protocol !== "udp:"))
      await assert.rejects(nameShownAt(port, ""), /self-signed certificate/, `${protocol} ${port}`);
  });

  it("the client library refuses a server that it does not trust", async (t) => {
    const { native, ws } = await startWithTls(t, makeCertificate(temporaryDirectory(t), "first"));
    for (const url of [`tls://localhost:${native?.port}`, `wss://localhost:${ws?.port}`]) {
      const client = openClient(t, { url, user: "eve", transport: nodeTransport(), backoff: { attempts: 1 } });
      await assert.rejects(client.connect());
    }
  });

  it("the client library talks over tls://, and the largest bodies come whole", async (t) => {
    const certificate = makeCertificate(temporaryDirectory(t), "first");
    const { native } = await startWithTls(t, certificate);
    const transport = nodeTransport({ ca: certificate.ca });
    const url = `tls://localhost:${native?.port}`;
    const alice = openClient(t, { url, user: "alice", transport });
    const heard: string[] = [];
    alice.on("message", ({ body }) => void heard.push(body.toString()));
    await alice.connect();
    const bob = openClient(t, { url, user: "bob", transport });
    await bob.connect();
    const body = "x".repeat(1_048_576);
    await bob.send("alice", body);
    await until("the message", () => heard.length === 1);
    assert.ok(heard[0] === body);
  });

  it("the command line talks over wss:// and tls:// with --ca", async (t) => {
    const certificate = makeCertificate(temporaryDirectory(t), "first");
    const { native, ws } = await startWithTls(t, certificate);
    const urls = [`wss://localhost:${ws?.port}`, `tls://localhost:${native?.port}`, `tls://${host}:${native?.port}`];
    for (const url of urls) {
      const line = ["send", "--user", "alice", "--url", url, "alice", "hello"];
      const trusted = await parley(t, [...line, "--ca", certificate.cert]);
      assert.deepEqual([trusted.code, trusted.stderr], [0, ""], url);
      const byEnvironment = await parley(t, line, { env: { PARLEY_CA: certificate.cert } });
      assert.equal(byEnvironment.code, 0, byEnvironment.stderr);
      assert.equal((await parley(t, line)).code, 3, url);
    }
    const noFile = await parley(t, ["users", "--user", "alice", "--ca", certificate.key]);
    assert.equal(noFile.code, 2);
    assert.match(noFile.stderr, /no certificate/);
  });

  it("framed-tcp, peer-json and the HTTP API work as without it", async (t) => {
    const certificate = makeCertificate(temporaryDirectory(t), "first");
    const { framed, ws, ws2 } = await startWithTls(t, certificate);
    const socket = await openTls(framed?.port ?? 0, certificate.ca);
    let told = "";
    socket.on("data", (chunk) => {
      told += chunk;
    });
    socket.write(encodeFrame(Buffer.from(JSON.stringify({ type: "command", cmd: "/rename", value: "carol" }))));
    await until("the answer of framed-tcp", () => told.includes("you are now carol"));
    const peerJson = ws2.find(({ pathname }) => pathname === "/");
    const peer = new WebSocket(`wss://${host}:${peerJson?.port}/`, { ca: certificate.ca });
    const texts: string[] = [];
    peer.on("message", (data) => texts.push(String(data)));
    await once(peer, "open");
    peer.send(JSON.stringify({ login: "dave" }));
    peer.send(JSON.stringify({ from: "dave", to: "nobody-there", msg: "hi" }));
    await until("the answer of peer-json", () => texts.length === 1);
    assert.match(texts[0] ?? "", /does not exist/);
    assert.match(await textOf(new URL(`https://localhost:${ws?.port}/`), certificate.ca), /wss:\/\//);
    peer.terminate();
    socket.destroy();
  });

  it("limits what comes before hello, whole or in pieces without end", async (t) => {
    const certificate = makeCertificate(temporaryDirectory(t), "first");
    const { ws } = await startWithTls(t, certificate);
    for (const inPieces of [false, true]) {
      const peer = new WebSocket(`wss://${host}:${ws?.port}/v1/ws`, "parley.v1", { ca: certificate.ca });
      const texts: string[] = [];
      peer.on("message", (data) => texts.push(String(data)));
      peer.on("error", () => {});
      await once(peer, "open");
      const closed = once(peer, "close");
      if (!inPieces) peer.send("x".repeat(helloFrameBytes + 1));
      for (let sent = 0; inPieces && sent <= 3 * helloFrameBytes; sent += 1000)
        peer.send("x".repeat(1000), { fin: false });
      await closed;
      assert.match(texts.join(), /frame_too_large/, inPieces ? "in pieces" : "whole");
    }
  });

  it("refuses older versions than tls.minVersion", async (t) => {
    const certificate = makeCertificate(temporaryDirectory(t), "first");
    const { native } = await startWithTls(t, certificate, { "tls.minVersion": "TLSv1.3" });
    const old = connectTls({ host, port: Number(native?.port), ca: certificate.ca, maxVersion: "TLSv1.2" });
    const [error] = await once(old, "error");
    assert.match(String(error), /version/i);
    assert.equal(await nameShownAt(native?.port ?? 0, certificate.ca), "first");
  });
});

/** Ways in which a certificate is renewed; each makes `cert` and `key` be those of `next`. */
const renewals: readonly [how: string, renew: (cert: string, key: string, next: Certificate) => void][] = [
  [
    "written over",
    (cert, key, next) => {
      copyFileSync(next.cert, cert);
      copyFileSync(next.key, key);
    },
  ],
  [
    "renamed over",
    (cert, key, next) => {
      renameSync(next.cert, cert);
      renameSync(next.key, key);
    },
  ],
  [
    "a link that is turned",
    (cert, key, next) => {
      for (const [path, target] of [
        [cert, next.cert],
        [key, next.key],
      ] as const) {
        symlinkSync(target, `${path}.new`);
        renameSync(`${path}.new`, path);
      }
    },
  ],
];

describe("a new certificate", () => {
  for (const [how, renew] of renewals) {
    it(`is shown to whoever connects next, ${how}; open connections stay`, async (t) => {
      const directory = temporaryDirectory(t);
      const first = makeCertificate(directory, "first");
      const second = makeCertificate(directory, "second");
      const cert = join(directory, "live.crt");
      const key = join(directory, "live.key");
      symlinkSync(first.cert, cert);
      symlinkSync(first.key, key);
      if (how !== "a link that is turned") {
        rmSync(cert);
        rmSync(key);
        copyFileSync(first.cert, cert);
        copyFileSync(first.key, key);
      }
      const { native, ws, complaints } = await startWithTls(t, { cert, key, ca: first.ca });
      const url = `tls://localhost:${native?.port}`;
      const client = openClient(t, { url, user: "alice", transport: nodeTransport({ ca: first.ca }) });
      let losses = 0;
      client.on("state", ({ state }) => {
        if (state === "offline") losses += 1;
      });
      await client.connect();
      renew(cert, key, second);
      const trusted = first.ca + second.ca;
      for (const port of [native?.port ?? 0, ws?.port ?? 0]) {
        const end = performance.now() + 20_000;
        while ((await nameShownAt(port, trusted)) !== "second")
          assert.ok(performance.now() < end, "the new certificate is not shown");
      }
      await client.send("alice", "still here");
      assert.equal(losses, 0);
      assert.deepEqual(complaints, []);
    });
  }

  it("that is no good changes nothing and is an error in the log; SIGHUP reads the files at once", async (t) => {
    const directory = temporaryDirectory(t);
    const first = makeCertificate(directory, "first");
    const second = makeCertificate(directory, "second");
    const [wsPort = 0, tcpPort = 0] = await freePorts(2);
    const env = { PARLEY_TLS_CERT: first.cert, PARLEY_TLS_KEY: first.key };
    const server = await startServer({ dataDir: join(directory, "data"), wsPort, tcpPort, env });
    t.after(() => server.kill());
    assert.match(server.stdout, /wss:\/\/127.*\n.*tls:\/\/127/);
    writeFileSync(first.cert, "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
    await until("the complaint", () => server.stderr.includes("the certificate was not exchanged"), 20_000);
    assert.equal(await nameShownAt(tcpPort, first.ca), "first");
    rmSync(first.key);
    await until("the second complaint", () => /tls\.key: cannot read/.test(server.stderr), 20_000);
    assert.equal(await nameShownAt(tcpPort, first.ca), "first");
    renameSync(second.cert, first.cert);
    renameSync(second.key, first.key);
    process.kill(server.pid, "SIGHUP");
    await until("the new one", () => server.stderr.includes("certificate loaded"), 20_000);
    assert.equal(await nameShownAt(tcpPort, second.ca), "second");
    assert.equal(await server.stop(), 0);
  });
});

describe("certificates that cannot be served", () => {
  const cases: readonly [
    what: string,
    files: (directory: string, good: Certificate) => Record<string, string>,
    RegExp,
  ][] = [
    ["a file that is not there", (d, { key }) => ({ cert: join(d, "none"), key }), /tls\.cert: cannot read .*none/],
    ["a key for a certificate", (_, { key }) => ({ cert: key, key }), /tls\.cert: .* has no certificate/],
    ["a certificate for a key", (_, { cert }) => ({ cert, key: cert }), /tls\.key: .* has no private key/],
    [
      "the key of another one",
      (directory, { cert }) => ({ cert, key: makeCertificate(directory, "other").key }),
      /tls\.key: .* is not the key of the certificate/,
    ],
    ["a certificate alone", (_, { cert }) => ({ cert, key: "" }), /tls\.cert and tls\.key: give both/],
    ["a key alone", (_, { key }) => ({ cert: "", key }), /tls\.cert and tls\.key: give both/],
  ];
  for (const [what, files, says] of cases) {
    it(`refuses to start with ${what}`, async (t) => {
      const directory = temporaryDirectory(t);
      const { cert = "", key = "" } = files(directory, makeCertificate(directory, "good"));
      const env = { PARLEY_TLS_CERT: cert, PARLEY_TLS_KEY: key };
      const { code, stderr } = await parley(t, ["serve", "--data-dir", join(directory, "data")], { env });
      assert.match(stderr, says);
      assert.ok(code === 1 || code === 2, String(code));
    });
  }
});
