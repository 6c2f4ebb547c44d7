// Records of names that are aliases, against BIND: they are made where the aliases end, in whichever zone that is.
import { Resolver } from 'node:dns/promises'
import { expect, test } from 'vitest'
import type { CnameResolver } from '../../../src/control/acme/dns-alias.ts'
import { updateRecords } from '../../../src/control/acme/dns-update.ts'
import { ms } from '../../../src/model/units.ts'
import { startNamed, withoutNamed, type Named } from './named.ts'

const never = new AbortController().signal

/** One that is not to be asked. */
function nobody(): CnameResolver & { readonly asked: string[] } {
  const asked: string[] = []
  return { asked, resolveCname: async (name) => (asked.push(name), []) }
}

const resolverAt = ({ port }: Named): Resolver => {
  const resolver = new Resolver()
  resolver.setServers([`127.0.0.1:${port}`])
  return resolver
}

const recordsOf = (
  { port, key }: Named,
  resolver: CnameResolver = nobody(),
  missing: string[] = [],
  zone: string | null = null,
) =>
  updateRecords(
    { kind: 'update', server: `127.0.0.1:${port}`, zone, key, wait: ms(0) },
    { onMissing: (_, servers) => missing.push(...servers), patience: 100, interval: 20, resolver },
  )

/** What an authority finds that asks this server. */
const foundAt = async (named: Named, name: string): Promise<string[]> =>
  (
    await resolverAt(named)
      .resolveTxt(name)
      .catch(() => [])
  ).map((parts) => parts.join(''))

const zones = { 'acme.test': '' }

test.skipIf(withoutNamed)(
  'an alias, and a chain of them, leads to another zone, where the record is made',
  async () => {
    const named = await startNamed({
      resolves: true,
      zones,
      fixed: {
        'fixed.test': `_acme-challenge.www IN CNAME www.acme.test.
_acme-challenge.api IN CNAME one
one IN CNAME Two.fixed.test.
two IN CNAME api.acme.test.
_acme-challenge IN TXT other`,
      },
    })
    const missing: string[] = []
    const resolver = nobody()
    const records = recordsOf(named, resolver, missing)
    for (const [name, expected] of [
      ['_acme-challenge.www.fixed.test', 'www.acme.test'],
      ['_acme-challenge.api.fixed.test', 'api.acme.test'],
    ] as const) {
      const owner = await records.ownerOf(name, never)
      expect(owner).toBe(expected)
      await records.add(owner, 'proof', never)
      await records.settle([{ name: owner, value: 'proof' }], never)
      expect(missing).toEqual([])
      expect(await foundAt(named, name)).toEqual(['proof'])
      await records.remove(owner, 'proof')
      expect(await foundAt(named, name)).toEqual([])
    }
    for (const name of ['_acme-challenge.fixed.test', '_acme-challenge.none.fixed.test'])
      expect(await records.ownerOf(name, never)).toBe(name)
    expect(resolver.asked).toEqual([])
  },
)

test.skipIf(withoutNamed)(
  'a name of which the server knows nothing is looked up by the resolver of the system',
  async () => {
    const elsewhere = await startNamed({
      zones: {},
      fixed: { 'fixed.test': '_acme-challenge.www IN CNAME www.acme.test.' },
    })
    const named = await startNamed({ zones })
    const records = recordsOf(named, resolverAt(elsewhere), [], 'acme.test')
    const owner = await records.ownerOf('_acme-challenge.www.fixed.test', never)
    expect(owner).toBe('www.acme.test')
    await records.add(owner, 'proof', never)
    expect(await foundAt(named, owner)).toEqual(['proof'])
    for (const name of ['_acme-challenge.fixed.test', '_acme-challenge.www.unknown.test'])
      expect(await records.ownerOf(name, never)).toBe(name)
  },
)

test.skipIf(withoutNamed)('aliases that go round in a circle, or on and on, are refused', async () => {
  const chain = Array.from({ length: 12 }, (_, i) => `a${i} IN CNAME a${i + 1}\n`).join('')
  const named = await startNamed({
    zones,
    fixed: { 'fixed.test': `${chain}_acme-challenge.www IN CNAME b\nb IN CNAME c\nc IN CNAME b\nself IN CNAME self\n` },
  })
  const ownerOf = (name: string) => recordsOf(named).ownerOf(name, never)
  await expect(ownerOf('_acme-challenge.www.fixed.test')).rejects.toThrow(
    'No record can be made for _acme-challenge.www.fixed.test: its aliases go round in a circle: ' +
      '_acme-challenge.www.fixed.test, b.fixed.test, c.fixed.test, b.fixed.test',
  )
  await expect(ownerOf('self.fixed.test')).rejects.toThrow('go round in a circle')
  await expect(ownerOf('a0.fixed.test')).rejects.toThrow('its aliases are more than 8: a0.fixed.test, ')
  expect(await ownerOf('a4.fixed.test')).toBe('a12.fixed.test')
})

test.skipIf(withoutNamed)('an alias that a wildcard makes up gives way to the record itself', async () => {
  const named = await startNamed({ zones: { 'weir.test': '* IN CNAME front.elsewhere.test.', 'acme.test': '' } })
  const records = recordsOf(named)
  const name = '_acme-challenge.weir.test'
  expect(await records.ownerOf(name, never)).toBe(name)
  await records.add(name, 'proof', never)
  expect(await foundAt(named, name)).toEqual(['proof'])
})
