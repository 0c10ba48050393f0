/** The configuration: where a setting comes from, what is refused and how it is said, and what must not be served. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { type Config, type ConfigSources, environmentName, loadConfig, refuseToServe, warnOf } from "./config.ts";
import { settings } from "./settings.ts";

function file(t: TestContext, text: string): string {
  const path = join(temporaryDirectory(t), "parley.yaml");
  writeFileSync(path, text);
  return path;
}

function load(sources: Partial<ConfigSources>): Config {
  const result = loadConfig({ environment: {}, flags: {}, ...sources });
  assert.ok(result.ok, result.ok ? "" : result.faults.join("\n"));
  return result.config;
}

/** The faults, without the path of the file. */
function faultsOf(sources: Partial<ConfigSources>): string[] {
  const result = loadConfig({ environment: {}, flags: {}, ...sources });
  return result.ok ? [] : result.faults.map((fault) => fault.replace(sources.file ?? "", "file"));
}

describe("a setting", () => {
  it("has its default where nothing says otherwise, and the defaults are valid", () => {
    const defaults = Object.fromEntries(Object.entries(settings).map(([key, { fallback }]) => [key, fallback]));
    assert.deepEqual(load({}), defaults);
    assert.deepEqual(load({ flags: defaults }), defaults);
  });

  it("comes from a flag, else the environment, else the file", (t) => {
    const path = file(t, "http: {port: 1}\nnativeTcp: {port: 1}\nlimits:\n  idleMs: 1000\n  maxWindow: 5\n");
    const environment = { PARLEY_HTTP_PORT: "2", PARLEY_NATIVE_TCP_PORT: "2", PARLEY_LIMITS_IDLE_MS: undefined };
    const config = load({ file: path, environment, flags: { "http.port": "3", "limits.maxWindow": undefined } });
    const { "http.port": http, "nativeTcp.port": tcp, "limits.idleMs": idleMs, "limits.maxWindow": window } = config;
    assert.deepEqual([http, tcp, idleMs, window, config.engine], [3, 2, 1000, 5, "level"]);
  });

  it("may be written as text where it is a number, a flag or a list", () => {
    const environment = {
      PARLEY_INSECURE: "1",
      PARLEY_GATEWAYS: "native-tcp,peer-json",
      PARLEY_HTTP_ORIGINS: "https://a.example,https://b.example",
      PARLEY_LIMITS_MAX_BODY_BYTES: "2000",
      PARLEY_ENGINE: "memory",
    };
    const config = load({ environment });
    assert.deepEqual(
      [config.insecure, config.gateways, config["http.origins"], config["limits.maxBodyBytes"], config.engine],
      [true, ["native-tcp", "peer-json"], ["https://a.example", "https://b.example"], 2000, "memory"],
    );
    assert.deepEqual(load({ environment: { PARLEY_HTTP_ORIGINS: "" } })["http.origins"], []);
  });

  it("is named in the environment by its key in capitals", () => {
    assert.deepEqual(["dataDir", "http.port", "nativeTcp.port"].map(environmentName), [
      "PARLEY_DATA_DIR",
      "PARLEY_HTTP_PORT",
      "PARLEY_NATIVE_TCP_PORT",
    ]);
    const names = Object.keys(settings).map(environmentName);
    assert.equal(new Set(names).size, names.length);
  });
});

describe("faults", () => {
  it("are told all at once, each with where it is and what it must be", (t) => {
    const path = file(t, "http: {port: 70000, prot: 5}\nengine: redis\ninsecure: maybe\nhttps:\n__proto__: {x: 1}\n");
    const environment = {
      PARLEY_LIMITS_IDLE_MS: "soon",
      PARLEY_DATA_DIR: "",
      PARLEY_HTTP_PROT: "1",
      PARLEY_INSECURE: "yes",
      PATH: "/bin",
      PARLEY_URL: "ws://for-the-client",
    };
    assert.deepEqual(faultsOf({ file: path, environment, flags: { "nativeTcp.port": "5.5", host: "" } }), [
      "file: http.port: must be an integer from 0 to 65535, not 70000",
      "file: http.prot: there is no such setting",
      'file: engine: must be one of level, memory, not "redis"',
      'PARLEY_INSECURE: must be a boolean, not "yes"',
      "file: https: there is no such setting",
      "file: __proto__.x: there is no such setting",
      'PARLEY_DATA_DIR: must be a text that is not empty, not ""',
      'PARLEY_LIMITS_IDLE_MS: must be an integer of at least 300, not "soon"',
      "the flag for nativeTcp.port: must be an integer from 0 to 65535, not 5.5",
      'the flag for host: must be a text that is not empty, not ""',
      "PARLEY_HTTP_PROT: there is no such setting",
    ]);
  });

  it("in a secret do not show it", (t) => {
    const environment = { PARLEY_PUSH_APP_SECRET: "too short", PARLEY_PUSH_REDIS_URL: "http://:password@host" };
    const nothing = file(t, "");
    assert.deepEqual(faultsOf({ file: nothing, environment, flags: { "push.socketSecret": 5 } }), [
      "PARLEY_PUSH_APP_SECRET: must be empty or at least 32 characters long",
      "PARLEY_PUSH_REDIS_URL: must be empty, or begin with redis:// or rediss://",
      "the flag for push.socketSecret: must be empty or at least 32 characters long",
    ]);
    const same = { "push.appSecret": "x".repeat(32), "push.socketSecret": "x".repeat(32) };
    assert.match(faultsOf({ file: nothing, flags: same }).join(), /^push.appSecret and push.socketSecret: must differ/);
    assert.deepEqual(faultsOf({ flags: { ...same, "push.socketSecret": "y".repeat(32) } }), []);
  });

  it("in the form of the file are told", (t) => {
    for (const text of ["- a\n- b\n", "just text", "5"])
      assert.deepEqual(faultsOf({ file: file(t, text) }), ["file: not a YAML mapping of settings"]);
    const [broken] = faultsOf({ file: file(t, "a: [1, 2\nb: }") });
    assert.match(broken ?? "", /^file: .+ at line/s);
    const [missing] = faultsOf({ file: join(temporaryDirectory(t), "none.yaml") });
    assert.match(missing ?? "", /ENOENT/);
    assert.deepEqual(load({ file: file(t, "") }), load({}));
    assert.deepEqual(load({ file: file(t, "# nothing\nhttp: {}\n") }), load({}));
  });

  it("a text in the file is no number, nor is a number a text", (t) => {
    assert.deepEqual(faultsOf({ file: file(t, 'http: {port: "80"}\nhost: 5\nhttp.origins: https://a.example\n') }), [
      'file: http.port: must be an integer from 0 to 65535, not "80"',
      "file: host: must be a text that is not empty, not 5",
      'file: http.origins: must be an array, not "https://a.example"',
    ]);
  });

  it("are told of a multicast group that is none", () => {
    const group = (text: string) => faultsOf({ environment: { PARLEY_UDP_AGENT_MULTICAST_GROUP: text } });
    for (const text of ["", "224.0.0.1", "239.255.255.250"]) assert.deepEqual(group(text), [], text);
    for (const text of ["223.1.1.1", "240.0.0.1", "239.1.1", "239.1.1.256", "239.1.1.1.1", "ff02::1", "all"])
      assert.match(group(text).join("\n"), /^\S+: must be an IPv4 multicast address, or nothing, not \S+$/, text);
  });

  it("a number in the environment is one, and nothing else", () => {
    for (const text of ["", " ", "80x", "0x", "NaN", "Infinity", "-1", "1.5", "8e9"])
      assert.equal(faultsOf({ environment: { PARLEY_HTTP_PORT: text } }).length, 1, text);
    for (const [text, port] of [
      ["80", 80],
      [" 80 ", 80],
      ["8e3", 8000],
    ] as const)
      assert.equal(load({ environment: { PARLEY_HTTP_PORT: text } })["http.port"], port);
  });
});

describe("exposure", () => {
  it("refuses a multicast group where the address is IPv6, and says why", () => {
    const flags = { "udpAgent.multicastGroup": "239.1.2.3" };
    assert.match(refuseToServe(load({ flags: { ...flags, host: "::1" } })) ?? "", /IPv4 group/);
    assert.equal(refuseToServe(load({ flags })), undefined);
  });

  it("beyond loopback is refused, unless somebody means it", () => {
    const refusal = (host: string, insecure = false) => refuseToServe(load({ flags: { host, insecure } }));
    for (const host of ["127.0.0.1", "127.1.2.3", "localhost", "::1"]) assert.equal(refusal(host), undefined, host);
    const beyond = [
      "0.0.0.0",
      "::",
      "192.168.0.1",
      "128.0.0.1",
      "::ffff:0.0.0.0",
      "localhost.example",
      "127.0.0.1.example",
    ];
    for (const host of beyond) {
      assert.match(refusal(host) ?? "", /^Refusing to listen on .*--insecure/, host);
      assert.equal(refusal(host, true), undefined);
    }
  });

  it("may be anywhere where login is not open, and is warned of where it is", () => {
    const at = (mode: string, insecure = false) => load({ flags: { host: "0.0.0.0", "auth.mode": mode, insecure } });
    for (const mode of ["token", "accounts"]) {
      assert.equal(refuseToServe(at(mode)), undefined, mode);
      assert.equal(warnOf(at(mode, true)), undefined, mode);
    }
    assert.match(warnOf(at("open", true)) ?? "", /^WARNING/);
    assert.equal(warnOf(load({})), undefined);
  });
});
