/** Large providers by the names that their hosts have: what says it was there leaves it by a host of the same family. */
import { organisationOf } from 'posthouse/text'

const FAMILIES: readonly (readonly [name: string, organisations: string])[] = [
  ['Google', 'google.com googlemail.com gmail.com 1e100.net googleusercontent.com'],
  [
    'Microsoft',
    'outlook.com hotmail.com live.com msn.com microsoft.com office365.com microsoftonline.com exchangelabs.com office365.us passport.com office.com',
  ],
  ['Yahoo', 'yahoo.com yahoodns.net yahoo.co.jp yahooinc.com ymail.com rocketmail.com oath.com aol.com aol.net'],
  ['Apple', 'apple.com icloud.com me.com mac.com'],
  ['GMX', 'gmx.net gmx.com gmx.de web.de kundenserver.de ui-dns.de'],
  ['Mail.ru', 'mail.ru'],
  ['Yandex', 'yandex.ru yandex.net yandex.com'],
  ['Tencent', 'qq.com'],
  ['NetEase', '163.com 126.com netease.com'],
  ['Proton', 'protonmail.ch protonmail.com proton.ch proton.me'],
  ['PayPal', 'paypal.com'],
]

const BY_ORGANISATION = new Map(
  FAMILIES.flatMap(([name, all]) => all.split(' ').map(organisation => [organisation, name] as const)),
)

export function providerOf(host: string): string | undefined {
  return BY_ORGANISATION.get(organisationOf(host))
}
