/**
 * The same messages in a mailbox here and in one of Debian's Dovecot, and the same questions to both. Messages are those of the MIME suites and of the
 * sample of mail: broken ones among them, in many charsets.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { Dovecot } from '../../../bench/peers/dovecot.js'
import { Client, type Rig, startRig } from './rig.js'

const LARGEST = 512 * 1024
const APPENDED_AT_ONCE = 40

export interface Letter {
  readonly name: string
  readonly octets: Buffer
}

/** Files that begin like a message, in order, with line ends as they go over the wire. */
export function lettersIn(folder: string): readonly Letter[] {
  const files = (readdirSync(folder, { recursive: true, encoding: 'utf8' }) as string[])
    .map(name => join(folder, name))
    .filter(path => statSync(path).isFile() && statSync(path).size <= LARGEST)
    .sort()
  return files.flatMap(path => {
    const octets = Buffer.from(readFileSync(path, 'latin1').replace(/\r?\n/g, '\r\n'), 'latin1')
    // NUL goes into no literal (RFC 3501 §9 CHAR8).
    const isMail = /^[!-9;-~]+:/.test(octets.toString('latin1', 0, 200)) && !octets.includes(0)
    return isMail ? [{ name: relative(folder, path), octets }] : []
  })
}

export class Pair {
  private readonly letters: readonly Letter[]
  private readonly rig: Rig
  private readonly dovecot: Dovecot
  private readonly folder: string
  private readonly ours: Client
  private readonly theirs: Client

  private constructor(
    letters: readonly Letter[],
    rig: Rig,
    dovecot: Dovecot,
    folder: string,
    ours: Client,
    theirs: Client,
  ) {
    this.letters = letters
    this.rig = rig
    this.dovecot = dovecot
    this.folder = folder
    this.ours = ours
    this.theirs = theirs
  }

  static async start(letters: readonly Letter[]): Promise<Pair> {
    const folder = mkdtempSync(join(tmpdir(), 'posthouse-beside-'))
    chmodSync(folder, 0o755)
    const dovecot = await Dovecot.start({ folder, store: 'maildir', password: 'secret' })
    const rig = await startRig()
    const clients = [await Client.connect(rig.port), await Client.connect(dovecot.ports.imap)] as const
    for (const client of clients) {
      await client.ok('LOGIN ann secret')
      await client.ok('CREATE Letters')
      await fill(client, letters)
      await client.ok('SELECT Letters')
    }
    return new Pair(letters, rig, dovecot, folder, ...clients)
  }

  /** What both answer, without the tag. */
  async ask(command: string): Promise<readonly [ours: string, theirs: string]> {
    const [ours, theirs] = await Promise.all([
      this.ours.command(command, 120_000),
      this.theirs.command(command, 120_000),
    ])
    return [told(ours), told(theirs)]
  }

  names(uids: readonly number[]): string {
    return uids.map(uid => this.letters[uid - 1]!.name).join(' ')
  }

  async end(): Promise<void> {
    this.theirs.close()
    await this.rig.end()
    await this.dovecot.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function told(responses: readonly string[]): string {
  const untagged = responses.filter(line => /^\* (?:SEARCH|SORT|THREAD)/.test(line))
  return untagged[0] ?? responses.at(-1)!
}

/** The n-th has the UID n; a day for each, so that no two came at once. */
async function fill(client: Client, letters: readonly Letter[]): Promise<void> {
  for (let at = 0; at < letters.length; at += APPENDED_AT_ONCE) {
    const messages = letters.slice(at, at + APPENDED_AT_ONCE).map(({ octets }, index) => {
      const date = new Date(Date.UTC(2001, 0, 1 + at + index)).toUTCString().split(' ')
      return ` "${date[1]}-${date[2]}-${date[3]} 12:00:00 +0000" {${octets.length}+}\r\n${octets.toString('latin1')}`
    })
    await client.ok(`APPEND Letters${messages.join('')}`, 120_000)
  }
}
