/** The mail around a report that one server sends another: a line for people, and the packed report as a file. Pure. */
import { foldField } from './header.js'

export interface ReportMail {
  /** Those of MIME and Auto-Submitted are added. */
  readonly header: readonly (readonly [name: string, value: string])[]
  /** Its boundary is added. */
  readonly type: string
  readonly boundary: string
  /** ASCII, lines with CRLF. */
  readonly words: string
  readonly file: { readonly type: string; readonly name: string; readonly octets: Buffer }
}

export function writeReportMail({ header, type, boundary, words, file }: ReportMail): Buffer {
  const fields = [
    ...header,
    ['Auto-Submitted', 'auto-generated'],
    ['MIME-Version', '1.0'],
    ['Content-Type', `${type}; boundary="${boundary}"`],
  ] as const
  const data = (file.octets.toString('base64').match(/.{1,76}/g) ?? []).join('\r\n')
  return Buffer.from(
    `${fields.map(([name, value]) => foldField(name, value)).join('')}\r\n` +
      `--${boundary}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n${words}\r\n` +
      `--${boundary}\r\nContent-Type: ${file.type}\r\nContent-Transfer-Encoding: base64\r\n` +
      `${foldField('Content-Disposition', `attachment; filename="${file.name}"`)}\r\n${data}\r\n--${boundary}--\r\n`,
  )
}
