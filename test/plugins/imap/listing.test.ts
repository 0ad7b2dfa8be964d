/** Which names LIST tells: the examples of RFC 5258, and INBOX in any case. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listNames } from '../../../plugins/imap/listing.js'
import { EVERY_FEATURE } from '../../../plugins/imap/wire/features.js'
import { readListArgs } from '../../../plugins/imap/wire/list-args.js'
import { ReadError, Reader } from '../../../plugins/imap/wire/reader.js'

interface Folders {
  readonly there: readonly string[]
  readonly subscribed: readonly string[]
}

const FRUIT: Folders = {
  there: 'INBOX Fruit Fruit/Apple Fruit/Banana Tofu Vegetable Vegetable/Broccoli Vegetable/Corn'.split(' '),
  subscribed: 'INBOX Fruit/Banana Fruit/Peach Vegetable Vegetable/Broccoli'.split(' '),
}
const FOO: Folders = { there: ['INBOX', 'Foo', 'Foo/Bar', 'Foo/Baz', 'Moo'], subscribed: ['Foo/Baz'] }
const TWOS: Folders = {
  there: 'INBOX foo2 foo2/bar1 foo2/bar2 baz2 baz2/bar2 baz2/bar22 baz2/bar222 eps2 eps2/mamba qux2/bar2'.split(' '),
  subscribed: 'foo2/bar1 foo2/bar2 baz2/bar2 baz2/bar22 baz2/bar222 eps2 eps2/mamba qux2/bar2'.split(' '),
}
const SMALL: Folders = { there: ['foo'], subscribed: ['foo/bar'] }
const MUSIC: Folders = { there: ['music/rock'], subscribed: [] }

const read = (text: string) => {
  const input = Reader.of(` ${text}`)
  const args = readListArgs(input, () => [])
  input.end()
  return args
}

function told({ there, subscribed }: Folders, command: string): readonly string[] {
  const mailboxes = there.map(name => ({ name, ...(name === 'Tofu' && { specialUse: 'Trash' as const }) }))
  return listNames(mailboxes, subscribed, read(command), EVERY_FEATURE).map(({ name, attributes, childInfo }) => {
    const letters = attributes.map(one => SHORT.get(one) ?? one).join('')
    return `${name}${letters && `:${letters}`}${childInfo ? '+' : ''}`
  })
}

const SHORT = new Map([
  ['\\HasChildren', 'c'],
  ['\\HasNoChildren', ''],
  ['\\Subscribed', 's'],
  ['\\NonExistent', 'n'],
  ['\\Noselect', 'N'],
  ['\\Trash', 't'],
])

for (const [what, folders, command, wish] of [
  [
    '2: what is subscribed, there or not',
    FRUIT,
    '(SUBSCRIBED) "" *',
    'INBOX:s Fruit/Banana:s Fruit/Peach:ns Vegetable:cs Vegetable/Broccoli:s',
  ],
  ['3: children', FRUIT, '() "" % RETURN (CHILDREN)', 'INBOX Fruit:c Tofu:t Vegetable:c'],
  [
    '5: remote changes nothing',
    FRUIT,
    '(REMOTE SUBSCRIBED) "" "*"',
    'INBOX:s Fruit/Banana:s Fruit/Peach:ns Vegetable:cs Vegetable/Broccoli:s',
  ],
  [
    '6: what is there, with what is subscribed',
    FRUIT,
    '(REMOTE) "" * RETURN (SUBSCRIBED)',
    'INBOX:s Fruit:c Fruit/Apple Fruit/Banana:s Tofu:t Vegetable:cs Vegetable/Broccoli:s Vegetable/Corn',
  ],
  ['7: several patterns', FRUIT, '"" ("inbox" Tofu "Vegetable/%")', 'INBOX Tofu:t Vegetable/Broccoli Vegetable/Corn'],
  ['8A: nothing subscribed on this level', FOO, '(SUBSCRIBED) "" %', ''],
  ['8A: a child is', FOO, '(SUBSCRIBED RECURSIVEMATCH) "" %', 'Foo:c+'],
  ['8A1: both are', { ...FOO, subscribed: ['Foo', 'Foo/Baz'] }, '(SUBSCRIBED RECURSIVEMATCH) "" %', 'Foo:cs+'],
  [
    '8A2: the parent is not there',
    { there: ['INBOX', 'Foo/Baz'], subscribed: ['Foo/Baz'] },
    '(SUBSCRIBED RECURSIVEMATCH) "" %',
    'Foo:nc+',
  ],
  ['8B: nothing is subscribed', { ...FOO, subscribed: [] }, '(SUBSCRIBED RECURSIVEMATCH) "" %', ''],
  [
    '8C: only the parents are',
    { ...FOO, subscribed: ['Foo', 'Moo'] },
    '(SUBSCRIBED RECURSIVEMATCH) "" % RETURN (CHILDREN)',
    'Foo:cs Moo:s',
  ],
  [
    '9: those above that say nothing new are left out',
    TWOS,
    '(RECURSIVEMATCH SUBSCRIBED) "" *2',
    'baz2/bar2:s baz2/bar22:s baz2/bar222:s eps2:cs+ foo2:c+ foo2/bar2:s qux2/bar2:s',
  ],
  [
    '10: a subscribed child that is not there is no child',
    SMALL,
    '(SUBSCRIBED RECURSIVEMATCH) "" foo RETURN (CHILDREN)',
    'foo+',
  ],
  ['11: a level that is no mailbox', MUSIC, '() "" %', 'music:nc'],
  ['the plain form says Noselect too', MUSIC, '"" %', 'music:Nnc'],
  ['an empty pattern asks for nothing in the extended form', FRUIT, '"" ("" Tofu)', 'Tofu:t'],
  ['only those with a special use', FRUIT, '(SPECIAL-USE) "" *', 'Tofu:t'],
  ['every option must be met', FRUIT, '(SPECIAL-USE SUBSCRIBED) "" *', ''],
  ['an option twice is the option once', FRUIT, '(SUBSCRIBED SUBSCRIBED) "" T* RETURN (CHILDREN CHILDREN)', ''],
] as const) {
  // biome-ignore format: table
  test(`LIST by RFC 5258 §5, ${what}`, () => assert.equal(told(folders, command).join(' '), wish))
}

for (const command of [
  '(RECURSIVEMATCH) "" *',
  '(REMOTE RECURSIVEMATCH) "" *',
  '(SPECIAL-USE RECURSIVEMATCH) "" *',
  '(NEW) "" *',
  '"" * RETURN (NEW)',
  '"" * RETURN',
  '"" ()',
]) {
  test(`LIST ${command.slice(0, 40)} is BAD`, () => assert.throws(() => read(command), ReadError))
}

for (const [what, command, wish] of [
  ['one of too many wildcards', `"" ${'*o'.repeat(17)}`, ''],
  ['one that is too long', `"" "${'T'.repeat(1025)}"`, ''],
  ['such a one among others', `"" (Tofu ${'*'.repeat(1025)} Vegetable)`, 'Tofu:t Vegetable:c'],
  ['those beyond what all may have together', `"" (${'"%*%Q%*" '.repeat(40)}Tof%)`, ''],
] as const) {
  test(`LIST passes over patterns that are too much: ${what}`, () => assert.equal(told(FRUIT, command).join(' '), wish))
}

for (const [without, command] of [
  ['LIST-EXTENDED', '(SUBSCRIBED) "" *'],
  ['LIST-EXTENDED', '"" (a b)'],
  ['LIST-EXTENDED', '"" * RETURN (CHILDREN)'],
  ['SPECIAL-USE', '(SPECIAL-USE) "" *'],
  ['SPECIAL-USE', '"" * RETURN (SPECIAL-USE)'],
  ['CHILDREN', '"" * RETURN (CHILDREN)'],
  ['LIST-STATUS', '"" * RETURN (STATUS (MESSAGES))'],
] as const) {
  test(`without ${without} nobody knows LIST ${command}`, () => {
    const input = Reader.of(` ${command}`, { can: name => name !== without, enabled: () => false })
    assert.throws(() => {
      readListArgs(input, () => [])
      input.end()
    }, ReadError)
  })
}

for (const [pattern, found] of [
  ['inbox', 'INBOX'],
  ['inb%', 'INBOX inboxes'],
  ['iNbOx*', 'INBOX INBOX/sub'],
  ['inbox*', 'INBOX INBOX/sub inboxes'],
  ['InBox/%', 'INBOX/sub'],
  ['in%/s*', 'INBOX/sub'],
  ['INBOX/SUB', ''],
  ['inboxes', 'inboxes'],
] as const) {
  test(`LIST "" ${pattern} tells ${found || 'nothing'}`, () => {
    const mailboxes = ['INBOX', 'INBOX/sub', 'inboxes'].map(name => ({ name }))
    const names = listNames(mailboxes, [], read(`"" ${pattern}`), EVERY_FEATURE).map(({ name }) => name)
    assert.equal(names.join(' '), found)
  })
}
