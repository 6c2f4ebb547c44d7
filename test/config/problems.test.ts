// Each code of a problem, at the exact line and column where a person has to look.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatProblems } from '../../src/config/format.ts'
import { loadConfig, minimalConfig, parseConfig } from '../../src/config/load.ts'
import { problemCodes } from '../../src/config/problems.ts'
import { checkBalancerFiles } from '../../src/control/balance/check-files.ts'
import { checkCertificateFolders } from '../../src/control/certificates/check-folders.ts'
import { makeCertificate } from '../support/certificates.ts'
import { check, messages, places, problemsOf, valid } from './support.ts'

let folder: string
const seen = new Set<string>()
/** Runs check() and notes the codes, so that the last test can tell which ones no test provokes. */
const found = (text: string, env = {}): string[] => {
  const result = check(text, env, folder)
  for (const each of result) seen.add(each.split(' ')[1]!)
  return result
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weir-config-'))
  const one = await makeCertificate({ names: ['one.test'] })
  const two = await makeCertificate({ names: ['two.test'] })
  const old = await makeCertificate({ names: ['old.test'], from: new Date(Date.UTC(2020, 0, 1)), days: 10 })
  const soon = await makeCertificate({ names: ['soon.test'], days: 10 })
  const files = {
    'soon.pem': soon.cert + soon.key,
    'one.pem': one.cert + one.key,
    'one.crt': one.cert,
    'two.key': two.key,
    'old.pem': old.cert + old.key,
    'text.pem': 'hello',
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  mkdirSync(join(folder, 'folder.pem'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const base = `frontends:
  web:
    bind: :8080
    backend: app
backends:
  app:
    servers: [10.0.0.1:80]
`
const withGlobal = (lines: string): string => `${base}global:\n${lines}\n`
const withFrontend = (lines: string): string => base.replace('    backend: app\n', `    backend: app\n${lines}\n`)
const withBackend = (lines: string): string => `${base}${lines}\n`
const withServers = (value: string): string => base.replace('[10.0.0.1:80]', value)

test('the base of these tests is right', () => {
  expect(found(base)).toEqual([])
})

const cases: readonly (readonly [string, () => string, readonly string[]])[] = [
  ['a key that is not known', () => withFrontend('    bindd: 1'), ['5:5 UNKNOWN_KEY']],
  ['a section that is not known', () => `${base}backend: {}\n`, ['8:1 UNKNOWN_KEY']],
  ['a duration without unit', () => withGlobal('  shutdown_timeout: 30'), ['9:21 BAD_DURATION']],
  ['a duration with words', () => withFrontend('    timeouts: {keep_alive: 2 secs}'), ['5:28 BAD_DURATION']],
  ['a size that is none', () => withFrontend('    limits: {head: 16kb}'), ['5:20 BAD_SIZE']],
  ['a head beyond the read buffer', () => withFrontend('    limits: {head: 64KiB}'), ['5:20 OUT_OF_RANGE']],
  ['a number beyond its bounds', () => withGlobal('  workers: 65'), ['9:12 OUT_OF_RANGE']],
  ['a duration beyond its bounds', () => withFrontend('    timeouts: {keep_alive: 1ms}'), ['5:28 OUT_OF_RANGE']],
  ['a word that is not among those known', () => withBackend('    balance: fastest'), ['8:14 BAD_VALUE']],
  ['a map where a word belongs', () => withFrontend('    mode: {a: b}'), ['5:11 BAD_VALUE']],
  ['a list where a map belongs', () => withFrontend('    timeouts: [1]'), ['5:15 BAD_VALUE']],
  ['a key with nothing behind it', () => withBackend('    retries:'), ['8:5 BAD_VALUE']],
  ['an address without a port', () => withServers('[10.0.0.1]'), ['7:15 BAD_ADDRESS']],
  ['a bind on a name', () => base.replace(':8080', 'localhost:8080'), ['3:11 BAD_ADDRESS']],
  ['a bind beyond the last port', () => base.replace(':8080', ':65536'), ['3:11 BAD_ADDRESS']],
  ['a server on port 0', () => withServers('[10.0.0.1:0]'), ['7:15 BAD_ADDRESS']],
  ['a path behind a server', () => withServers('["http://a/b"]'), ['7:15 BAD_ADDRESS']],
  ['an admin address that is not loopback', () => withGlobal('  admin: 0.0.0.0:9180'), ['9:10 BAD_ADDRESS']],
  ['a network that is none', () => withFrontend('    clients: {deny: 10.0.0.1/8}'), ['5:21 BAD_NETWORK']],
  ['a rate that is none', () => withFrontend('    clients: {request_rate: 100}'), ['5:29 BAD_RATE']],
  ['a name that cannot be one', () => base.replaceAll('app', '"a b"'), ['4:14 BAD_NAME', '6:3 BAD_NAME']],
  ['a frontend without a bind', () => base.replace('    bind: :8080\n', ''), ['2:3 MISSING']],
  [
    'a frontend with neither backend nor routes',
    () => base.replace('    backend: app\n', ''),
    ['2:3 MISSING', '5:3 UNUSED_BACKEND'],
  ],
  ['a backend without servers', () => withServers('[]'), ['7:5 MISSING']],
  ['a server without an address', () => withServers('[{weight: 2}]'), ['7:15 MISSING']],
  ['a file without backends', () => base.slice(0, base.indexOf('backends')), ['1:1 MISSING']],
  ['a route that says nothing', () => withFrontend('    routes: [{backend: app}]'), ['5:14 MISSING']],
  ['a key that is given twice', () => withFrontend('    backend: app'), ['5:5 DUPLICATE_NAME']],
  [
    'two servers of one name',
    () => withServers('[{name: a, address: b:1}, {name: a, address: c:1}]'),
    ['7:47 DUPLICATE_NAME'],
  ],
  ['two servers of one address', () => withServers('[a:1, b:1, A:1]'), ['7:25 DUPLICATE_ADDRESS']],
  ['a backend that is not there', () => base.replace('backend: app', 'backend: ap'), ['4:14 UNKNOWN_BACKEND']],
  [
    'a route to a backend that is not there',
    () => withFrontend('    routes: [{path: /, backend: ap}]'),
    ['5:33 UNKNOWN_BACKEND'],
  ],
  [
    'a backend used in two modes',
    () => base.replace('backends:', '  raw: {mode: tcp, bind: :81, backend: app}\nbackends:'),
    ['5:40 MODE_CONFLICT'],
  ],
  ['a backend used in another mode than it says', () => withBackend('    mode: tcp'), ['4:14 MODE_CONFLICT']],
  [
    'routes in tcp mode',
    () => withFrontend('    mode: tcp\n    routes: [{path: /, backend: app}]'),
    ['6:5 MODE_CONFLICT'],
  ],
  ['two binds on one port', () => base.replace(':8080', "[':80', '127.0.0.1:80']"), ['3:19 BIND_CONFLICT']],
  ['one socket twice', () => base.replace(':8080', '[/run/a.sock, "unix:/run/./a.sock"]'), ['3:25 BIND_CONFLICT']],
  [
    'a bind on the port of admin',
    () => `${base.replace('8080', '9180')}global: {admin: 9180}\n`,
    ['3:11 BIND_CONFLICT'],
  ],
  ['a file that is not there', () => withFrontend('    tls: none.pem'), ['5:10 UNREADABLE_FILE']],
  ['a folder where a file belongs', () => withFrontend('    tls: {certificate: folder.pem}'), ['5:24 UNREADABLE_FILE']],
  ['a file that holds no certificate', () => withFrontend('    tls: text.pem'), ['5:10 BAD_CERTIFICATE']],
  ['a certificate without key', () => withFrontend('    tls: one.crt'), ['5:10 BAD_CERTIFICATE']],
  ['an authority that is none', () => withBackend('    tls: {ca: text.pem}'), ['8:15 BAD_CERTIFICATE']],
  [
    'the key of another certificate',
    () => withFrontend('    tls: {certificate: one.crt, key: two.key}'),
    ['5:38 KEY_MISMATCH'],
  ],
  [
    'the same as a pair',
    () => withFrontend('    tls: {certificate: [{cert: one.crt, key: two.key}]}'),
    ['5:46 KEY_MISMATCH'],
  ],
  ['a certificate close to its end', () => withFrontend('    tls: soon.pem'), ['5:10 CERTIFICATE_EXPIRES']],
  ['a file of keys that holds none', () => withGlobal('  ticket_keys: text.pem'), ['9:16 BAD_SECRET']],
  ['a certificate past its end', () => withFrontend('    tls: old.pem'), ['5:10 CERTIFICATE_EXPIRED']],
  [
    'a key beside several certificates',
    () => withFrontend('    tls: {certificate: [one.pem, one.pem], key: two.key}'),
    ['5:34 UNWISE_TLS', '5:44 BAD_VALUE'],
  ],
  [
    'a cipher list that OpenSSL refuses',
    () => withFrontend('    tls: {certificate: one.pem, ciphers: NOPE}'),
    ['5:42 BAD_VALUE'],
  ],
  [
    'a protocol that is not spoken',
    () => withFrontend('    tls: {certificate: one.pem, alpn: [h2, http/1.1]}'),
    ['5:40 BAD_VALUE'],
  ],
  [
    'versions in the wrong order',
    () => withFrontend('    tls: {certificate: one.pem, min_version: TLSv1.3, max_version: TLSv1.2}'),
    ['5:46 OUT_OF_RANGE'],
  ],
  ['a variable that is not set', () => withFrontend('    max_connections: ${LIMIT}'), ['5:22 UNSET_VARIABLE']],
  [
    'a variable in the middle of a value',
    () => base.replace(':8080', '"127.0.0.1:${PORT:?which port}"'),
    ['3:22 UNSET_VARIABLE'],
  ],
  ['a variable that is malformed', () => base.replace(':8080', '":${PO RT}"'), ['3:13 BAD_VARIABLE']],
  ['a variable without its end', () => base.replace(':8080', '":${PORT"'), ['3:13 BAD_VARIABLE']],
  ['YAML that is none', () => `${base}  - [\n`, ['8:1 YAML_SYNTAX', '9:1 YAML_SYNTAX']],
  ['an alias to nothing', () => base.replace(':8080', '*:8080'), ['3:11 YAML_SYNTAX']],
  ['a file with nothing in it', () => '# nothing\n', ['1:1 EMPTY_CONFIG']],
  ['a backend that nobody uses', () => withBackend('  spare: {servers: [a:1]}'), ['8:3 UNUSED_BACKEND']],
  [
    'a route behind a wider one',
    () => withFrontend('    routes:\n      - {path: /a, backend: app}\n      - {path: /a/b, backend: app}'),
    ['7:9 UNREACHABLE_ROUTE'],
  ],
  ['an option of http in tcp mode', () => withFrontend('    mode: tcp\n    limits: {fields: 5}'), ['6:5 NO_EFFECT']],
  ['a path in a tcp check', () => withBackend('    health_check: {type: tcp, path: /x}'), ['8:31 NO_EFFECT']],
  [
    'a list that keeps everybody out',
    () => withFrontend('    clients: {deny: [0.0.0.0/0, "::/0"]}'),
    ['5:15 UNWISE_RULE'],
  ],
  ['an ELB that nobody trusts', () => withFrontend('    behind: elb'), ['5:13 ELB_MISMATCH', '5:13 ELB_MISMATCH']],
  ['a balancer that takes no map', () => withBackend('    balance: {algorithm: least}'), ['8:26 BAD_VALUE']],
  ['a balance without algorithm', () => withBackend('    balance: {choices: 3}'), ['8:14 MISSING']],
  ['an algorithm and a file', () => withBackend('    balance: {algorithm: p2c, file: mine.ts}'), ['8:31 BAD_VALUE']],
  ['a balancer whose file is not there', () => withBackend('    balance: {file: ./none.ts}'), ['8:21 UNREADABLE_FILE']],
  ['a balancer that is no program', () => withBackend('    balance: {file: one.pem}'), ['8:21 BAD_VALUE']],
  ['too many choices', () => withBackend('    balance: {algorithm: p2c, choices: 17}'), ['8:40 OUT_OF_RANGE']],
  ['a bound below 1', () => withBackend('    balance: {algorithm: affinity, bound: 0.9}'), ['8:43 OUT_OF_RANGE']],
  [
    'a setting of another algorithm',
    () => withBackend('    balance: {algorithm: hash, choices: 3}'),
    ['8:32 NO_EFFECT'],
  ],
  [
    'a key for an algorithm that has none',
    () => withBackend('    balance: {algorithm: p2c, key: path}'),
    ['8:31 NO_EFFECT'],
  ],
  ['a key that there is not', () => withBackend('    balance: {algorithm: hash, key: host}'), ['8:37 BAD_VALUE']],
  [
    'a key without its name',
    () => withBackend('    balance: {algorithm: hash, key: [path, "header:"]}'),
    ['8:44 BAD_VALUE'],
  ],
  [
    'a part of a key without its name',
    () => withBackend('    balance: {algorithm: hash, key: {source: cookie}}'),
    ['8:37 MISSING'],
  ],
  [
    'a name that no cookie has',
    () => withBackend('    balance: {algorithm: hash, key: {source: cookie, name: "a;b"}}'),
    ['8:60 BAD_VALUE'],
  ],
  [
    'a prefix of a path',
    () => withBackend('    balance: {algorithm: hash, key: {source: path, prefix4: 24}}'),
    ['8:52 NO_EFFECT'],
  ],
  ['another key for source', () => withBackend('    balance: {algorithm: source, key: path}'), ['8:39 BAD_VALUE']],
  ['panic beyond the whole', () => withBackend('    panic: 101%'), ['8:12 OUT_OF_RANGE']],
  ['panic in words', () => withBackend('    panic: half'), ['8:12 BAD_VALUE']],
  ['a small subset', () => withBackend('    subset: 11'), ['8:13 UNWISE_BALANCE']],
  ['a minimum of one tier alone', () => withBackend('    min_healthy: 2'), ['8:5 NO_EFFECT']],
  ['a tier beyond the last', () => withServers('[{address: a:1, tier: 10}]'), ['7:36 OUT_OF_RANGE']],
  ['a backup of tier 0', () => withServers('[{address: a:1, backup: true, tier: 0}]'), ['7:44 BAD_VALUE']],
  ['a zone of servers alone', () => withServers('[{address: a:1, zone: z}]'), ['7:30 NO_EFFECT']],
  ['a zone of Weir alone', () => withGlobal('  zone: z'), ['9:9 NO_EFFECT']],
  ['a zone that is none', () => withGlobal('  zone: a b'), ['9:9 BAD_VALUE']],
  ['https with tls: false', () => withServers('[{address: "https://a", tls: false}]'), ['7:38 BAD_VALUE']],
]

for (const [name, text, expected] of cases) {
  test(`${name}: found where it stands`, () => {
    expect(found(text())).toEqual(expected)
  })
}

describe('a folder of files', () => {
  const write = (files: Record<string, string>): string => {
    const at = mkdtempSync(join(folder, 'd-'))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(at, name), text)
    return at
  }

  test('is one configuration', () => {
    const [frontends, backends] = base.split(/(?=backends)/)
    const at = write({
      '10-web.yaml': frontends!,
      '20-app.yml': backends!,
      '30-tcp.yaml': 'frontends: {raw: {mode: tcp, bind: :81, backend: raw}}\nbackends: {raw: {servers: [a:1]}}',
      '40-global.yaml': 'global: {log: {level: debug}}',
      '50-log.yaml': 'global: {log: {target: stdout}}\ndefaults:\n',
      'notes.txt': '- not read',
    })
    const loaded = loadConfig(at, {})
    expect(places(loaded)).toEqual([])
    expect(loaded.config!.frontends.map(({ name }) => name)).toEqual(['web', 'raw'])
    expect(loaded.config!.global.log).toEqual({ level: 'debug', target: 'stdout' })
  })

  test('says where two files are in conflict, and goes on', () => {
    const at = write({
      'a.yaml': `${base}global: {workers: 2}\n`,
      'b.yaml': 'frontends:\n  web: {bind: :81, backend: app}\nglobal:\n  workers: 3\n  works: 1\n',
    })
    const loaded = loadConfig(at, {})
    expect(places(loaded)).toEqual(['2:3 MERGE_CONFLICT', '4:3 MERGE_CONFLICT', '5:3 UNKNOWN_KEY'])
    expect(problemsOf(loaded)[0]).toMatchObject({
      file: join(at, 'b.yaml'),
      message: `"web" is said in ${join(at, 'a.yaml')}:2:3 already`,
    })
    seen.add('MERGE_CONFLICT')
  })

  test('that holds no file is said to', () => {
    expect(places(loadConfig(write({}), {}))).toEqual(['0:0 EMPTY_CONFIG'])
  })

  test('resolves relative paths from where each file is', () => {
    const at = write({ 'a.yaml': base.replace(':8080', 'unix:web.sock') })
    expect(loadConfig(at, {}).config!.frontends[0]!.binds[0]!.path).toBe(join(at, 'web.sock'))
  })
})

test('a balancer that does not work is found by running it, wherever it is named', async () => {
  writeFileSync(join(folder, 'bad.ts'), 'export default 1')
  for (const [text, expected] of [
    [withBackend('    balance: {file: bad.ts}'), '8:21 BAD_BALANCER'],
    [`${base}defaults: {balance: {file: bad.ts}}\n`, '8:28 BAD_BALANCER'],
  ] as const) {
    const loaded = await checkBalancerFiles(parseConfig(text, join(folder, 'weir.yaml')))
    expect(places(loaded)).toEqual([expected])
  }
  seen.add('BAD_BALANCER')
})

test('files in a folder of certificates are looked at, wherever it is named', async () => {
  const at = join(folder, 'certificates')
  mkdirSync(at)
  for (const name of ['one.pem', 'text.pem', 'old.pem']) copyFileSync(join(folder, name), join(at, name))
  const form = '{certificate: [{folder: certificates}, one.pem]}'
  for (const [text, place] of [
    [withFrontend(`    tls: ${form}`), '5:34'],
    [base.replace(':8080', `{address: ":8080", tls: ${form}}`), '3:59'],
  ] as const) {
    const loaded = await checkCertificateFolders(parseConfig(text, join(folder, 'weir.yaml')))
    expect(places(loaded)).toEqual([`${place} SKIPPED_CERTIFICATE`, `${place} CERTIFICATE_EXPIRED`])
    expect(problemsOf(loaded).map(({ message }) => message)).toEqual([
      expect.stringMatching(/^text\.pem in certificates is left out: The certificate is not PEM/),
      'The certificate old.pem in certificates is expired',
    ])
  }
  seen.add('SKIPPED_CERTIFICATE')
})

test('a file that is not there is a problem without a line', () => {
  const loaded = loadConfig(join(folder, 'missing.yaml'), {})
  expect(places(loaded)).toEqual(['0:0 UNREADABLE_FILE'])
  expect(formatProblems(problemsOf(loaded), loaded.sources, 'text')).toBe(
    `${join(folder, 'missing.yaml')}: UNREADABLE_FILE: Cannot read the configuration: there is no such file\n`,
  )
})

test('many problems are found at once, in the order of the file', () => {
  const text = `global: {workers: many}
frontends:
  web: {bind: [':80', 'x'], backend: ap, timeouts: {keep_alive: 5}, tls: none.pem}
  raw: {mode: tpc, bind: :80, backend: app}
backends:
  app: {servers: [a:1, a, b:1, b:1], balance: leastcon}
`
  expect(found(text)).toEqual([
    '1:19 BAD_VALUE',
    '3:23 BAD_ADDRESS',
    '3:38 UNKNOWN_BACKEND',
    '3:65 BAD_DURATION',
    '3:74 UNREADABLE_FILE',
    '4:15 BAD_VALUE',
    '4:26 BIND_CONFLICT',
    '6:24 BAD_ADDRESS',
    '6:32 DUPLICATE_ADDRESS',
    '6:47 BAD_VALUE',
  ])
})

describe('did you mean', () => {
  test.each([
    ['an option', base.replace('bind', 'bnid'), /Unknown option "bnid" in web: did you mean "bind"\?/],
    ['a section', base.replace('frontends', 'frontend'), /did you mean "frontends"\?/],
    ['a backend', base.replace('backend: app', 'backend: apq'), /There is no backend "apq": did you mean "app"\?/],
    ['a balancer', withBackend('    balance: least-conn'), /did you mean "leastconn"\?/],
    ['a word', withFrontend('    mode: htpp'), /did you mean "http"\?/],
    ['a hyphen', withFrontend('    access-log: true'), /did you mean "access_log"\?/],
  ])('%s', (_, text, expected) => {
    expect(messages(text).join('\n')).toMatch(expected)
  })

  test('what is far from everything gets the list instead', () => {
    expect(messages(withGlobal('  log: {zzzzzz: 1}'))).toEqual([
      'Unknown option "zzzzzz" in log; known here: level, target',
    ])
  })
})

describe('what is never shown', () => {
  test('a value from the environment', () => {
    const secret = 'hunter2-hunter2'
    const text = `frontends: {web: {bind: "\${S}", tls: {certificate: "\${S}", ciphers: "\${S} x"}, backend: "\${S}"}}
backends: {app: {servers: ["\${S}"], balance: "\${S}", retries: "\${S}", timeouts: {connect: \${S}}}}`
    const loaded = parseConfig(text.replace('{connect: ${S}}', '{connect: "${S}"}'), '/nowhere/weir.yaml', {
      S: secret,
    })
    expect(problemsOf(loaded).length).toBeGreaterThan(6)
    for (const format of ['text', 'json'] as const) {
      const report = formatProblems(problemsOf(loaded), loaded.sources, format)
      expect(report).not.toContain('hunter')
    }
    expect(problemsOf(loaded)[0]!.message).toContain('got "${S}" (from the environment)')
  })

  test('a key that was pasted where its path belongs', () => {
    const pem = '-----BEGIN PRIVATE KEY-----\\nMIIEvAIBADAN\\n-----END PRIVATE KEY-----'
    const text = withFrontend(`    tls: {certificate: a.pem, key: "${pem}"}`)
    const loaded = parseConfig(text, '/nowhere/weir.yaml')
    const report = formatProblems(problemsOf(loaded), loaded.sources, 'text')
    expect(report).toContain('got PEM text')
    expect(report).not.toContain('MIIE')
  })
})

describe('the report', () => {
  test('has a line that editors can jump to, the line of the file and a caret', () => {
    const loaded = parseConfig(withFrontend('    limits: {head: 16kb}'), 'weir.yaml')
    expect(formatProblems(problemsOf(loaded), loaded.sources, 'text')).toBe(
      [
        'weir.yaml:5:20: BAD_SIZE: Cannot read head: expected a size such as "16KiB", got "16kb"',
        '  5 |     limits: {head: 16kb}',
        '    |                    ^^^^',
        '',
      ].join('\n'),
    )
  })

  test('marks warnings, and they do not make it invalid', () => {
    const loaded = parseConfig(withBackend('  spare: {servers: [a:1]}'), 'weir.yaml')
    expect(loaded.config).not.toBeNull()
    expect(formatProblems(problemsOf(loaded), loaded.sources, 'text')).toMatch(
      /^weir\.yaml:8:3: UNUSED_BACKEND: warning: /,
    )
    expect(JSON.parse(formatProblems(problemsOf(loaded), loaded.sources, 'json'))).toMatchObject({
      valid: true,
      problems: [{ code: 'UNUSED_BACKEND', severity: 'warning', file: 'weir.yaml', line: 8, column: 3, width: 5 }],
    })
  })

  test('keeps its columns in files with CRLF', () => {
    const loaded = parseConfig(withFrontend('    limits: {head: 16kb}').replaceAll('\n', '\r\n'), 'weir.yaml')
    expect(places(loaded)).toEqual(['5:20 BAD_SIZE'])
    expect(formatProblems(problemsOf(loaded), loaded.sources, 'text')).not.toContain('\r')
  })

  test('says how to quote what YAML takes for something else', () => {
    expect(messages(base.replace(':8080', '*:8080')).join()).toContain("needs quotes, as in '*:8080'")
    expect(messages(base.replace(':8080', '[::1]:8080')).join()).toContain('needs quotes')
  })
})

test('an empty file is told what a minimal configuration is, and that one is right', () => {
  expect(messages('')).toEqual([`The configuration is empty; a minimal one is: ${minimalConfig}`])
  expect(valid(minimalConfig).frontends).toHaveLength(1)
})

test('aliases that explode are stopped', () => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let i = 1; i < 12; i++) lines.push(`a${i}: &a${i} [${`*a${i - 1}, `.repeat(10)}]`)
  expect(check(lines.join('\n'))).toContain('1:1 YAML_SYNTAX')
})

test('every code has a test that provokes it', () => {
  expect(Object.keys(problemCodes).filter((code) => !seen.has(code))).toEqual([])
})
