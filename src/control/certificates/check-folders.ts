// For `weir check`: the folders of certificates that a configuration names, looked at once, the way they are when Weir runs. A
// file that cannot be used keeps nobody from starting, so all of it is warnings, where the folder is named.
import { relative, resolve } from 'node:path'
import { pino } from 'pino'
import { validityAt } from '../../config/certificate.ts'
import type { Loaded } from '../../config/load.ts'
import { inOrder, Problems } from '../../config/problems.ts'
import { child, type Node } from '../../config/tree.ts'
import { CertificateFolder } from './folder.ts'
import { itemsOrSelf, tlsNodes } from './tls-nodes.ts'

/** @param now milliseconds since the epoch @returns what was loaded, with the warnings */
export async function checkCertificateFolders(loaded: Loaded, now = Date.now()): Promise<Loaded> {
  if (loaded.config === null) return loaded
  const problems = new Problems()
  for (const node of folderNodes(loaded.tree)) {
    if (node.kind !== 'scalar') continue
    const path = resolve(node.place.source.folder, String(node.value))
    const folder = new CertificateFolder(path, { onChange: () => {}, log: pino({ level: 'silent' }) })
    try {
      await folder.open()
      for (const { path: file, problem } of folder.problems) {
        const message = `${relative(path, file)} in ${node.text} is left out: ${problem}`
        problems.add(node.place, 'SKIPPED_CERTIFICATE', message)
      }
      for (const held of folder.certificates) {
        const validity = validityAt(held, now)
        if (validity === 'valid') continue
        const message = `The certificate ${relative(path, held.name)} in ${node.text} is ${validity}`
        problems.add(node.place, 'CERTIFICATE_EXPIRED', message)
      }
    } finally {
      folder.close()
    }
  }
  const found = problems.sorted()
  return found.length === 0 ? loaded : { ...loaded, warnings: inOrder([...loaded.warnings, ...found]) }
}

const folderNodes = (tree: Node): readonly Node[] =>
  tlsNodes(tree)
    .flatMap((tls) => itemsOrSelf(child(tls, 'certificate')))
    .map((certificate) => child(certificate, 'folder'))
    .filter((node) => node !== undefined)
