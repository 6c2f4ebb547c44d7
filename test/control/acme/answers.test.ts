// Answers to challenges are there before the authority looks, and gone afterwards, also when something fails on the way.
import { expect, test } from 'vitest'
import { Answers, type Records, type TxtRecord } from '../../../src/control/acme/answers.ts'
import type { Challenges } from '../../../src/messages/tls.ts'

const never = new AbortController().signal
const proof = (name: string, token: string) => ({ name, token, keyAuthorization: `${token}.print` })
const nothing = async (): Promise<void> => {}

function stage() {
  const published: Challenges[] = []
  const leftOver: TxtRecord[] = []
  const answers = new Answers({
    publish: async (challenges) => void published.push(challenges),
    onLeftOver: (record) => void leftOver.push(record),
  })
  return { answers, published, leftOver }
}

/** Records in memory. @param bad names that cannot be added, or not removed @param aliases where a name leads to */
function memory(
  there: Set<string>,
  bad: { add?: string; remove?: string } = {},
  aliases: Record<string, string> = {},
): Records {
  return {
    ownerOf: async (name) => aliases[name] ?? name,
    add: async (name, value) => {
      if (name === bad.add) throw new Error('no')
      there.add(`${name} ${value}`)
    },
    remove: async (name, value) => {
      if (name === bad.remove) throw new Error('no')
      there.delete(`${name} ${value}`)
    },
    settle: nothing,
  }
}

test('orders at the same time do not take away the answers of each other', async () => {
  const { answers, published } = stage()
  const first = await answers.give('http-01', [proof('a.test', 'one'), proof('b.test', 'two')], nothing, never)
  const second = await answers.give('tls-alpn-01', [proof('a.test', 'three')], nothing, never)
  await first()
  expect(published.map(({ http }) => http)).toEqual([
    { one: 'one.print', two: 'two.print' },
    { one: 'one.print', two: 'two.print' },
    {},
  ])
  expect(Object.keys(published.at(-1)!.tls)).toEqual(['a.test'])
  await second()
  expect(published.at(-1)).toEqual({ http: {}, tls: {} })
})

test('an authority may look when the workers have said that they answer, and not before', async () => {
  const { promise: workers, resolve: allHaveIt } = Promise.withResolvers<void>()
  const answers = new Answers({ publish: () => workers, onLeftOver: () => {} })
  let mayLook = false
  const given = answers.give('http-01', [proof('a.test', 'one')], nothing, never).then(() => (mayLook = true))
  await new Promise((resolve) => setImmediate(resolve))
  expect(mayLook).toBe(false)
  allHaveIt()
  await given
  expect(mayLook).toBe(true)
})

test('who gives up while workers are told leaves nothing behind', async () => {
  const { answers, published } = stage()
  await expect(answers.give('http-01', [proof('a.test', 'one')], nothing, AbortSignal.abort())).rejects.toThrow()
  expect(published.at(-1)).toEqual({ http: {}, tls: {} })
})

// The digest of the key authorization, base64url (RFC 8555, section 8.4): openssl dgst -sha256 -binary | base64.
const digest = 'tsbX0dm3cqvgD-JBTtWkW3cxH51YLSNDKnsk6CRGdac'

test('records are known to the disk before they are made, and until they are gone', async () => {
  const { answers } = stage()
  const [there, kept] = [new Set<string>(), [] as string[]]
  answers.records = memory(there)
  const keep = async (records: readonly TxtRecord[]): Promise<void> =>
    void kept.push(`${records.length} known, ${there.size} made`)
  const undo = await answers.give('dns-01', [proof('*.a.test', 'one'), proof('a.test', 'two')], keep, never)
  expect([...there][0]).toBe(`_acme-challenge.a.test ${digest}`)
  expect(there.size).toBe(2)
  await undo()
  expect(kept).toEqual(['2 known, 0 made', '0 known, 0 made'])
})

test('a record that is made where an alias leads to is taken away there, whatever the alias has become', async () => {
  const { answers } = stage()
  const [there, kept] = [new Set<string>(), [] as string[]]
  const aliases = { '_acme-challenge.a.test': 'a.elsewhere.test' }
  answers.records = memory(there, {}, aliases)
  const keep = async (records: readonly TxtRecord[]): Promise<void> =>
    void kept.push(...records.map(({ name }) => name))
  const undo = await answers.give('dns-01', [proof('a.test', 'one')], keep, never)
  expect([...there]).toEqual([`a.elsewhere.test ${digest}`])
  expect(kept).toEqual(['a.elsewhere.test'])
  aliases['_acme-challenge.a.test'] = 'b.elsewhere.test'
  await undo()
  expect(there.size).toBe(0)
})

test('when one record cannot be made the others are taken away; one that stays is told of', async () => {
  const { answers, leftOver } = stage()
  const there = new Set<string>()
  answers.records = memory(there, { add: '_acme-challenge.b.test', remove: '_acme-challenge.c.test' })
  const names = ['a.test', 'c.test', 'b.test']
  const given = answers.give(
    'dns-01',
    names.map((name) => proof(name, 'one')),
    nothing,
    never,
  )
  await expect(given).rejects.toThrow('no')
  expect([...there].map((each) => each.split(' ')[0])).toEqual(['_acme-challenge.c.test'])
  expect(leftOver.map(({ name }) => name)).toEqual(['_acme-challenge.c.test'])
  answers.records = memory(there)
  await answers.takeAway(leftOver)
  expect(there.size).toBe(0)
})

test('without a way to make records, dns-01 fails with words', async () => {
  await expect(stage().answers.give('dns-01', [proof('a.test', 'one')], nothing, never)).rejects.toThrow('option dns')
})
