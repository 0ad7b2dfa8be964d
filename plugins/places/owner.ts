/**
 * Whose is it? In a folder where several may make files, somebody could put one down under another's name and read their mail. So what is there must
 * belong to the user of that name, or to us.
 */
import type { Stats } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Trouble } from './trouble.js'

const PASSWD = '/etc/passwd'

/** Throws `Trouble` when it is somebody else's. */
export async function mustBelong(stat: Pick<Stats, 'uid'>, user: string, passwd = PASSWD): Promise<void> {
  if (stat.uid === process.geteuid?.()) return
  const uid = uidOf(await readFile(passwd, 'utf8'), user)
  if (uid === stat.uid) return
  const whose = uid === undefined ? `there is no user ${user} in ${passwd}` : `${user} is ${uid}`
  throw new Trouble(
    '4.3.5',
    'the mailbox belongs to somebody else',
    `it belongs to the user ${stat.uid}, and ${whose}; with owner: any that does not matter`,
  )
}

/** Pure. */
export function uidOf(passwd: string, user: string): number | undefined {
  const line = passwd.split('\n').find(one => one.startsWith(`${user}:`))
  const uid = line?.split(':')[2]
  return uid !== undefined && /^[0-9]{1,10}$/.test(uid) ? Number(uid) : undefined
}
