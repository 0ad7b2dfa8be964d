/** Looking people up in a real slapd: names that would be filters, what entries say, and what is trouble and not "nobody". */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MailError } from '../../../core/api/index.js'
import { noSlapd, PEOPLE, SERVICE, Slapd } from '../../harness/slapd.js'
import { type Rig, rig } from './rig.js'

const CROWD = 1200
const isTrouble = (words: RegExp) => (error: unknown) =>
  error instanceof MailError && error.errorCode === 'directory-unavailable' && words.test(error.message)

describe('people of an LDAP directory', { skip: noSlapd() }, () => {
  if (noSlapd() !== false) return
  let slapd: Slapd
  const rigs: Rig[] = []

  before(async () => {
    slapd = await Slapd.start([
      {
        uid: 'ann',
        mail: ['Ann@Example.TEST', 'ann@elsewhere.example', 'no address'],
        more: { employeeNumber: '5', employeeType: '514' },
      },
      { uid: 'zoë', mail: ['zoë@example.test'], password: 'pass wörd' },
      { uid: 'a*b', mail: ['star@example.test'] },
      { uid: '(c)(uid=*)', mail: ['brackets@example.test'] },
      { uid: 'back\\slash', mail: ['backslash@example.test'] },
      { uid: 'twin1', mail: ['twins@example.test'] },
      { uid: 'twin2', mail: ['twins@example.test'] },
      { uid: 'odd', more: { employeeNumber: 'plenty' } },
      ...Array.from({ length: CROWD }, (_, at) => ({ uid: `crowd${at}` })),
    ])
  })
  after(async () => {
    for (const one of rigs) await one.end()
    await slapd.destroy()
  })

  async function open(config: object = {}): Promise<Rig> {
    const made = await rig(slapd, config)
    rigs.push(made)
    return made
  }

  for (const uid of ['a*b', '(c)(uid=*)', 'back\\slash', 'zoë']) {
    test(`somebody is called ${uid}, and found by exactly that`, async () => {
      const { accounts } = await open()
      assert.equal((await accounts.byLogin(uid))?.login, uid)
    })
  }

  for (const uid of ['a*', '*', 'a\\2ab', 'zo*', 'c)(uid=*', 'ann)(objectClass=*', 'ann\u0000'])
    test(`nobody is called ${JSON.stringify(uid)}`, async () => {
      assert.equal(await (await open()).accounts.byLogin(uid), undefined)
    })

  test('a password in other letters than ASCII is right', async () => {
    assert.equal((await (await open()).logIn('zoë', 'pass wörd'))?.kind, 'authenticated')
  })

  test('addresses of our domains count, in lower case, and no others', async () => {
    assert.deepEqual((await (await open()).accounts.byLogin('ann'))?.addresses, ['ann@example.test'])
  })

  test('addresses can be made of an attribute', async () => {
    const { accounts } = await open({
      attributes: { addresses: ['{uid}@second.test', 'mail'] },
      address_filter: '(&(objectClass=inetOrgPerson)(uid={local}))',
    })
    assert.deepEqual((await accounts.byAddress('ann@second.test'))?.addresses, ['ann@second.test', 'ann@example.test'])
  })

  test('a bare number is a quota in the unit of the config; what is no amount is no bound', async () => {
    const { accounts } = await open({ attributes: { quota: 'employeeNumber' }, quota_unit: 'MB' })
    assert.equal((await accounts.byLogin('ann'))?.quotaBytes, 5 * 1024 * 1024)
    assert.equal((await accounts.byLogin('odd'))?.quotaBytes, undefined)
  })

  test('a bit can say that an account is disabled', async () => {
    const config = { attributes: { disabled: 'employeeType' } }
    assert.equal((await (await open({ ...config, disabled_bits: 2 })).accounts.byLogin('ann'))?.disabled, true)
    assert.equal((await (await open({ ...config, disabled_bits: 4 })).accounts.byLogin('ann'))?.disabled, undefined)
  })

  test('a list has more people than the server tells at a time', async () => {
    const { accounts } = await open()
    const logins = new Set((await accounts.list()).map(({ login }) => login))
    assert.equal(logins.size, CROWD + 8)
    assert.equal((await accounts.list(3)).length, 3)
  })

  test('an id stays when the login changes', async () => {
    const { accounts } = await open()
    const { id } = (await accounts.byLogin('crowd7'))!
    await slapd.change(`dn: uid=crowd7,${PEOPLE}\nchangetype: modrdn\nnewrdn: uid=other7\ndeleteoldrdn: 1\n`)
    assert.deepEqual([(await accounts.byId(id))?.login, (await accounts.byLogin('other7'))?.id], ['other7', id])
    assert.equal(await accounts.byLogin('crowd7'), undefined)
  })

  test('an id of another source is nobody, without a question', async () => {
    const { accounts } = await open({ servers: ['ldap://127.0.0.1:1'] })
    for (const id of ['a1b2c3d4e5', 'other-x', 'ldap', 'ldap-', 'ldap-A', 'ldap-_zz', 'ldap-_41'])
      assert.equal(await accounts.byId(id), undefined)
    await assert.rejects(accounts.byId('ldap-x'), isTrouble(/ECONNREFUSED/))
  })

  test('any attribute can be the id, and its letters come back', async () => {
    const { accounts } = await open({ name: 'staff', attributes: { id: 'uid' } })
    for (const [uid, id] of [
      ['ann', 'staff-ann'],
      ['zoë', 'staff-zo_c3_ab'],
      ['a*b', 'staff-a_2ab'],
      ['(c)(uid=*)', 'staff-_28c_29_28uid_3d_2a_29'],
    ] as const) {
      assert.equal((await accounts.byLogin(uid))?.id, id)
      assert.equal((await accounts.byId(id))?.login, uid)
    }
  })

  test('only domains that are named are asked about', async () => {
    const { accounts, logIn } = await open({ domains: ['second.test'], servers: ['ldap://127.0.0.1:1'] })
    assert.equal(await accounts.byAddress('ann@example.test'), undefined)
    assert.equal(await accounts.byLogin('ann@example.test'), undefined)
    assert.equal(await logIn('ann@example.test', 'x'), undefined)
    for (const name of ['ann@second.test', 'ann'])
      await assert.rejects(accounts.byLogin(name), isTrouble(/ECONNREFUSED/))
  })

  describe('is trouble, and does not mean that nobody is there:', () => {
    test('two entries for one address', async () => {
      const { accounts } = await open()
      await assert.rejects(
        accounts.byAddress('twins@example.test'),
        isTrouble(/more than one is twins@example\.test: uid=twin1,.* and uid=twin2,/),
      )
    })

    test('a base that is not there', async () => {
      const { accounts } = await open({ base: 'ou=none,dc=example,dc=test' })
      await assert.rejects(accounts.byLogin('ann'), isTrouble(/answers 32, there is no such base/))
    })

    test('a service that may not log in', async () => {
      const { accounts, logIn } = await open({ bind_dn: `cn=nobody,${PEOPLE}` })
      await assert.rejects(accounts.byLogin('ann'), isTrouble(/does not let us look people up as cn=nobody/))
      assert.equal((await logIn('ann', 'x'))?.kind, 'defer')
    })

    test('nobody to look people up as, where the directory shows strangers nothing', async () => {
      const { servers, base, ca } = { servers: [slapd.url], base: PEOPLE, ca: 'ca.pem' }
      const { accounts } = await open({ servers, base, ca, bind_dn: undefined })
      await assert.rejects(accounts.byLogin('ann'), isTrouble(/answers 50, bind_dn may not do that/))
    })

    test('an entry without its id', async () => {
      const { accounts } = await open({ attributes: { id: 'employeeNumber' } })
      assert.equal((await accounts.byLogin('ann'))?.id, 'ldap-5')
      await assert.rejects(accounts.byLogin('zoë'), isTrouble(/has no employeeNumber that we may read/))
    })
  })

  test('the service’s own entry is nobody’s account', async () => {
    assert.equal(await (await open()).accounts.byLogin(SERVICE.dn), undefined)
  })
})
