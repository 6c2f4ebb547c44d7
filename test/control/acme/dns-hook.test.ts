// Records by a program of the operator's own.
import { chmodSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hookRecords } from '../../../src/control/acme/dns-hook.ts'
import { files } from '../../support/programs.ts'

const never = new AbortController().signal

function hook(script: string): string {
  const { hook: path } = files({ hook: `#!/bin/sh\n${script}\n` })
  chmodSync(path, 0o755)
  return path
}

test('it is told what to do, with which record and which value', async () => {
  const { out } = files({ out: '' })
  const records = hookRecords(hook(`echo "$# $*" >> ${out}`), 0)
  await records.add('_acme-challenge.a.test', 'value', never)
  await records.settle([], never)
  await records.remove('_acme-challenge.a.test', '-value; echo x')
  expect(readFileSync(out, 'utf8')).toBe(
    '3 add _acme-challenge.a.test value\n3 remove _acme-challenge.a.test -value; echo x\n',
  )
})

test('what it prints is told when it fails, on one line', async () => {
  const path = hook('echo some output; echo no such zone >&2; exit 3')
  await expect(hookRecords(path, 0).add('n', 'v', never)).rejects.toThrow(
    `The hook ${path} add failed with exit code 3; it printed: no such zone some output`,
  )
})

test('one that does not end is ended', async () => {
  const path = hook('exec sleep 60')
  await expect(hookRecords(path, 0, 100).remove('n', 'v')).rejects.toThrow(
    `The hook ${path} remove took longer than 100 ms; it printed nothing`,
  )
  const stop = new AbortController()
  const added = hookRecords(path, 0).add('n', 'v', stop.signal)
  stop.abort()
  await expect(added).rejects.toThrow(`The hook ${path} add was ended`)
})

test('one that is not there is told so', async () => {
  await expect(hookRecords('/nowhere/hook', 0).add('n', 'v', never)).rejects.toThrow('could not be run (ENOENT)')
})
