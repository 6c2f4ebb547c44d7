// What is recorded, and what is asked of the recording. Each question is put twice: to `weir simulate --replay` by its
// arguments, and to the real thing by running Weir again with the settings changed. The traffic of both is the same: seeded.
import { SERVERS, tailScenarios, type TailScenario } from '../tail/scenarios.ts'

/** What a run of Weir is like, apart from the servers behind it. */
export interface Settings {
  readonly algorithm: string
  /** Names of the servers that the configuration has, of s1 to s8. */
  readonly servers: readonly string[]
  /** The same requests, this many times as fast after each other. */
  readonly rate: number
}

export interface Question {
  readonly name: string
  /** For `weir simulate`; another algorithm is asked for in any case. */
  readonly options: readonly string[]
  /** For the real run. */
  readonly change: Partial<Settings>
}

export interface Case {
  readonly scenario: TailScenario
  readonly algorithm: string
  /** Share of what the servers can do. Under all changes that are asked for it stays below 1 on every server. */
  readonly load: number
  readonly questions: readonly Question[]
}

export const serverNames = Array.from({ length: SERVERS }, (_, i) => `s${i + 1}`)

const scenario = (name: string): TailScenario => tailScenarios.find((each) => each.name === name)!

const without = (server: string, name: string): Question => ({
  name: `without ${name}`,
  options: ['--remove', server],
  change: { servers: serverNames.filter((each) => each !== server) },
})
const rate = (factor: number): Question => ({
  name: `${factor} times the requests`,
  options: ['--rate', String(factor)],
  change: { rate: factor },
})
const algorithm = (name: string): Question => ({ name: `with ${name}`, options: [], change: { algorithm: name } })

export const cases: readonly Case[] = [
  {
    scenario: scenario('slow1'),
    algorithm: 'leastconn',
    load: 0.7,
    questions: [without('s5', 's5, of full speed'), rate(1.2), algorithm('adaptive')],
  },
  {
    scenario: scenario('two-tier'),
    algorithm: 'adaptive',
    load: 0.7,
    questions: [without('s8', 's8, of half speed'), algorithm('p2c')],
  },
  { scenario: scenario('two-tier'), algorithm: 'roundrobin', load: 0.45, questions: [algorithm('adaptive')] },
]

export const caseName = ({ scenario: { name }, algorithm: how, load }: Case): string =>
  `${name}, ${how}, ${Math.round(load * 100)} %`
