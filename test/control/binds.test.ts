// Every bind is tried before anything runs, and all problems are told at once.
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { placeOf, probeBinds } from '../../src/control/binds.ts'
import { bindSpec, frontendSpec } from './fixtures.ts'

test('binds that are free have no problem, and are free afterwards', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'weir-test-')), 'web.sock')
  const frontends = [frontendSpec({ binds: [bindSpec(), bindSpec({ host: null, path })] })]
  expect(await probeBinds(frontends)).toEqual([])
  expect(await probeBinds(frontends)).toEqual([])
})

test('a port that another process shares by SO_REUSEPORT counts as taken', async () => {
  const other = createServer().listen({ host: '127.0.0.1', port: 0, reusePort: true })
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  expect(await probeBinds([frontendSpec({ binds: [bindSpec({ port })] })])).toEqual([
    `cannot listen on 127.0.0.1:${port} (frontend web): the port is taken by another process (EADDRINUSE)`,
  ])
  other.close()
})

test('all binds with problems are told, each with its frontend', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'weir-test-')), 'file')
  writeFileSync(file, '')
  const problems = await probeBinds([
    frontendSpec({ binds: [bindSpec({ host: '192.0.2.1', port: 80 }), bindSpec()] }),
    frontendSpec({ name: 'inner', binds: [bindSpec({ host: null, path: file })] }),
  ])
  expect(problems).toEqual([
    'cannot listen on 192.0.2.1:80 (frontend web): this machine has no such address (EADDRNOTAVAIL)',
    `cannot listen on ${file} (frontend inner): ${file} exists and is not a socket`,
  ])
})

test('a place is written as one would type it', () => {
  expect(placeOf({ host: '::', port: 80, path: null })).toBe('[::]:80')
  expect(placeOf({ host: '10.0.0.1', port: 80, path: null })).toBe('10.0.0.1:80')
  expect(placeOf({ host: null, port: 0, path: '/run/x.sock' })).toBe('/run/x.sock')
})
