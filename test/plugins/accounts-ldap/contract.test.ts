/** The contract of a directory of accounts, by people in a real slapd. */
import { describe } from 'node:test'
import { accountsContract, type KnownAccount } from '../../contracts/accounts.js'
import { type LdapPerson, noSlapd, Slapd } from '../../harness/slapd.js'
import { rig } from './rig.js'

const ATTRIBUTES = { quota: 'employeeNumber', quota_messages: 'departmentNumber', disabled: 'employeeType' }

function personOf({ login, addresses, password, quotaBytes, quotaMessages, disabled }: KnownAccount): LdapPerson {
  return {
    uid: login,
    mail: addresses,
    password,
    more: {
      ...(quotaBytes !== undefined && { employeeNumber: String(quotaBytes) }),
      ...(quotaMessages !== undefined && { departmentNumber: String(quotaMessages) }),
      ...(disabled && { employeeType: 'Disabled' }),
    },
  }
}

describe('accounts of an LDAP directory', { skip: noSlapd() }, () => {
  if (noSlapd() !== false) return
  accountsContract({
    name: 'accounts-ldap',
    async open(t, known) {
      const slapd = await Slapd.start(known.map(personOf))
      t.after(() => slapd.destroy())
      const again = async () => {
        const made = await rig(slapd, { attributes: ATTRIBUTES })
        t.after(() => made.end())
        return made
      }
      const { accounts, logIn } = await again()
      return {
        accounts,
        logIn,
        strangeId: 'ldap-nobody',
        again: async () => (await again()).accounts,
        cutOff: () => slapd.end(),
      }
    },
  })
})
