/** Commands about somebody who is no account of the file. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Account, type Accounts, CommandError, MailError } from '../../../core/api/index.js'
import { runCommand, servicesOf } from '../../harness/context.js'
import { add, install } from './install.js'

const ANN: Account = { id: 'ldap-ann', login: 'ann', addresses: ['ann@example.test'], source: 'ldap' }

/** All sources together, as core has them. */
function sources(find: (login: string) => Promise<Account | undefined>): Accounts {
  return { byLogin: find, byAddress: find, byId: async () => undefined, list: async () => [] }
}

async function sayings(accounts: Accounts, who: string): Promise<readonly string[]> {
  const installed = await install({}, { services: servicesOf({ accounts }) })
  await add(installed, ['bob@example.test'])
  const asked = [
    ['user passwd', [who]],
    ['user remove', [who]],
    ['user rename', [who, 'other']],
    ['user change', [who], { disable: true }],
    ['user app-password add', [who, 'phone']],
    ['user app-password list', [who]],
    ['user app-password remove', [who, 'phone']],
  ] as const
  const said = new Set<string>()
  for (const [name, args, options = {}] of asked)
    await runCommand(installed.commands, name, args, { options }).then(
      () => said.add(`${name} went on`),
      (error: unknown) => said.add(error instanceof CommandError ? error.message : String(error)),
    )
  return [...said]
}

test('of another source they say whose they are', async () => {
  assert.deepEqual(
    await sayings(
      sources(async () => ANN),
      'ann',
    ),
    ['ann is an account of ldap and not of auth-file; it can only be changed there'],
  )
})

test('of nobody they say so, and while another source is down they know no more', async () => {
  const nobody = ['no account "bobb@example.test"; did you mean bob@example.test?']
  assert.deepEqual(
    await sayings(
      sources(async () => undefined),
      'bobb@example.test',
    ),
    nobody,
  )
  const down = sources(() => Promise.reject(new MailError('directory-unavailable', 'down')))
  assert.deepEqual(await sayings(down, 'bobb@example.test'), nobody)
})
