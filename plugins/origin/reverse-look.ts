/**
 * What the reverse name of an address looks like: providers number the lines of their customers, with the address in the name and a word for the kind of
 * line, and name what is meant to send mail. Pure; wrong now and then, which is why it weighs little alone.
 */
import { isIPv4 } from 'node:net'
import type { ReverseLook } from 'posthouse/api'
import { organisationOf } from 'posthouse/text'

/** Words for lines whose addresses are lent. */
const DYNAMIC =
  /^(?:dyn|dyna|dynamic|dynip|dynamicip|dhcp|dhcpd|[avsxhf]?dsl|dslam|ppp|pppoe|pool|pools|dip|dial|dialup|dialin|dialpool|cable|catv|cablemodem|docsis|cpe|modem|isdn|broadband|bband|wireless|wimax|wifi|wlan|umts|gprs|lte|mobile|mob|gsm|hsd|hsia|fios|ftth|fttx|fttb|gpon|res|resnet|residential|home|cust|customer|customers|client|clients|subscriber|user|users|nat|cgnat)$/
/** Words for what stays where it is, or is meant to send mail. */
const SERVER =
  /^(?:static|stat|sta|fixed|fix|mail|mails|mailer|mailout|email|mx|mta|smtp|relay|out|outbound|outgoing|server|servers|srv|vps|vserver|hosting|hosted|colo|dedicated|dedi|rev|web|www|ns|cloud|compute|list|lists|news|newsletter|bounce|send|sender|mg|mgw|gw|gateway|business|biz|corp)$/

export function lookOf(name: string, address: string): ReverseLook {
  const lower = name.toLowerCase().slice(0, 255)
  const organisation = organisationOf(lower)
  const own = lower.endsWith(organisation) ? lower.slice(0, -organisation.length) : lower
  const words = own.match(/[a-z]+/g) ?? []
  if (words.some(word => SERVER.test(word))) return 'server'
  const numbered = holdsAddress(own, address)
  if (numbered && words.some(word => DYNAMIC.test(word))) return 'dynamic'
  return numbered ? 'numbered' : 'plain'
}

/** At least the last two octets side by side, forwards or backwards, in decimals; or all four in hexadecimal or without anything between. */
function holdsAddress(name: string, address: string): boolean {
  if (!isIPv4(address)) return holdsGroups(name, address)
  const octets = address.split('.').map(Number)
  const [, , third, fourth] = octets
  const hex = octets.map(octet => octet.toString(16).padStart(2, '0')).join('')
  const long = octets.map(octet => String(octet).padStart(3, '0')).join('')
  if (name.includes(hex) || name.includes(long) || name.includes(octets.join(''))) return true
  const numbers = (name.match(/\d+/g) ?? []).map(Number)
  return numbers.some((number, at) => {
    const next = numbers[at + 1]
    return (number === third && next === fourth) || (number === fourth && next === third)
  })
}

/** Of IPv6, three groups in a row. */
function holdsGroups(name: string, address: string): boolean {
  const groups = address
    .toLowerCase()
    .split(':')
    .filter(group => group !== '')
  for (let at = 0; at + 3 <= groups.length; at++) {
    const three = groups.slice(at, at + 3)
    const padded = three.map(group => group.padStart(4, '0'))
    if (name.includes(three.join('-')) || name.includes(padded.join('-')) || name.includes(padded.join(''))) return true
  }
  return false
}
