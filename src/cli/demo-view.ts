// How the demo looks: a live block of bars on a terminal, one plain line a second elsewhere, and the summary.
// Everything but Screen is pure: figures in, lines out.
import type { HealthState } from '../model/states.ts'
import { percentile, type Load } from './demo-load.ts'
import { serverNames } from './demo-stage.ts'

/** One moment, counted since the one before. */
export interface Picture {
  /** Seconds since the traffic began, and how long it lasts. */
  readonly at: number
  readonly of: number
  /** Requests per second. */
  readonly https: number
  readonly tcp: number
  /** Since the beginning. */
  readonly failed: number
  readonly servers: readonly ServerPicture[]
}

export interface ServerPicture {
  readonly name: string
  readonly state: HealthState | 'killed'
  /** Of all answers, 0 to 1. */
  readonly share: number
  readonly rate: number
}

type Colour = keyof typeof codes
const codes = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const
const stateColours: Readonly<Record<ServerPicture['state'], Colour>> = {
  up: 'green',
  down: 'red',
  killed: 'red',
  checking: 'yellow',
}

export type Paint = (text: string, colour: Colour) => string
export const plain: Paint = (text) => text
export const coloured: Paint = (text, colour) => `\x1b[${codes[colour]}m${text}\x1b[0m`

const barWidth = 40

export function liveLines(picture: Picture, paint: Paint): string[] {
  const { at, of, https, tcp, failed, servers } = picture
  const head = `${at.toFixed(1).padStart(5)} s of ${of} s   https ${rate(https)}   tcp ${rate(tcp)}   failed `
  return [
    '',
    ...servers.map(({ name, state, share, rate: perSecond }) => {
      const filled = '█'.repeat(Math.round(share * barWidth))
      const bar = paint(filled, stateColours[state]) + paint('░'.repeat(barWidth - filled.length), 'dim')
      return `  ${name.padEnd(6)} ${paint(state.padEnd(8), stateColours[state])} ${bar} ${percent(share)} ${rate(perSecond)}`
    }),
    `${head}${paint(String(failed), failed === 0 ? 'green' : 'red')}`,
  ]
}

export function plainLine({ at, https, tcp, failed, servers }: Picture): string {
  const parts = servers.map(
    ({ name, state, share }) => `${name} ${state === 'up' ? '' : `(${state}) `}${percent(share)}`,
  )
  return `${at.toFixed(0).padStart(4)} s  https ${rate(https)}  tcp ${rate(tcp)}  ${parts.join('  ')}  failed ${failed}`
}

const rate = (perSecond: number): string => `${perSecond.toFixed(0).padStart(4)}/s`
const percent = (share: number): string => `${(share * 100).toFixed(0).padStart(3)} %`
const thousands = (n: number): string => n.toLocaleString('en').replaceAll(',', ' ')

/** What only Weir knows of how it went. */
export interface WeirFigures {
  /** Requests whose server was lost or could not be reached before it answered, and that were sent again. */
  readonly requestsAgain: number
  /** Connections in tcp mode that went to another server because the first could not be reached. */
  readonly connectionsMoved: number
}

export function summaryLines(
  load: Load,
  seconds: number,
  { requestsAgain, connectionsMoved }: WeirFigures,
  paint: Paint,
): string[] {
  const { kept, fresh, tcp } = load.tallies
  const kinds = [
    ['https, kept connections', kept],
    ['https, a new one each', fresh],
    ['tcp', tcp],
  ] as const
  const answered = [...load.perServer.values()].reduce((sum, n) => sum + n, 0)
  const lines = [
    '',
    paint(`${thousands(load.requests)} requests in ${seconds.toFixed(1)} s, ${load.failed} failed`, 'bold'),
    ...[...load.failures].map(([why, n]) => paint(`  failed: ${n} x ${why}`, 'red')),
    '',
    `${''.padEnd(26)}requests   p50 ms   p99 ms`,
    ...kinds.map(([name, { requests, latencies }]) => {
      const spans = [0.5, 0.99].map((share) => percentile(latencies, share).toFixed(1).padStart(9))
      return `  ${name.padEnd(24)}${thousands(requests).padStart(8)}${spans.join('')}`
    }),
    '',
    ...serverNames
      .map((name) => [name, load.perServer.get(name) ?? 0] as const)
      .map(([name, n]) => `  server ${name.padEnd(17)}${thousands(n).padStart(8)}${percent(n / answered)}`),
    '',
    `  requests whose server was lost or refused them, sent again by Weir: ${requestsAgain}`,
    `  tcp connections whose server refused them, taken to another by Weir: ${connectionsMoved}`,
    `  tcp connections that ended with their server, opened anew by the client: ${load.cuts}`,
  ]
  return lines
}

/** Writes to the terminal: lines that stay, and below them a block that is drawn over and over. */
export class Screen {
  readonly live: boolean
  readonly paint: Paint
  readonly #out: NodeJS.WriteStream
  #drawn = 0

  constructor(out: NodeJS.WriteStream, env: NodeJS.ProcessEnv) {
    this.#out = out
    this.live = out.isTTY && env.TERM !== 'dumb'
    this.paint = this.live && !env.NO_COLOR ? coloured : plain // no-color.org
  }

  say(...lines: readonly string[]): void {
    this.#out.write(`${this.#eraser()}${lines.join('\n')}\n`)
  }

  /** An event, marked as such. */
  tell(text: string, colour: Colour): void {
    this.say(this.paint(`> ${text}`, colour))
  }

  show(picture: Picture): void {
    if (!this.live) return this.say(plainLine(picture))
    const lines = liveLines(picture, this.paint)
    this.#out.write(`${this.#eraser()}${lines.join('\n')}\n`)
    this.#drawn = lines.length
  }

  #eraser(): string {
    const up = this.#drawn === 0 ? '' : `\x1b[${this.#drawn}A\x1b[J`
    this.#drawn = 0
    return up
  }
}
