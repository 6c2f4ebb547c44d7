import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { md5 } from '../../src/balance/md5.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(md5(bytes).buffer).toString('hex')

test('the test suite of RFC 1321, appendix A.5, is met', () => {
  const suite = {
    '': 'd41d8cd98f00b204e9800998ecf8427e',
    a: '0cc175b9c0f1b6a831c399e269772661',
    abc: '900150983cd24fb0d6963f7d28e17f72',
    'message digest': 'f96b697d7cb7938d525a2f31aaf161d0',
    abcdefghijklmnopqrstuvwxyz: 'c3fcd3d76192e4007dfb496cca67e13b',
    ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789: 'd174ab98d277d9f5a5611c2c9f419d9f',
    ['1234567890'.repeat(8)]: '57edf4a22be3c955ac49da2e2107b67a',
  }
  for (const [text, digest] of Object.entries(suite)) expect(hex(Buffer.from(text))).toBe(digest)
})

test('messages of every length around the blocks agree with the digest of the platform', () => {
  for (let length = 0; length <= 200; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 151 + length) & 255)
    expect(hex(bytes)).toBe(createHash('md5').update(bytes).digest('hex'))
  }
})
