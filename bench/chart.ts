/** The primary figures as an SVG, made by hand: a panel for each scenario, bars with the spread of the rounds as whiskers. */
import { figures } from "./figures.ts";
import { type MeasuredScenario, spreadOfFigure, titleOf } from "./measured-scenario.ts";
import type { Outcome } from "./rounds.ts";

const width = 900;
const labelWidth = 260;
const valueWidth = 90;
const plotWidth = width - labelWidth - valueWidth - 20;
const barHeight = 16;
const barStep = 22;
const headHeight = 28;
const axisHeight = 44;
const legendHeight = 40;

/** Readable on white and on black: the viewer's choice of a scheme is followed. */
const style = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; } .small { font-size: 11px; fill: #59636e; }
  .page { fill: #ffffff; } .grid { stroke: #d1d9e0; } .whisker { stroke: #1f2328; stroke-width: 1.5; }
  .own { fill: #2563eb; } .earlier { fill: #8b5cf6; } .peer { fill: #b45309; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .small { fill: #9198a1; } .page { fill: #0d1117; }
    .grid { stroke: #30363d; } .whisker { stroke: #e6edf3; }
    .own { fill: #5b8def; } .earlier { fill: #a78bfa; } .peer { fill: #d98e3c; }
  }`;

/** The chart. `before` is the name of the earlier revision where there is one. */
export function chartOf(measured: readonly MeasuredScenario[], about: string, before?: string): string {
  const drawn = measured.filter(({ outcomes }) => outcomes.some(isMeasured));
  let y = legendHeight + 24;
  const panels = drawn.map((one) => {
    const { svg, height } = panelOf(one, y, before);
    y += height;
    return svg;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" role="img">`,
    `<title>${escaped(about)}</title>`,
    `<style>${style}\n</style>`,
    `<rect class="page" width="${width}" height="${y}"/>`,
    `<text class="title" x="10" y="22">${escaped(about)}</text>`,
    legend(drawn, before),
    ...panels,
    "</svg>\n",
  ].join("\n");
}

type Kind = "own" | "earlier" | "peer";

function kindOf({ participant }: Outcome, before: string | undefined): Kind {
  if (participant.isPeer) return "peer";
  return before !== undefined && participant.checkout === before ? "earlier" : "own";
}

function legend(drawn: readonly MeasuredScenario[], before: string | undefined): string {
  const words: Readonly<Record<Kind, string>> = { own: "Parley", earlier: `Parley @${before}`, peer: "peers" };
  const kinds = new Set(drawn.flatMap(({ outcomes }) => outcomes.map((outcome) => kindOf(outcome, before))));
  const entries = [...kinds].map((kind, index) => {
    const x = 10 + index * 160;
    return `<rect class="${kind}" x="${x}" y="34" width="12" height="12"/><text x="${x + 18}" y="45">${escaped(words[kind])}</text>`;
  });
  const x = 10 + entries.length * 160;
  return `${entries.join("")}<text class="small" x="${x}" y="45">bar: median of the rounds; line: least to most</text>`;
}

function isMeasured({ rounds }: Outcome): boolean {
  return rounds.length > 0;
}

function panelOf({ scenario, outcomes }: MeasuredScenario, top: number, before: string | undefined) {
  const { title, unit, better, show } = figures[scenario.primary];
  const bars = outcomes.filter(isMeasured);
  const most = Math.max(...bars.map((outcome) => spreadOfFigure(outcome, scenario.primary).max));
  const step = tickStep(most);
  const end = step * Math.max(1, Math.ceil(most / step));
  const x = (value: number) => Number((labelWidth + (value / end) * plotWidth).toFixed(1));
  const first = top + headHeight;
  const bottom = first + bars.length * barStep;
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, index) => index * step);
  const svg = [
    `<text class="title" x="10" y="${top + 16}">${escaped(scenario.name)}</text>`,
    `<text class="small" x="${10 + 9 * scenario.name.length}" y="${top + 16}">${escaped(scenario.title)}</text>`,
    ...ticks.map(
      (tick) =>
        `<line class="grid" x1="${x(tick)}" y1="${first}" x2="${x(tick)}" y2="${bottom}"/>` +
        `<text class="small" x="${x(tick)}" y="${bottom + 14}" text-anchor="middle">${escaped(tick === 0 ? "0" : show(tick))}</text>`,
    ),
    ...bars.map((outcome, index) => {
      const { median, min, max } = spreadOfFigure(outcome, scenario.primary);
      const y = first + index * barStep + (barStep - barHeight) / 2;
      const middle = y + barHeight / 2;
      return (
        `<text x="${labelWidth - 8}" y="${y + 12}" text-anchor="end">${escaped(titleOf(outcome))}</text>` +
        `<rect class="${kindOf(outcome, before)}" x="${labelWidth}" y="${y}" width="${(x(median) - labelWidth).toFixed(1)}" height="${barHeight}"/>` +
        `<line class="whisker" x1="${x(min)}" y1="${middle}" x2="${x(max)}" y2="${middle}"/>` +
        `<text x="${x(max) + 6}" y="${y + 12}">${escaped(show(median))}</text>`
      );
    }),
    `<text class="small" x="${labelWidth + plotWidth / 2}" y="${bottom + 29}" text-anchor="middle">${escaped(`${title}: ${unit} (${better} is better)`)}</text>`,
  ].join("\n");
  return { svg, height: headHeight + bars.length * barStep + axisHeight };
}

/** A round number, of which four to ten make the axis. */
function tickStep(most: number): number {
  if (!(most > 0)) return 1;
  const magnitude = 10 ** Math.floor(Math.log10(most / 4));
  const factor = [1, 2, 5].findLast((one) => one * magnitude <= most / 4) ?? 1;
  return factor * magnitude;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
