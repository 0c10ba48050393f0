/** Who may connect and send, with a clock that the test turns: rates, refusals, counts, and what is forgotten. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { UserKey } from "@parley/protocol";
import { Account, Accounts, Meter, MeterRate } from "./accounts.ts";
import type { Allowance } from "./allowance.ts";
import { Limiter } from "./limiter.ts";
import { defaultPolicy, type LimitPolicy } from "./policy.ts";

const free = { messagesPerSecond: 0, bytesPerSecond: 0 };
const anyAddress = { ...free, connections: 0, unauthenticated: 0, connectionsPerSecond: 0 };

function create(policy: Partial<LimitPolicy>) {
  const clock = { now: 1000 };
  const all = { ...defaultPolicy, connection: free, user: free, address: anyAddress, ...policy };
  const limiter = new Limiter(all, 1000, () => clock.now);
  const connect = (address?: string): Allowance => {
    const admitted = limiter.admit(address);
    assert.ok(admitted.ok);
    return admitted.value;
  };
  return { clock, limiter, connect };
}

/** How many of so many requests in a row are carried out. */
function carriedOut(allowance: Allowance, requests: number, bytes = 1): number {
  let count = 0;
  for (let i = 0; i < requests; i++) {
    if (allowance.ask(bytes) === 0) count += 1;
  }
  return count;
}

const alice = "alice" as UserKey;

describe("an allowance", () => {
  it("refuses beyond the rate, and everything after that until its peer was silent for a second", () => {
    const { clock, connect } = create({ connection: { messagesPerSecond: 10, bytesPerSecond: 0 } });
    const allowance = connect();
    assert.equal(carriedOut(allowance, 30), 20);
    assert.equal(allowance.ask(1), 1000);
    clock.now += 999;
    assert.equal(allowance.ask(1), 1000, "there would be enough by now");
    clock.now += 1000;
    assert.equal(carriedOut(allowance, 30), 19, "what flowed in, refusals cost nothing");
  });

  it("counts bytes", () => {
    const { clock, connect } = create({ connection: { messagesPerSecond: 0, bytesPerSecond: 1000 } });
    const allowance = connect();
    assert.equal(allowance.ask(2000), 0);
    assert.equal(allowance.ask(1000), 1000);
    clock.now += 1000;
    assert.equal(allowance.ask(1000), 0);
  });

  it("makes who cannot be refused wait for as long as is owed", () => {
    const { clock, connect } = create({ connection: { messagesPerSecond: 10, bytesPerSecond: 0 } });
    const allowance = connect();
    for (let i = 0; i < 20; i++) assert.equal(allowance.charge(1), 0);
    assert.equal(allowance.charge(1), 100);
    assert.equal(allowance.charge(1), 200);
    clock.now += 200;
    assert.equal(allowance.charge(1), 100);
  });

  it("does not read from who goes on regardless, and begins the silence after that", () => {
    const { clock, connect } = create({ connection: { messagesPerSecond: 1, bytesPerSecond: 0 } });
    const allowance = connect();
    let refusals = 0;
    let pause = 0;
    while (pause === 0 && refusals < 10_000) {
      if (allowance.ask(1) === 0) continue;
      refusals += 1;
      pause = allowance.refused();
    }
    assert.ok(refusals > 1024, `a client that has 1024 sends under way must not meet it: ${refusals}`);
    assert.ok(pause > 0 && refusals < 10_000);
    clock.now += 1000;
    assert.notEqual(allowance.ask(1), 0, "what was sent before the pause is still on its way");
  });

  it("tells who sends nothing but garbage from who makes mistakes", () => {
    const { clock, connect } = create({});
    const allowance = connect();
    for (let i = 0; i < 200; i++) assert.ok(allowance.faulty(), `fault ${i}`);
    assert.ok(!allowance.faulty());
    const careful = connect();
    for (let i = 0; i < 1000; i++) {
      clock.now += 20;
      assert.ok(careful.faulty());
    }
  });

  it("shares the rates of a user and of an address, and of no other", () => {
    for (const scope of ["user", "address"] as const) {
      const policy = scope === "user" ? { user: { messagesPerSecond: 10, bytesPerSecond: 0 } } : {};
      const address = scope === "address" ? { address: { ...anyAddress, messagesPerSecond: 10 } } : {};
      const { limiter, connect } = create({ ...policy, ...address });
      const [one, two, other] = [connect("a"), connect("a"), connect("b")];
      one.isOf(limiter.user(alice));
      two.isOf(limiter.user(alice));
      other.isOf(limiter.user("bob" as UserKey));
      assert.equal(carriedOut(one, 15), 15, scope);
      assert.equal(carriedOut(two, 15), 5, scope);
      assert.equal(carriedOut(other, 15), 15, scope);
    }
  });

  it("is not held by a connection that ended before its login did", () => {
    const { limiter, connect } = create({});
    const late = connect("a");
    late.end();
    late.isOf(limiter.user(alice));
    assert.equal(limiter.user(alice).holders, 0);
  });

  it("does not get a new rate for its user by connecting again", () => {
    const { limiter, connect } = create({ user: { messagesPerSecond: 10, bytesPerSecond: 0 } });
    const first = connect();
    first.isOf(limiter.user(alice));
    assert.equal(carriedOut(first, 30), 20);
    first.end();
    const second = connect();
    second.isOf(limiter.user(alice));
    assert.equal(carriedOut(second, 30), 0);
  });
});

describe("the limiter", () => {
  it("counts the connections of an address, those of strangers, and how fast they come", () => {
    const { clock, limiter, connect } = create({
      address: { ...anyAddress, connections: 3, unauthenticated: 2, connectionsPerSecond: 0 },
    });
    const code = (address: string) => {
      const admitted = limiter.admit(address);
      return admitted.ok ? "in" : `${admitted.fault.code} ${admitted.fault.retryAfterMs}`;
    };
    const one = connect("a");
    connect("a");
    assert.equal(code("a"), "too_many 5000", "two strangers");
    assert.equal(code("b"), "in");
    one.isOf(limiter.user(alice));
    assert.equal(code("a"), "in");
    assert.equal(code("a"), "too_many 5000", "three connections");
    one.end();
    assert.equal(code("a"), "too_many 5000", "still two strangers");
    for (let i = 0; i < 10; i++) assert.ok(limiter.admit(undefined).ok);

    const rate = create({ address: { ...anyAddress, connectionsPerSecond: 5 } });
    for (let i = 0; i < 10; i++) rate.connect("a").end();
    assert.equal(rate.limiter.admit("a").ok, false);
    rate.clock.now += 200;
    rate.connect("a");
    assert.equal(clock.now, 1000);
  });

  it("refuses requests without a connection by address and by user", () => {
    const { clock, limiter } = create({
      user: { messagesPerSecond: 1, bytesPerSecond: 0 },
      address: { ...anyAddress, messagesPerSecond: 2 },
    });
    assert.equal(limiter.request("a", alice, 10), undefined);
    assert.equal(limiter.request("a", alice, 10), undefined);
    const fault = limiter.request("a", alice, 10);
    assert.equal(fault?.code, "rate_limited");
    assert.equal(fault?.retryAfterMs, 1000);
    assert.equal(limiter.request("a", undefined, 10), undefined);
    assert.equal(limiter.request("a", undefined, 10), undefined);
    assert.equal(limiter.request("a", undefined, 10)?.retryAfterMs, 500);
    clock.now += 1000;
    assert.equal(limiter.request("a", alice, 10), undefined);
  });
});

describe("accounts", () => {
  it("are forgotten when nobody holds them and they are as good as new, and not before", () => {
    const rate = { messagesPerSecond: 10, bytesPerSecond: 0 };
    let time = 0;
    const accounts = new Accounts(() => new Account(new Meter(new MeterRate(rate, 0, () => time))));
    const held = accounts.of("held");
    held.holders = 1;
    accounts.of("used").meter.take(1);
    time = 1;
    for (let i = 0; i < 10_000; i++) accounts.of(`passer-by ${i}`);
    assert.ok(accounts.size < 20, `${accounts.size} accounts`);
    assert.equal(accounts.of("held"), held);
    const used = accounts.of("used");
    assert.ok(!used.meter.isFull());
    time = 200_000;
    for (let i = 0; i < 10; i++) accounts.of(`later ${i}`);
    assert.notEqual(accounts.of("used"), used);
  });
});
