/** The sweep that ends silent connections: between the limit and a third more, and not before. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { IdleSweep, type Sweepable } from "./idle-sweep.ts";

const idleMs = 900;

class Connection implements Sweepable {
  silentSweeps = 0;
  ended = 0;
  swept = 0;

  idle(): void {
    this.ended += 1;
  }
}

function start(t: TestContext, sweepsPerLimit?: number): IdleSweep<Connection> {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const onSweep = (connection: Connection) => {
    connection.swept += 1;
  };
  return new IdleSweep<Connection>(idleMs, onSweep, sweepsPerLimit);
}

describe("the idle sweep", () => {
  it("ends a connection after the limit and at most a third more", (t) => {
    for (const heardAfter of [0, 1, 150, 299]) {
      const sweep = start(t);
      t.mock.timers.tick(heardAfter);
      const connection = new Connection();
      sweep.connections.add(connection);
      t.mock.timers.tick(idleMs - 1);
      assert.equal(connection.ended, 0, `${heardAfter}`);
      t.mock.timers.tick(idleMs / 3 + 1);
      assert.equal(connection.ended, 1, `${heardAfter}`);
      sweep.stop();
      t.mock.timers.reset();
    }
  });

  it("leaves alone who is heard in time", (t) => {
    const sweep = start(t);
    const connection = new Connection();
    sweep.connections.add(connection);
    for (let time = 0; time < 10 * idleMs; time += idleMs - 10) {
      t.mock.timers.tick(idleMs - 10);
      connection.silentSweeps = 0;
    }
    assert.equal(connection.ended, 0);
    sweep.stop();
  });

  it("visits each live connection three times within the limit, and none that is gone or after the end", (t) => {
    const sweep = start(t);
    const [live, gone] = [new Connection(), new Connection()];
    sweep.connections.add(live).add(gone);
    sweep.connections.delete(gone);
    t.mock.timers.tick(idleMs);
    assert.deepEqual([live.swept, gone.swept], [3, 0]);
    sweep.stop();
    t.mock.timers.tick(idleMs);
    assert.deepEqual([live.swept, live.ended], [3, 0]);
  });

  it("visits as often as a gateway wants, and gives no less time for it", (t) => {
    const sweep = start(t, 9);
    const connection = new Connection();
    sweep.connections.add(connection);
    t.mock.timers.tick(idleMs);
    assert.deepEqual([connection.swept, connection.ended], [9, 0]);
    t.mock.timers.tick(idleMs / 9);
    assert.deepEqual([connection.swept, connection.ended], [9, 1]);
    sweep.stop();
  });
});
