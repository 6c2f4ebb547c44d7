// How what an authority says is read: problems, when to come again, links to other chains.
import { expect, test } from 'vitest'
import { refusal, retryTime, wordsOf } from '../../../src/control/acme/acme-error.ts'
import { alternates, chooseChain, topOf } from '../../../src/control/acme/chain.ts'
import { shapes } from '../../../src/control/acme/protocol.ts'

const urn = 'urn:ietf:params:acme:error:'

test('a problem is told in one line, with what is wrong with each name', () => {
  const problem = {
    type: `${urn}rejectedIdentifier`,
    detail: 'Some names\nare \u001b[31mnot taken',
    subproblems: [
      { type: `${urn}caa`, detail: 'CAA forbids it', identifier: { value: 'a.test' } },
      { type: `${urn}dns`, identifier: { value: 'b.test' } },
      {},
    ],
  }
  expect(wordsOf(problem)).toBe(
    'Some names are  [31mnot taken (rejectedIdentifier); a.test: CAA forbids it (caa); b.test: dns; also: it gave no reason',
  )
  expect(wordsOf({ detail: 'x'.repeat(5000) })).toHaveLength(1000)
})

test('a refusal knows whether the same may be asked again', () => {
  const error = (status: number, type: string | null) =>
    refusal('sign', status, type === null ? null : { type: `${urn}${type}` })
  expect(error(403, 'unauthorized')).toMatchObject({ isFinal: true, type: 'unauthorized' })
  expect(error(404, null)).toMatchObject({
    isFinal: true,
    type: null,
    message: 'The authority refused to sign: status 404',
  })
  for (const passing of [
    error(429, 'rateLimited'),
    error(403, 'orderNotReady'),
    error(500, 'serverInternal'),
    error(503, null),
    error(429, null),
  ]) {
    expect(passing.isFinal).toBe(false)
  }
})

test('the time to come again is in seconds or a date', () => {
  expect(retryTime('120', 1000)).toBe(121_000)
  expect(retryTime('Thu, 01 Jan 2026 00:00:00 GMT', 1000)).toBe(Date.parse('2026-01-01T00:00:00Z'))
  for (const none of [undefined, '', 'soon', '-5', '1.5']) expect(retryTime(none, 1000)).toBeNull()
})

test('other chains are found among all links, relative ones too', () => {
  const base = 'https://ca.test/cert/1'
  expect(
    alternates('<https://ca.test/dir>;rel="index", </cert/1/1>;rel="alternate", <2>; title="x"; rel=alternate', base),
  ).toEqual(['https://ca.test/cert/1/1', 'https://ca.test/cert/2'])
  expect(alternates(['<a>;rel="next alternate"', '<b>;rel="up"'], base)).toEqual(['https://ca.test/cert/a'])
  expect(alternates(undefined, base)).toEqual([])
})

test("a chain that cannot be read is nobody's preferred one", () => {
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
  expect(topOf(broken)).toBeNull()
  expect(topOf('')).toBeNull()
  expect(chooseChain([broken, ''], 'Root')).toBe(broken)
})

test('a token that would be another path is not taken', () => {
  const challenge = (token: string) => ({
    identifier: { type: 'dns', value: 'a.test' },
    status: 'pending',
    challenges: [{ type: 'http-01', url: 'https://ca.test/1', token }],
  })
  expect(shapes.authorization.safeParse(challenge('abc-_9')).success).toBe(true)
  for (const token of ['../x', 'a/b', '', 'a\r\nb'])
    expect(shapes.authorization.safeParse(challenge(token)).success).toBe(false)
})
