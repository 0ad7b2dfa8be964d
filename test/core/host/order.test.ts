/** The order of setting plugins up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setupOrder } from '../../../core/host/order.js'

type Row = readonly [name: string, needs: string, supplies: string]

function order(rows: readonly Row[], given: readonly string[] = []) {
  const words = (text: string) => text.split(' ').filter(Boolean)
  const parties = rows.map(([name, needs, supplies]) => ({ name, needs: words(needs), supplies: words(supplies) }))
  const { order: found, problems } = setupOrder(parties, new Set(given))
  return { names: found.map(i => parties[i]!.name).join(' '), problems: problems.map(p => `${p.index}: ${p.message}`) }
}

const CASES: readonly (readonly [what: string, rows: readonly Row[], names: string])[] = [
  [
    'nothing needed: as written',
    [
      ['a', '', ''],
      ['b', '', ''],
    ],
    'a b',
  ],
  [
    'suppliers first',
    [
      ['mda', 'store accounts', ''],
      ['store', '', 'store'],
      ['auth', 'store', 'accounts'],
    ],
    'store auth mda',
  ],
  [
    'others keep their places',
    [
      ['a', '', ''],
      ['b', 'x', ''],
      ['c', '', ''],
      ['d', '', 'x'],
    ],
    'a c d b',
  ],
  [
    'who needs accounts waits for all of their sources',
    [
      ['mda', 'accounts', ''],
      ['file', '', 'accounts'],
      ['ldap', 'store', 'accounts'],
      ['store', '', 'store'],
    ],
    'file store ldap mda',
  ],
]
for (const [what, rows, names] of CASES) {
  test(what, () => assert.deepEqual(order(rows), { names, problems: [] }))
}

test('services of core are there from the beginning', () => {
  assert.deepEqual(order([['imap', 'authenticator', '']], ['authenticator']), { names: 'imap', problems: [] })
})

const WRONG: readonly (readonly [what: string, rows: readonly Row[], problems: readonly string[], names: string])[] = [
  [
    'a service nobody supplies is named, and the rest is still set up',
    [
      ['mda', 'accounts', ''],
      ['store', '', 'store'],
    ],
    ['0: "mda" needs the service "accounts", and no entry supplies it'],
    'store',
  ],
  [
    'a service supplied twice is a fault of the second',
    [
      ['one', '', 'store'],
      ['two', '', 'store'],
    ],
    ['1: "two" supplies the service "store", which "one" supplies already'],
    'one',
  ],
  [
    'plugins that wait for each other are named in a ring, once; those who wait for them are not blamed',
    [
      ['a', 'y', 'x'],
      ['b', 'x', 'y'],
      ['c', 'x', ''],
    ],
    ['0: plugins wait for each other: "a" needs "y" of "b", "b" needs "x" of "a"'],
    '',
  ],
  [
    'a plugin that needs its own service waits for ever',
    [['a', 'x', 'x']],
    ['0: plugins wait for each other: "a" needs "x" of "a"'],
    '',
  ],
  [
    'so does a source of accounts that needs accounts, whoever else supplies them',
    [
      ['file', '', 'accounts'],
      ['odd', 'accounts', 'accounts'],
    ],
    ['1: plugins wait for each other: "odd" needs "accounts" of "odd"'],
    'file',
  ],
]
for (const [what, rows, problems, names] of WRONG) {
  test(what, () => assert.deepEqual(order(rows), { names, problems }))
}

test('what an entry with a fault of its own may supply is not said to be missing; who needs it waits, and the rest is set up', () => {
  const parties = [
    { name: 'mda', needs: ['accounts'], supplies: [] },
    { name: 'imap', needs: ['authenticator'], supplies: [] },
    { name: 'store', needs: [], supplies: ['store'] },
  ]
  const { order, problems } = setupOrder(parties, new Set(), service => service === 'accounts')
  assert.deepEqual(order, [2])
  assert.deepEqual(
    problems.map(({ message }) => message),
    ['"imap" needs the service "authenticator", and no entry supplies it'],
  )
})
