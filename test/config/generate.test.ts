// What is generated is up to date, and says the same as the reader does.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { generated, staleFiles } from '../../src/config/generate.ts'
import { parseConfig } from '../../src/config/load.ts'
import { factsOf } from '../../src/config/options.ts'
import { problemCodes, Problems } from '../../src/config/problems.ts'
import { formOf, Reader } from '../../src/config/read.ts'
import { configSchema } from '../../src/config/schema.ts'
import { Source } from '../../src/config/tree.ts'
import { readYaml } from '../../src/config/yaml.ts'
import { reasonCodes } from '../../src/model/reasons.ts'
import { places } from './support.ts'

const root = join(import.meta.dirname, '..', '..')

test('the generated files are up to date (npm run generate)', () => {
  expect(staleFiles(root)).toEqual([])
})

test('a file that is missing is stale', () => {
  expect(staleFiles(import.meta.dirname)).toEqual(Object.keys(generated))
})

/** Every option in the schema: its dotted name, and the declaration. */
function* optionsOf(schema: z.core.$ZodType, path = ''): Generator<[string, z.core.$ZodType]> {
  const form = formOf(schema)
  if (form.type === 'either') for (const each of form.forms) yield* optionsOf(each, path)
  if (form.type === 'list') yield* optionsOf(form.item, path)
  if (form.type === 'names') yield* optionsOf(form.value, `${path}.*`)
  if (form.type !== 'map') return
  for (const [key, option] of Object.entries(form.shape)) {
    yield [`${path}.${key}`, option]
    yield* optionsOf(option, `${path}.${key}`)
  }
}

test('every option has words, and every default is a value that the option takes', () => {
  const all = [...optionsOf(configSchema)]
  expect(all.length).toBeGreaterThan(60)
  for (const [path, option] of all) {
    const facts = factsOf(option)
    expect(facts.description, path).toMatch(/[.)]$/)
    const form = formOf(option)
    const isGroup = form.type === 'map'
    if (option instanceof z.ZodOptional && !isGroup) expect(facts.default ?? facts.otherwise, path).toBeDefined()
    if (facts.default !== undefined) expect(z.safeParse(option, facts.default).success, path).toBe(true)
  }
})

test('every option, code and reason is in the manuals', () => {
  const manual = generated['docs/configuration.md']!()
  for (const [path] of optionsOf(configSchema)) expect(manual).toContain(path.split('.').at(-1)!)
  for (const code of Object.keys(problemCodes)) expect(manual).toContain(`| \`${code}\` |`)
  const reasons = generated['docs/reasons.md']!()
  for (const code of reasonCodes) expect(reasons).toContain(`| \`${code}\` |`)
})

test('the examples of the manual that are whole configurations are right', () => {
  const blocks = [...generated['docs/configuration.md']!().matchAll(/```yaml\n([^]*?)```/g)].map(([, text]) => text!)
  const whole = blocks.filter((text) => text.includes('frontends:'))
  expect(whole.length).toBeGreaterThan(1)
  for (const text of whole) expect(places(parseConfig(text, 'manual.yaml'))).toEqual([])
})

test('links within the manual lead somewhere', () => {
  const manual = generated['docs/configuration.md']!()
  const anchors = [...manual.matchAll(/^#+ (.+)$/gm)].map(([, title]) => title!.toLowerCase().replaceAll(' ', '-'))
  const links = [...manual.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor!)
  expect(links.filter((each) => !anchors.includes(each))).toEqual([])
})

describe('the schema for editors', () => {
  const schema = JSON.parse(
    readFileSync(join(root, 'config', 'weir.schema.json'), 'utf8'),
  ) as z.core.JSONSchema.JSONSchema

  test('is draft-07, refuses unknown keys and has words', () => {
    expect(schema).toMatchObject({ $schema: 'http://json-schema.org/draft-07/schema#', additionalProperties: false })
    expect(JSON.stringify(schema)).not.toMatch(/"(kind|expects|otherwise|bounds|nonEmpty)":/)
  })

  test('takes what the reader takes: the examples, and short forms', () => {
    const validator = z.fromJSONSchema(schema)
    const folder = join(root, 'config', 'examples')
    const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
    const short =
      '{frontends: {a: {bind: 80, tls: x.pem, timeouts: {keep_alive: 2s}}}, backends: {b: {servers: {c: "c:1"}}}}'
    for (const text of [...texts, short]) expect(validator.safeParse(parse(text)).error).toBeUndefined()
    expect(validator.safeParse(parse(short.replace('bind', 'bnid'))).success).toBe(false)
    expect(validator.safeParse(parse(short.replace('2s', '2 s'))).success).toBe(false)
  })
})

test('the reader and zod are of one mind about any value', () => {
  const scalar = fc.oneof(
    fc.constantFrom<unknown>(
      'http',
      'tcp',
      'off',
      '/x',
      ':80',
      'a:1',
      '2s',
      '16KiB',
      '200-399',
      'keep',
      '',
      'app',
      'leastconn',
      'a b',
    ),
    fc.integer({ min: -1, max: 70_000 }),
    fc.boolean(),
    fc.constant(null),
  )
  const keys = [...new Set([...optionsOf(configSchema)].map(([path]) => path.split('.').at(-1)!))]
  const tree = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      scalar,
      fc.array(tie('node'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...keys, 'other'), tie('node'), { maxKeys: 4 }),
    ),
  })).node
  const section = fc.dictionary(fc.constantFrom(...keys), tree, { maxKeys: 5 })
  const shaped = fc.record(
    {
      global: section,
      frontends: fc.dictionary(fc.constantFrom('a', 'b c'), section, { maxKeys: 2 }),
      backends: fc.dictionary(fc.constantFrom('a'), section, { maxKeys: 2 }),
    },
    { requiredKeys: ['frontends', 'backends'] },
  )
  const agree = (value: unknown, schema: z.ZodType): void => {
    const problems = new Problems()
    const node = readYaml(new Source('file', 'x', JSON.stringify(value), '/'), {}, problems)
    if (!node) return
    new Reader(problems).read(schema, node, '')
    // Empty maps of names are refused by the reader alone; zod has no such rule for records.
    if (!hasEmptyMap(value)) expect(problems.failed).toBe(!schema.safeParse(value).success)
  }
  fc.assert(
    fc.property(shaped, (value) => agree(value, configSchema)),
    { numRuns: 300 },
  )
  // Whole trees are mostly wrong somewhere: single options with single values are right more often.
  const options = [...optionsOf(configSchema)].map(([, option]) => option as z.ZodType)
  fc.assert(
    fc.property(fc.constantFrom(...options), tree, (option, value) => agree(value, option)),
    { numRuns: 2000 },
  )
})

const hasEmptyMap = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (Array.isArray(value)
    ? value.some(hasEmptyMap)
    : Object.keys(value).length === 0 || Object.values(value).some(hasEmptyMap))
