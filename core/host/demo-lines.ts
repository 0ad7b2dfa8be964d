/**
 * What a person reads after the very first start: the demo accounts with their passwords, and lines to paste that send a first mail and
 * read it. Pure.
 */
import type { OpenDoor } from './app-types.js'

export interface DemoAccount {
  readonly login: string
  readonly password: string
}

/** `certificate`: the self-signed one, which a client has to be told of. */
export function demoLines(
  accounts: readonly DemoAccount[],
  doors: readonly OpenDoor[],
  certificate: string | undefined,
): readonly string[] {
  const [first] = accounts
  if (first === undefined) return []
  const width = Math.max(...accounts.map(({ login }) => login.length))
  const shown = accounts.map(({ login, password }) => `  ${login.padEnd(width)}  ${password}`)
  return [
    '',
    'Accounts to try things out; their passwords are shown this once:',
    ...shown,
    ...firstMail(first, doors, certificate),
  ]
}

function firstMail(
  { login, password }: DemoAccount,
  doors: readonly OpenDoor[],
  certificate: string | undefined,
): string[] {
  const smtp = doors.find(door => door.protocol === 'smtp' && door.name === 'mx')
  const imaps = doors.find(door => door.protocol === 'imap' && door.tls === 'implicit')
  if (smtp === undefined || imaps === undefined) return []
  const trust = certificate === undefined ? '' : `--cacert ${quoted(certificate)} `
  return [
    '',
    'Send a first mail:',
    `  printf 'From: You <you@example.net>\\nSubject: Hello\\n\\nMy first mail.\\n' | curl --crlf -T - smtp://${smtp.address} --mail-from you@example.net --mail-rcpt ${login}`,
    'and read it:',
    `  curl ${trust}--user ${login}:${password} 'imaps://${imaps.address}/INBOX;MAILINDEX=1'`,
    '',
  ]
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
