// How the seed's tools read what scripts type, and how they write what scripts parse.
import { expect, test } from 'vitest'
import { elbOptions, listOf, numberOf, readArguments, requiredText } from '../../../src/cli/elb-tools/arguments.ts'
import { accountOf, arnOf, idOf, namedIn } from '../../../src/cli/elb-tools/arn.ts'
import { listingText, type Listing } from '../../../src/cli/elb-tools/listing.ts'

const options = {
  ...elbOptions,
  lb: { type: 'string' },
  instances: { type: 'string' },
  'lb-port': { type: 'string' },
} as const
const read = (...argv: readonly string[]) => readArguments(argv, options)

test('--opt value and --opt=value are the same, wherever the name of the load balancer stands', () => {
  const expected = { words: ['lb1'], options: { 'lb-port': '443' } }
  expect(read('lb1', '--lb-port', '443')).toMatchObject(expected)
  expect(read('--lb-port=443', 'lb1')).toMatchObject(expected)
})

test('a list may have spaces after its commas', () => {
  const { words, options: found } = read('lb1', '--instances', 'i-1,', 'i-2,i-3,', '--headers')
  expect([words, listOf(String(found.instances)), found.headers]).toEqual([['lb1'], ['i-1', 'i-2', 'i-3'], true])
  expect(listOf(' a , b,,c ')).toEqual(['a', 'b', 'c'])
})

test('what said who one was at AWS is taken, in every spelling', () => {
  const credentials = ['-I', 'AKIA', '-S', 'secret', '-K', 'pk.pem', '-C', 'cert.pem', '--aws-credential-file=/nowhere']
  expect(read('lb1', ...credentials, '--region', 'us-east-1', '-U', 'https://elb', '--force', '--quiet').words).toEqual(
    ['lb1'],
  )
})

test('what is wrong is said in one line, and does not repeat values that may be secret', () => {
  expect(() => read('--lb-prot', '443')).toThrow('unknown option --lb-prot: did you mean "--lb-port"?')
  expect(() => read('--lb-port')).toThrow(/^Option '--lb-port <value>' argument missing$/)
  expect(() => requiredText(read('lb1'), 'instances')).toThrow('--instances is missing')
  for (const wrong of ['0', '65536', '4x', '-1', '1.5'])
    expect(() => numberOf(read(`--lb-port=${wrong}`), 'lb-port', [1, 65_535])).toThrow(
      '--lb-port is a whole number from 1 to 65535',
    )
})

test('ARNs: the account is the one of the environment, paths are left out, and other accounts are unknown', () => {
  expect(accountOf({})).toBe('000000000000')
  expect(accountOf({ WEIR_ACCOUNT_ID: 'YOUR_IAM_ID' })).toBe('YOUR_IAM_ID')
  expect(() => accountOf({ WEIR_ACCOUNT_ID: 'a b' })).toThrow('is no account')
  for (const place of ['/', '/web/eu/']) {
    const named = { name: 'stage.mysite.com', path: place }
    expect(namedIn(arnOf(named, '123456789012'), '123456789012')).toEqual(named)
  }
  expect(arnOf({ name: 'site', path: '/web/eu/' }, '1')).toBe('arn:aws:iam::1:server-certificate/web/eu/site')
  expect(arnOf({ name: 'site', path: null }, '1')).toBe('arn:aws:iam::1:server-certificate/site')
  expect(namedIn('arn:aws-cn:iam::1:server-certificate/web/eu/site', '1')).toEqual({ name: 'site', path: '/web/eu/' })
  expect(() => namedIn('arn:aws:iam::2:server-certificate/site', '1')).toThrow('Server Certificate not found')
  for (const none of ['site', 'arn:aws:iam::1:server-certificate/', 'arn:aws:iam::1:server-certificate/web/'])
    expect(() => namedIn(none, '1')).toThrow('is no ARN')
})

test('ids are in the form of IAM, equal for equal certificates and no others', () => {
  expect(idOf('AB'.repeat(32))).toMatch(/^ASCA[A-Z2-7]{17}$/)
  expect(idOf('AB'.repeat(32))).toBe(idOf('ab'.repeat(32)))
  expect(idOf('AB'.repeat(32))).not.toBe(idOf('AC'.repeat(32)))
})

const listing: Listing = {
  kind: 'LOAD_BALANCER',
  element: 'Response',
  columns: [
    { header: 'NAME', element: 'Name' },
    { header: 'DNS_NAME', element: 'DNSName' },
    { header: 'LISTENERS', element: 'Listeners', long: true },
  ],
  rows: [
    ['a', 'a.example', '{lb-port=80}'],
    ['longer', 'b<&>', ''],
  ],
  empty: 'No LoadBalancers found',
}
const shown = (...argv: readonly string[]) => listingText(listing, read(...argv))

test('two spaces stand between fields, or what was asked for', () => {
  expect(shown()).toBe('LOAD_BALANCER  a  a.example\nLOAD_BALANCER  longer  b<&>\n')
  expect(shown('--delimiter', ';')).toBe('LOAD_BALANCER;a;a.example\nLOAD_BALANCER;longer;b<&>\n')
  expect(shown('--headers')).toBe(
    'LOAD_BALANCER  NAME    DNS_NAME\nLOAD_BALANCER  a       a.example\nLOAD_BALANCER  longer  b<&>\n',
  )
  expect(shown('--show-long')).toBe('LOAD_BALANCER,a,a.example,{lb-port=80}\nLOAD_BALANCER,longer,b<&>,(nil)\n')
  expect(listingText({ ...listing, rows: [] }, read())).toBe('No LoadBalancers found\n')
})

test('XML has all columns, and nothing in it is taken for markup', () => {
  const xml = shown('--show-xml')
  expect(xml).toContain('    <DNSName>b&lt;&amp;&gt;</DNSName>\n')
  expect(xml).toMatch(/^<Response>\n {2}<member>\n[^]*<\/Response>\n$/)
  expect(xml.match(/<Listeners>/g)).toHaveLength(2)
})
