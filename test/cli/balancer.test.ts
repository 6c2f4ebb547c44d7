// `weir balancer test`, and `weir check` on a configuration that names a balancer by its file: what they say, and their exit
// codes. As whole processes, because it matters how Node itself loads the files.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { checks } from '../../src/balance/conformance/suite.ts'
import { files, run, type Ran } from '../support/programs.ts'

const weir = fileURLToPath(new URL('../../bin/weir', import.meta.url))
const faulty = fileURLToPath(new URL('../balance/faulty', import.meta.url))

const balancer = (...args: string[]): Promise<Ran> => run(weir, ['balancer', ...args], '', 60_000)

const good = `
import type { BalancerFactory } from 'weir/balance'
const create: BalancerFactory = ({ dice }) => ({
  pick({ n, slot, weight, weightSum }, _key, _now, avoid) {
    if (n < 2) return n === 0 ? -1 : slot[0]!
    for (;;) {
      let left = dice.below(weightSum)
      let i = 0
      while ((left -= weight[i]!) >= 0) i++
      if (slot[i] !== avoid) return slot[i]!
    }
  },
})
export default create
`

test('a good balancer: a line for each check, and exit code 0', async () => {
  const { 'good.ts': path } = files({ 'good.ts': good })
  const { code, stdout, stderr } = await balancer('test', path, '--seed', '7')
  expect(stderr).toBe('')
  expect(code).toBe(0)
  const lines = stdout.split('\n')
  expect(lines[0]).toBe(`${path}, seed 7`)
  for (const { name } of checks) expect(lines.some((line) => line.split(/ +/)[2] === name)).toBe(true)
  expect(lines.at(-2)).toBe('12 passed, 0 failed, 1 skipped')
})

test('a faulty one: what failed with the numbers, and exit code 1', async () => {
  const { code, stdout } = await balancer('test', join(faulty, 'ignores-weights.ts'))
  expect(code).toBe(1)
  expect(stdout).toMatch(/ FAIL {2}weights {2}.*weights 1:2:5 gave 3\d\.\d % : 3\d\.\d % : 3\d\.\d %/)
  expect(stdout).toContain('11 passed, 1 failed, 1 skipped')
})

test('json is one document', async () => {
  const { code, stdout } = await balancer('test', '--json', join(faulty, 'throws-when-empty.ts'))
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({
    seed: 1,
    passed: false,
    checks: checks.map(({ name }) => ({ name, status: name === 'empty' ? 'fail' : expect.any(String) })),
  })
})

test('a built-in one is tested by its name', async () => {
  const { code, stdout } = await balancer('test', 'first')
  expect(code).toBe(0)
  expect(stdout).toContain('skip  weights  does not apply: ')
})

test.each([
  ['none.ts', 'there is no such file'],
  ['leastcon', 'there is no such file: did you mean "leastconn"?'],
])('%s: %s', async (name, words) => {
  const { code, stderr } = await balancer('test', name)
  expect(code).toBe(1)
  expect(stderr).toContain(`weir balancer: cannot use ${name}: ${words}`)
})

test.each([
  [[]],
  [['test']],
  [['tset', 'x']],
  [['test', 'a', 'b']],
  [['test', 'a', '--seed', 'x']],
  [['test', '--nope']],
])('wrong usage is 2: %j', async (args) => {
  const { code, stderr } = await balancer(...args)
  expect(code).toBe(2)
  expect(stderr).toContain('Usage: weir balancer test FILE')
})

const yaml = (file: string): string => `frontends: { web: { bind: ':8080', backend: app } }
backends:
  app:
    balance: { file: ./${file} }
    servers: [127.0.0.1:1, 127.0.0.1:2]
`

const unusable: readonly (readonly [string, string, string])[] = [
  ['syntax.ts', 'export default () => {\n  const a = = 3\n}\n', 'syntax.ts:2:13: Expression expected'],
  ['syntax.js', 'export default () => {\n  const a = +* 3\n}\n', "syntax.js:2:14: Unexpected token '*'"],
  [
    'enum.ts',
    'enum A { B }\nexport default A\n',
    'enum.ts:1:1: TypeScript enum is not supported in strip-only mode (types are stripped, not compiled)',
  ],
  ['throws.ts', 'const a: number = 1\nif (a) throw new Error("boom")\nexport default a\n', 'throws.ts:2:14: boom'],
  [
    'no-default.ts',
    'export const create = () => ({})\n',
    'it has no default export: "export default" a BalancerFactory',
  ],
  [
    'no-factory.ts',
    'export default { pick() {} }\n',
    'its default export is neither a function (a BalancerFactory) nor an object with "create"',
  ],
  ['create.ts', 'export default () => { throw new Error("no") }\n', 'it throws when a balancer is created: no'],
  [
    'no-pick.ts',
    'export default () => ({ pik() {} })\n',
    'what it creates has no "pick": a factory returns {pick(pool, key, now, avoid) {...}}',
  ],
  [
    'no-slot.ts',
    'export default () => ({ pick: () => NaN })\n',
    'its "pick" answers with no slot of a pool of two servers',
  ],
  [
    'value.ts',
    "import { BalancerFactory } from 'weir/balance'\nexport default 1 as unknown as BalancerFactory\n",
    '(there is nothing but types in it: say "import type")',
  ],
]

test.each(unusable)('weir check points at the balancer that it cannot use: %s', async (name, text, words) => {
  const config = files<string>({ 'weir.yaml': yaml(name), [name]: text })['weir.yaml']!
  const { code, stderr } = await run(weir, ['check', config])
  expect(code).toBe(1)
  expect(stderr).toContain(`weir.yaml:4:22: BAD_BALANCER: Cannot use the balancer "./${name}": `)
  expect(stderr.split('\n')[0]).toContain(words)
  expect(stderr).toContain(`\n  4 |     balance: { file: ./${name} }\n`)
})

test('weir check is content with one that works, and weir run starts with none that does not', async () => {
  const both = files({
    'good.yaml': yaml('good.ts'),
    'bad.yaml': yaml('bad.ts'),
    'good.ts': good,
    'bad.ts': 'export {}',
  })
  expect(await run(weir, ['check', both['good.yaml']])).toMatchObject({ code: 0, stderr: '' })
  const ran = await run(weir, ['run', both['bad.yaml']])
  expect(ran.code).toBe(1)
  expect(ran.stderr).toContain('bad.yaml:4:22: BAD_BALANCER: ')
})

test('a file that defaults name is pointed at there', async () => {
  const text = `defaults: { balance: { file: ./bad.ts } }\n${yaml('x').replace(/ +balance.*\n/, '')}`
  const { 'weir.yaml': config } = files({ 'weir.yaml': text, 'bad.ts': 'export {}' })
  expect((await run(weir, ['check', config])).stderr).toContain('weir.yaml:1:30: BAD_BALANCER: ')
})
