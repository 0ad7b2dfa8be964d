/**
 * A resolver for tests that asks one of our name servers: whatever that will answer is waited for, however busy the machine is; what it is silent
 * about is given up soon. Silence is a matter of time, and a time that fits both would be too long for the one or too short for the other.
 */
import type { Resolver } from '../../core/api/index.js'
import { createResolver } from '../../core/dns/resolver.js'
import { reversedLabels } from '../../core/text/index.js'
import type { DnsServer } from './dns-server.js'

const PATIENT_MS = 30_000

export function patientResolver(server: DnsServer, silenceMs = 80, clock = { now: () => Date.now() }): Resolver {
  const asking = (timeoutMs: number) => createResolver({ servers: [server.address], timeoutMs, tries: 1, clock })
  const [patient, quick] = [asking(PATIENT_MS), asking(silenceMs)]
  const fit = (type: string, name: string) => (server.isSilent(type, name) ? quick : patient)
  return {
    configured: true,
    mx: (name, signal) => fit('MX', name).mx(name, signal),
    a: (name, signal) => fit('A', name).a(name, signal),
    aaaa: (name, signal) => fit('AAAA', name).aaaa(name, signal),
    txt: (name, signal) => fit('TXT', name).txt(name, signal),
    ptr: (address, signal) => fit('PTR', reverseOf(address)).ptr(address, signal),
  }
}

function reverseOf(address: string): string {
  const labels = reversedLabels(address) ?? ''
  return `${labels}.${labels.split('.').length === 4 ? 'in-addr' : 'ip6'}.arpa`
}
