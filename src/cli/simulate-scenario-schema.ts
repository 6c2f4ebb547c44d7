// What a scenario file can say, each option declared once with its words and bounds, by the means of the configuration
// (src/config): the same reader checks it, and problems look the same. Read by simulate-scenario.ts.
import { z } from 'zod'
import {
  decimal,
  duration,
  either,
  group,
  integer,
  listOf,
  name,
  option,
  percent,
  required,
  text,
  word,
  zone,
} from '../config/options.ts'

const span = () => duration('0ms', '24h')

export const serverShape = {
  cores: option(integer(1, 4096), { default: 4, doc: 'Requests served at full speed side by side.' }),
  speed: option(decimal(0.001, 1000), { default: 1, doc: '0.5: everything takes twice as long.' }),
  discipline: option(word(['ps', 'fifo']), {
    default: 'ps',
    doc: '`ps`: all requests share the cores. `fifo`: each core serves one, the others wait.',
  }),
  weight: option(integer(0, 65_535), {
    otherwise: 'that of the configuration, else 1',
    doc: 'Weight for the balancer.',
  }),
  tier: option(integer(0, 9), { otherwise: 'that of the configuration, else 0', doc: 'Tier for the balancer.' }),
  zone: option(zone(), {
    otherwise: 'that of the configuration, else none',
    doc: 'Zone for the balancer.',
  }),
}

const sizeKinds = ['exponential', 'deterministic', 'lognormal', 'mix'] as const
export const sizesShape = {
  kind: required(word(sizeKinds), 'The distribution of service times on an idle core of speed 1.'),
  mean: option(span(), { default: '10ms', doc: 'Not for `mix`.' }),
  sigma: option(decimal(0, 5), { default: 1, doc: '`lognormal`: standard deviation of the logarithm.' }),
  short: option(span(), { default: '1ms', doc: '`mix`: mean of most requests.' }),
  long: option(span(), { default: '50ms', doc: '`mix`: mean of the others.' }),
  share: option(percent(), { default: '10%', doc: '`mix`: share of the long ones.' }),
}

/** What each kind reads. */
export const sizeOptions: Readonly<Record<(typeof sizeKinds)[number], readonly string[]>> = {
  exponential: ['mean'],
  deterministic: ['mean'],
  lognormal: ['mean', 'sigma'],
  mix: ['short', 'long', 'share'],
}

const faultKinds = ['speed', 'ramp', 'stall', 'fail', 'hang', 'absent'] as const
export const faultShape = {
  kind: required(word(faultKinds), 'What happens.'),
  servers: required(either(name(), listOf(name())), 'To whom.'),
  from: option(span(), { default: '0ms', doc: 'When it begins, after the warm-up.' }),
  to: option(span(), { otherwise: 'never', doc: 'When it ends.' }),
  speed: option(decimal(0, 1000), { doc: '`speed`: the new one. `ramp`: where it begins to rise to 1.' }),
  pause: option(span(), { doc: '`stall`: length of a pause.' }),
  every: option(span(), { doc: '`stall`: mean time from one to the next.' }),
  share: option(percent(), { default: '100%', doc: '`fail`: share of the requests that fail.' }),
  after: option(span(), { default: '0.3ms', doc: '`fail`: how long they take to fail.' }),
}

/** What each kind reads besides `servers`, `from` and `to`: what must be there, and what may be. */
export const faultOptions: Readonly<
  Record<(typeof faultKinds)[number], readonly [readonly string[], readonly string[]]>
> = {
  speed: [['speed'], []],
  ramp: [['speed', 'to'], []],
  stall: [['pause', 'every'], []],
  fail: [[], ['share', 'after']],
  hang: [[], []],
  absent: [[], []],
}

export const keysShape = {
  count: option(integer(1, 1_000_000), { default: 10_000, doc: 'Different keys.' }),
  zipf: option(decimal(0, 4), { default: 0, doc: 'Exponent of their popularity; 0: all alike.' }),
}

export const scenarioSchema = z.strictObject({
  doc: option(text('text', 'a sentence', /^[^\n]{1,200}$/), {
    otherwise: 'the name of the file',
    doc: 'What happens.',
  }),
  servers: option(either(integer(1, 4096), z.record(name(), z.strictObject(serverShape)).meta({ nonEmpty: true })), {
    otherwise: 'those of the backend, or eight',
    doc: 'A number of equal ones, or what is special about those named.',
  }),
  sizes: option(either(span(), z.strictObject(sizesShape)), {
    otherwise: 'exponential, 10ms',
    doc: 'How much work requests are: a mean, or a distribution.',
  }),
  faults: z.array(z.strictObject(faultShape)).optional().meta({ description: 'What happens to servers.' }),
  keys: group(keysShape, 'Keys of requests, for the algorithms that follow one.'),
})
