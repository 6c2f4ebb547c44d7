// A comparison as a picture: how long requests take under each algorithm, and how the subject loads its servers over time.
// The upper panel shows the share of requests that take longer than x, both axes logarithmic, so that the tail, which is
// what differs, has room. SVG by hand; see svg.ts for how it is drawn. Pure.
import { formatMillis } from './metrics.ts'
import { curve, escapeText, frame, legendItem, type Box, type Scale } from './svg.ts'
import type { Result } from './types.ts'

export interface PlotInput {
  readonly title: string
  readonly doc: string
  /** The first is the subject; it should have a timeline. */
  readonly results: readonly Result[]
  /** Width of a slot of the timeline, in ms. */
  readonly bucket: number
  /** Servers that something happens to. */
  readonly marked: readonly string[]
}

const WIDTH = 900
const HEIGHT = 700
const LATENCY: Box = { left: 70, top: 108, width: 600, height: 240 }
const LOAD: Box = { left: 70, top: 446, width: 600, height: 200 }
const LEGEND = 700

/** Distinct for most who see colours differently; each has a lighter twin for dark pages. The subject takes the first. */
const light = ['#0b62d6', '#c2410c', '#15803d', '#a21caf', '#a16207', '#0e7490', '#be123c', '#4d5562']
const dark = ['#6cb0ff', '#fb923c', '#4ade80', '#e879f9', '#facc15', '#22d3ee', '#fb7185', '#a7b0bd']

const variables = (colours: readonly string[], rest: string): string =>
  `${colours.map((colour, i) => `--line-${i}: ${colour};`).join(' ')} ${rest}`

const style = `
.weir-plot { ${variables(light, '--ground: #ffffff; --ink: #1c2128; --soft: #5b6470; --grid: #e3e6ea;')} }
@media (prefers-color-scheme: dark) {
  .weir-plot { ${variables(dark, '--ground: #14181d; --ink: #e8ebef; --soft: #a2abb7; --grid: #2c333b;')} }
}
.weir-plot text { fill: var(--ink); font: 13px system-ui, sans-serif; }
.weir-plot .title { font-size: 17px; font-weight: 600; }
.weir-plot .heading { font-weight: 600; }
.weir-plot .tick { fill: var(--soft); font-size: 12px; }
.weir-plot .ground { fill: var(--ground); }
.weir-plot .grid { stroke: var(--grid); fill: none; }
.weir-plot .line { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.weir-plot .subject { stroke-width: 3; }
.weir-plot .other { stroke: var(--soft); stroke-width: 1; stroke-opacity: 0.55; }
`

/** @returns a whole SVG document */
export function plot(input: PlotInput): string {
  const { title, doc, results } = input
  return `<svg xmlns="http://www.w3.org/2000/svg" class="weir-plot" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="weir-title weir-desc">
<title id="weir-title">${escapeText(title)}</title>
<desc id="weir-desc">${escapeText(`${doc} ${inWords(results)}`)}</desc>
<style>${style}</style>
<rect class="ground" width="${WIDTH}" height="${HEIGHT}"/>
<text class="title" x="${LATENCY.left}" y="30">${escapeText(title)}</text>
<text class="tick" x="${LATENCY.left}" y="50">${escapeText(doc)}</text>
${latencyPanel(results)}
${loadPanel(input)}
</svg>
`
}

/** The upper panel for those who do not see it. */
const inWords = (results: readonly Result[]): string =>
  results
    .map(({ algorithm, p99 }) => `${algorithm}: p99 ${Number.isFinite(p99) ? formatMillis(p99) : 'unknown'}.`)
    .join(' ')

/** In the order of the legend: the longest tail last. Each keeps the colour of its place in the results. */
function latencyPanel(results: readonly Result[]): string {
  const curves = results.map((result, index) => ({ result, index, points: tailOf(result) }))
  const times = curves.flatMap(({ points }) => points.map(([time]) => time))
  if (times.length === 0) return ''
  const low = Math.min(...times)
  const x: Scale = { kind: 'log', low, high: Math.max(...times, low * 10) }
  const y: Scale = { kind: 'log', low: 0.001, high: 1 }
  const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`
  const axes = frame(
    LATENCY,
    'Latency: requests that take longer',
    { scale: x, label: 'latency in ms', format: String },
    { scale: y, label: '', format: percent },
  )
  const sorted = curves.toSorted((a, b) => a.result.p99 - b.result.p99)
  const paths = sorted
    .toReversed()
    .map(({ index, points }) => `<path ${strokeOf(index)} d="${curve(points, { box: LATENCY, x, y })}"/>`)
  const legend = sorted.map(({ result, index }, i) =>
    legendItem(
      LEGEND,
      LATENCY.top + 8 + i * 22,
      strokeOf(index),
      `${result.algorithm}  p99 ${formatMillis(result.p99)}`,
    ),
  )
  return [axes, ...paths, ...legend].join('\n')
}

/**
 * Latency and the share of requests that take longer: from the quantiles, and p99.9 beyond the last of them. The fastest
 * tenth is left out: it is the same everywhere, and on a logarithmic axis it would take half of the room.
 */
function tailOf({ quantiles, p999 }: Result): (readonly [number, number])[] {
  const points: (readonly [number, number])[] = []
  quantiles.forEach((value, i) => {
    const longer = 1 - i / 200
    if (value > 0 && longer <= 0.9 && longer > 0.001) points.push([value, longer])
  })
  if (p999 > 0) points.push([p999, 0.001])
  return points
}

/** Eight colours, then the same ones dashed. */
const strokeOf = (index: number): string =>
  `class="line${index === 0 ? ' subject' : ''}" stroke="var(--line-${index % light.length})"${index < light.length ? '' : ' stroke-dasharray="6 4"'}`

function loadPanel({ results, bucket, marked }: PlotInput): string {
  const [subject] = results
  if (subject === undefined || subject.timeline.every((slots) => slots.length === 0)) return ''
  const { timeline, servers, algorithm } = subject
  const slots = Math.max(...timeline.map((each) => each.length))
  const x: Scale = { kind: 'linear', low: 0, high: (slots * bucket) / 1000 }
  const y: Scale = { kind: 'linear', low: 0, high: Math.max(1, ...timeline.map((each) => Math.max(0, ...each))) }
  const axes = frame(
    LOAD,
    `Load of each server under ${algorithm}`,
    { scale: x, label: 'seconds', format: String },
    { scale: y, label: 'requests in flight', format: String },
  )
  const lines = timeline.map((values, i) => {
    const points = [...values].map((value, slot) => [((slot + 0.5) * bucket) / 1000, value] as const)
    return { name: servers[i]!.name, path: curve(points, { box: LOAD, x, y }) }
  })
  const special = lines.filter(({ name }) => marked.includes(name)).slice(0, light.length)
  const rest = lines.filter((line) => !special.includes(line))
  const paths = [
    ...rest.map(({ path }) => `<path class="line other" d="${path}"/>`),
    ...special.map(({ path }, i) => `<path ${serverStroke(i)} d="${path}"/>`),
  ]
  const restLabel = special.length === 0 ? `${rest.length} servers` : `the other ${rest.length}`
  const legend = [
    ...special.map(({ name }, i) => legendItem(LEGEND, LOAD.top + 8 + i * 22, serverStroke(i), name)),
    ...(rest.length > 0
      ? [legendItem(LEGEND, LOAD.top + 8 + special.length * 22, 'class="line other"', restLabel)]
      : []),
  ]
  return [axes, ...paths, ...legend].join('\n')
}

/** Colours that the subject of the upper panel does not have. */
const serverStroke = (index: number): string => `class="line" stroke="var(--line-${(index + 1) % light.length})"`
