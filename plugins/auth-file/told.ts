/** An account as commands tell it: as data, and in a line. Never its secrets. */
import { ACCOUNT_LIMITS, type AccountLimits } from 'posthouse/api'
import { formatSize } from 'posthouse/text'
import type { StoredAccount } from './accounts-file.js'
import { isForeign } from './foreign/schemes.js'

/** Of the file, or of another source. */
type Shown = Omit<StoredAccount, 'password'> & { readonly password?: string; readonly source?: string }

/** As `--json` prints it. */
export function told(account: Shown): object {
  const { id, login, addresses, quotaBytes, disabled, appPasswords, mainPasswordNotFor, imapDisable } = account
  return {
    id,
    login,
    source: account.source ?? 'auth-file',
    addresses,
    quotaBytes: quotaBytes ?? null,
    quotaMessages: account.quotaMessages ?? null,
    quotaGracePercent: account.quotaGracePercent ?? null,
    place: account.place ?? null,
    disabled: disabled ?? false,
    limits: account.limits ?? {},
    passwordScheme: schemeOf(account),
    appPasswords: appPasswords?.length ?? 0,
    mainPasswordNotFor: mainPasswordNotFor ?? [],
    imapDisable: imapDisable ?? [],
  }
}

/** How its own password is kept: as another server did until it logs in. */
function schemeOf({ password }: Shown): string | null {
  if (password === undefined) return null
  return (isForeign(password) ? /^\{([^}]+)\}/.exec(password)?.[1]?.toUpperCase() : undefined) ?? 'SCRYPT'
}

export function line(account: Shown, width: number): string {
  const { login, addresses } = account
  return [login.padEnd(width), addresses.join(', '), ...notesOf(account)].join('  ')
}

/** What is not as usual. */
function notesOf({
  quotaBytes,
  quotaMessages,
  quotaGracePercent,
  place,
  disabled,
  password,
  limits = {},
  appPasswords = [],
  mainPasswordNotFor = [],
  imapDisable = [],
}: Shown): readonly string[] {
  const notes = [
    quotaBytes === undefined ? '' : `quota ${formatSize(quotaBytes)}`,
    quotaMessages === undefined ? '' : `quota ${quotaMessages} messages`,
    quotaGracePercent === undefined ? '' : `grace ${quotaGracePercent}%`,
    place === undefined ? '' : `mail to the place ${place}`,
    disabled ? 'disabled' : '',
    ...limitsInWords(limits),
    password !== undefined && isForeign(password) ? 'password as another server kept it' : '',
    appPasswords.length === 0 ? '' : `${appPasswords.length} app passwords`,
    mainPasswordNotFor.length === 0 ? '' : `own password not for ${mainPasswordNotFor.join(', ')}`,
    imapDisable.length === 0 ? '' : `IMAP without ${imapDisable.join(', ')}`,
  ]
  return notes.filter(note => note !== '')
}

function limitsInWords(limits: AccountLimits): readonly string[] {
  return ACCOUNT_LIMITS.flatMap(name => (limits[name] === undefined ? [] : [`sends ${name} ${limits[name]}`]))
}
