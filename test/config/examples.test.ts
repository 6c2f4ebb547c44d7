// The configurations that come with Weir are right, on a machine that has none of their certificates.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { makeCertificate } from '../support/certificates.ts'
import { problemsOf } from './support.ts'

const config = join(import.meta.dirname, '..', '..', 'config')
const examples = readdirSync(join(config, 'examples')).map((name) => join('examples', name))
const env: Record<string, string> = {}
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weir-examples-'))
  const { cert, key } = await makeCertificate({ names: ['example.com'] })
  const files = { WEIR_PEM: cert + key, DEMO_CERT: cert + key, WEIR_CERT: cert, WEIR_KEY: key, WEIR_CA: cert }
  for (const [name, text] of Object.entries(files)) {
    env[name] = join(folder, `${name}.pem`)
    writeFileSync(env[name], text)
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

test('there are examples', () => expect(examples.length).toBeGreaterThan(3))

test.each(['demo.yaml', ...examples])('%s', (name) => {
  expect(problemsOf(loadConfig(join(config, name), env))).toEqual([])
})

test('the demo says which variable it needs', () => {
  expect(problemsOf(loadConfig(join(config, 'demo.yaml'), {}))[0]).toMatchObject({
    code: 'UNSET_VARIABLE',
    message: expect.stringContaining('DEMO_CERT is not set: a PEM file') as string,
  })
})

test('the demo goes by its variables', () => {
  const { config: demo } = loadConfig(join(config, 'demo.yaml'), {
    ...env,
    DEMO_HTTPS_PORT: '0',
    DEMO_SERVER_2: '7',
    DEMO_ADMIN_PORT: '0',
  })
  expect(demo!.frontends[0]!.binds[0]!.port).toBe(0)
  expect(demo!.backends[0]!.servers.map(({ port }) => port)).toEqual([9001, 7, 9003])
  expect(demo!.global.admin).toEqual({ host: '127.0.0.1', port: 0, byDefault: false })
})
