// Records by dynamic update, against BIND.
import { Resolver } from 'node:dns/promises'
import { expect, test } from 'vitest'
import { updateRecords } from '../../../src/control/acme/dns-update.ts'
import { ms } from '../../../src/model/units.ts'
import { startNamed, withoutNamed, type Named } from './named.ts'

const never = new AbortController().signal
const name = '_acme-challenge.www.weir.test'

const recordsOf = ({ port, key }: Named, more = {}, missing: string[] = []) =>
  updateRecords(
    { kind: 'update', server: `127.0.0.1:${port}`, zone: null, key, wait: ms(0), ...more },
    { onMissing: (_, servers) => missing.push(...servers), patience: 100, interval: 20 },
  )

async function textAt(port: number): Promise<string[]> {
  const resolver = new Resolver()
  resolver.setServers([`127.0.0.1:${port}`])
  const found = await resolver.resolveTxt(name).catch(() => [])
  return found.map((parts) => parts.join('')).toSorted()
}

for (const algorithm of ['hmac-sha256', 'hmac-sha512']) {
  test.skipIf(withoutNamed)(
    `a record is made and taken away, signed with ${algorithm}; the zone is found`,
    async () => {
      const named = await startNamed({ algorithm })
      const [missing, value] = [[] as string[], 'x'.repeat(43)]
      const records = recordsOf(named, {}, missing)
      await records.add(name, value, never)
      await records.settle([{ name, value }], never)
      expect(missing).toEqual([])
      expect(await textAt(named.port)).toEqual([value])
      await records.remove(name, value)
      expect(await textAt(named.port)).toEqual([])
    },
  )
}

test.skipIf(withoutNamed)('other values of the same name stay, and adding one twice is adding it once', async () => {
  const named = await startNamed()
  const records = recordsOf(named, { zone: 'weir.test' })
  for (const value of ['first', 'second', 'second']) await records.add(name, value, never)
  expect(await textAt(named.port)).toEqual(['first', 'second'])
  await records.remove(name, 'first')
  expect(await textAt(named.port)).toEqual(['second'])
  await records.remove(name, 'first')
})

test.skipIf(withoutNamed)('what the server does not take is said in words', async () => {
  const named = await startNamed()
  const { key } = named
  const attempt = (more: object) => recordsOf(named, more).add(name, 'x', never)
  const prefix = 'The name server 127.0.0.1 did not take the update: '
  const said = (why: string): string => `${prefix}${why}`
  await expect(attempt({ key: { ...key, secret: Buffer.from('other') } })).rejects.toThrow(
    said('NOTAUTH, BADSIG: the signature is wrong'),
  )
  await expect(attempt({ key: { ...key, name: 'nobody' } })).rejects.toThrow(said('NOTAUTH, BADKEY: it knows no key'))
  await expect(attempt({ key: null })).rejects.toThrow(said('REFUSED, it takes no updates from here'))
  await expect(attempt({ zone: 'example.test' })).rejects.toThrow(said('NOTAUTH, it is not the authority for the zone'))
  const elsewhere = recordsOf(named).add('_acme-challenge.example.test', 'x', never)
  await expect(elsewhere).rejects.toThrow('The name server 127.0.0.1 has no zone for _acme-challenge.example.test')
  expect(await textAt(named.port)).toEqual([])
})

test.skipIf(withoutNamed)('a record that a name server does not have yet is waited for, and not for ever', async () => {
  const named = await startNamed()
  const missing: string[] = []
  await recordsOf(named, {}, missing).settle([{ name, value: 'never made' }], never)
  expect(missing).toEqual(['127.0.0.1'])
})
