// The private key among the blocks of a PEM text. One that is encrypted is opened here, once, with its passphrase, and goes on
// in the open: it is needed in memory anyway, and workers have no passphrases.
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { certificateProblem, type CertificateProblem } from './certificate-problem.ts'
import { isEncrypted, isKey, type Block } from './pem.ts'

export interface PrivateKey {
  /** Not encrypted. Never logged. */
  readonly pem: string
  readonly object: KeyObject
  /** It was encrypted. */
  readonly opened: boolean
}

export function readPrivateKey(
  blocks: readonly Block[],
  passphrase: string | undefined,
): PrivateKey | CertificateProblem {
  const keys = blocks.filter(isKey)
  const [block] = keys
  if (!block) return certificateProblem('no_key', 'key', 'There is no private key in the PEM.')
  if (keys.length > 1) {
    const problem = `There are ${keys.length} private keys in the PEM: one was expected.`
    return certificateProblem('several_keys', 'key', problem)
  }
  if (block.label === 'OPENSSH PRIVATE KEY') {
    const problem = 'The private key is in the format of OpenSSH. Convert it to PEM with ssh-keygen -p -m PEM.'
    return certificateProblem('bad_key', 'key', problem)
  }
  if (isEncrypted(block)) return open(block, passphrase)
  try {
    return { pem: block.pem, object: createPrivateKey(block.pem), opened: false }
  } catch {
    const problem = 'The private key is damaged, or of a kind that OpenSSL does not know.'
    return certificateProblem('bad_key', 'key', problem)
  }
}

function open({ pem }: Block, passphrase: string | undefined): PrivateKey | CertificateProblem {
  if (passphrase === undefined) {
    const problem = 'The private key is encrypted, and there is no passphrase for it.'
    return certificateProblem('key_encrypted', 'key', problem)
  }
  try {
    const object = createPrivateKey({ key: pem, passphrase })
    return { pem: object.export({ type: 'pkcs8', format: 'pem' }), object, opened: true }
  } catch {
    return certificateProblem('wrong_passphrase', 'passphrase', 'The passphrase does not open the private key.')
  }
}
