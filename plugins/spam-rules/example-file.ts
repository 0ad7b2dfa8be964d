/**
 * Files for examples: a name, and what it is by its content, which is all that rules see of a file. `invoice.pdf.exe exe`; `photos.zip zip(a.jpg, b.exe)` is an
 * archive with that directory, `zip!(a.exe)` one that wants a password. Without a kind it is what its name says, as far as is known here.
 */

const KINDS: Readonly<Record<string, string>> = {
  exe: 'MZ\x90\x00\x03\x00\x00\x00',
  elf: '\x7fELF\x02\x01\x01\x00',
  pdf: '%PDF-1.7\n%\xe2\xe3\n',
  png: '\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR',
  jpg: '\xff\xd8\xff\xe0\x00\x10JFIF\x00',
  gif: 'GIF89a\x01\x00\x01\x00',
  doc: '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1',
  xls: '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1',
  rar: 'Rar!\x1a\x07\x01\x00',
  '7z': "7z\xbc\xaf'\x1c\x00\x04",
  gz: '\x1f\x8b\x08\x00',
  cab: 'MSCF\x00\x00\x00\x00',
  rtf: '{\\rtf1 x}',
  lnk: 'L\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00F',
  html: '<!DOCTYPE html><html><body>A page</body></html>',
  js: 'var x = new ActiveXObject("WScript.Shell");',
  txt: 'A text.',
}
const SHAPE = /^(?<name>.*?)(?:\s+(?<kind>[a-z0-9]+)(?<locked>!?)(?:\((?<entries>[^()]*)\))?)?$/i

/** A MIME part with its header. */
export function attachmentOf(told: string): string {
  const { name = told, kind, locked, entries } = SHAPE.exec(told)?.groups ?? {}
  const wanted = (kind ?? name.slice(name.lastIndexOf('.') + 1)).toLowerCase()
  const octets =
    wanted === 'zip' || entries !== undefined
      ? zipOf(
          (entries ?? 'file.txt').split(',').map(entry => entry.trim()),
          locked === '!',
        )
      : Buffer.from(KINDS[wanted] ?? `A file of the kind ${wanted}.`, 'latin1')
  const header = `Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="${name}"\r\nContent-Transfer-Encoding: base64`
  return `${header}\r\n\r\n${octets.toString('base64')}`
}

/** A zip archive of empty files: local headers, the directory, and its end (APPNOTE 4.3). */
function zipOf(names: readonly string[], locked: boolean): Buffer {
  const locals: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const name of names) {
    const written = Buffer.from(name)
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(20, 4)
    local.writeUInt16LE(locked ? 1 : 0, 6)
    local.writeUInt16LE(written.length, 26)
    const entry = Buffer.alloc(46)
    entry.writeUInt32LE(0x02014b50, 0)
    entry.writeUInt16LE(20, 4)
    entry.writeUInt16LE(20, 6)
    entry.writeUInt16LE(locked ? 1 : 0, 8)
    entry.writeUInt16LE(written.length, 28)
    entry.writeUInt32LE(offset, 42)
    locals.push(local, written)
    directory.push(entry, written)
    offset += local.length + written.length
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(names.length, 8)
  end.writeUInt16LE(names.length, 10)
  end.writeUInt32LE(size, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, ...directory, end])
}
