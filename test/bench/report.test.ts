/** What people read of a run: ratios of medians, spreads, warnings; of two revisions; and the chart. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chartOf } from "../../bench/chart.ts";
import { comparisonLines, comparisonsOf } from "../../bench/comparison.ts";
import type { Figures } from "../../bench/figures.ts";
import type { ParleyProtocol } from "../../bench/load/workload.ts";
import type { MeasuredScenario } from "../../bench/measured-scenario.ts";
import { type Participant, type PeerName, parleys, peer } from "../../bench/participants.ts";
import { promiseLines, scenarioLines } from "../../bench/report.ts";
import { chosenScenarios, type Scenario } from "../../bench/scenarios.ts";

function scenarioNamed(name: string): Scenario {
  const [scenario] = chosenScenarios([name]).chosen;
  assert.ok(scenario);
  return scenario;
}

const plain = (text: string) => text;
const rates = (values: readonly number[], others: Figures = {}): Figures[] =>
  values.map((perSecond) => ({ perSecond, generatorBusy: 0.5, ...others }));

/** Of one checkout. */
function parleyBy(protocol: ParleyProtocol): Participant {
  const [participant] = parleys([{ name: "", root: "." }], [protocol], "fsync");
  assert.ok(participant);
  return participant;
}

const nativeTcp = parleyBy("native-tcp");
const peerJson = parleyBy("peer-json");

function measured(changes: Partial<MeasuredScenario> = {}): MeasuredScenario {
  return {
    scenario: scenarioNamed("direct-50x8"),
    outcomes: [
      { participant: nativeTcp, rounds: rates([50_000, 40_000, 45_000]), failure: undefined },
      { participant: peerJson, rounds: rates([90_000, 95_000, 80_000]), failure: undefined },
      { participant: peer("jetstream"), rounds: rates([180_000, 170_000, 190_000]), failure: undefined },
    ],
    missing: [],
    ...changes,
  };
}

describe("the report of a scenario", () => {
  it("has medians, spreads, and ratios to the first and to each peer", () => {
    const text = scenarioLines(measured(), plain).join("\n");
    assert.match(text, /^ {2} +messages\/s +least–most +÷ native-tcp +÷ jetstream +server µs +server +generator$/m);
    assert.match(text, /^ {2}native-tcp +45\.0 k +40\.0 k–50\.0 k +1\.00 +0\.25 +– +– +50 %$/m);
    assert.match(text, /^ {2}peer-json +90\.0 k +80\.0 k–95\.0 k +2\.00 +0\.50/m);
    assert.match(text, /^ {2}jetstream +180 k +170 k–190 k +4\.00 +1\.00/m);
    assert.doesNotMatch(text, /at least|FAILED/);
  });

  it("warns where the generator was the bottleneck, and only there", () => {
    const outcomes = [
      { participant: nativeTcp, rounds: rates([1000], { generatorBusy: 0.95 }), failure: undefined },
      { participant: peerJson, rounds: rates([1000], { generatorBusy: 0.89 }), failure: undefined },
    ];
    const text = scenarioLines(measured({ outcomes }), plain).join("\n");
    assert.match(text, /nearly all it could be for native-tcp: read these as "at least"/);
  });

  it("warns where a fixed rate was not reached", () => {
    const outcomes = [
      { participant: nativeTcp, rounds: [{ p99Ms: 5, deliveriesPerSecond: 4000 }], failure: undefined },
      { participant: peerJson, rounds: [{ p99Ms: 5, deliveriesPerSecond: 4990 }], failure: undefined },
    ];
    const text = scenarioLines(measured({ scenario: scenarioNamed("latency-5k"), outcomes }), plain).join("\n");
    assert.match(text, /not as fast as was sent: native-tcp$/m);
  });

  it("names who failed and who is not installed, without a figure for them", () => {
    const outcomes = [{ participant: nativeTcp, rounds: [], failure: "it hung up" }];
    const missing = [{ name: "jetstream", why: "nats-server is not installed" }];
    const lines = scenarioLines(measured({ outcomes, missing }), plain);
    assert.deepEqual(lines.slice(1), [
      "  jetstream: nats-server is not installed",
      "  native-tcp FAILED: it hung up",
      "",
    ]);
  });

  it("says what each server promises", () => {
    const text = promiseLines([measured()], plain).join("\n");
    assert.match(text, /Parley, durable: .*synced/);
    assert.match(text, /jetstream \(nats-server with JetStream\): .*not synced/);
  });
});

describe("a comparison of two revisions", () => {
  const [before, now] = parleys(
    [
      { name: "main", root: "." },
      { name: "now", root: "." },
    ],
    ["peer-json"],
    "fsync",
  );
  assert.ok(before && now);
  const compared = (old: readonly Figures[], own: readonly Figures[]) =>
    measured({
      outcomes: [
        { participant: before, rounds: old, failure: undefined },
        { participant: now, rounds: own, failure: undefined },
      ],
    });

  it("is better where the rounds agree on it, and says so of less where less is better", () => {
    const old = rates([100, 100, 100]).map((figures) => ({ ...figures, serverMicroseconds: 20 }));
    const own = rates([118, 122, 120]).map((figures) => ({ ...figures, serverMicroseconds: 15 }));
    const found = comparisonsOf(compared(old, own), "main", "now");
    assert.deepEqual(
      found.map(({ figure, ratio, verdict }) => [figure, ratio.median, verdict]),
      [
        ["perSecond", 1.2, "better"],
        ["serverMicroseconds", 0.75, "better"],
      ],
    );
    const worse = comparisonsOf(compared(own, old), "main", "now");
    assert.deepEqual(
      worse.map(({ verdict }) => verdict),
      ["worse", "worse"],
    );
  });

  it("says nothing after fewer than three rounds", () => {
    const found = comparisonsOf(compared(rates([100, 100]), rates([200, 200])), "main", "now");
    assert.deepEqual(
      found.map(({ verdict }) => verdict),
      ["too few rounds"],
    );
  });

  it("shows no difference where rounds differ as much by themselves, though all are on one side", () => {
    const text = comparisonLines(compared(rates([100, 100, 100]), rates([102, 130, 120])), "main", "now", plain).join(
      "\n",
    );
    assert.match(text, /peer-json +messages\/s +1\.200 \(1\.02–1\.30; 95 %: 0\.86–1\.59\) +no difference shown/);
  });
});

describe("the chart", () => {
  const svg = chartOf([measured()], "Parley <now> & then");

  it("has a bar for each participant, as long as its median, on an axis with a unit", () => {
    const bars = [...svg.matchAll(/<rect class="(own|peer)" x="260" y="\d+" width="([\d.]+)"/g)];
    assert.deepEqual(
      bars.map(([, kind]) => kind),
      ["own", "own", "peer"],
    );
    const [first = 0, second = 0, third = 0] = bars.map(([, , width]) => Number(width));
    assert.ok(Math.abs(second / first - 2) < 0.01 && Math.abs(third / first - 4) < 0.01, `${first} ${second} ${third}`);
    for (const name of ["native-tcp", "peer-json", "jetstream"]) assert.ok(svg.includes(`>${name}</text>`));
    assert.match(svg, /messages per second \(more is better\)/);
    assert.match(svg, />200 k<\/text>/);
  });

  it("is well formed, follows the viewer's colours, and has a legend", () => {
    assert.ok(svg.includes("Parley &lt;now&gt; &amp; then"));
    assert.equal([...svg.matchAll(/<text/g)].length, [...svg.matchAll(/<\/text>/g)].length);
    assert.match(svg, /prefers-color-scheme: dark/);
    assert.match(svg, />peers<\/text>/);
  });

  it("leaves out who has no figure", () => {
    const outcomes = [{ participant: nativeTcp, rounds: [], failure: "no" }];
    assert.doesNotMatch(chartOf([measured({ outcomes })], "x"), /direct-50x8/);
  });
});

it("every peer of a scenario says what it promises", () => {
  const names: readonly PeerName[] = chosenScenarios([]).chosen.flatMap(({ peers }) => peers);
  assert.deepEqual(new Set(names), new Set(["jetstream", "mqtt-0", "mqtt-1", "nats", "socket-io", "ws"]));
  for (const name of names) assert.notEqual(peer(name).target.promise, "");
});
